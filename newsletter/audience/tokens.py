"""Signed links for readers: they prove who clicks, hold no address, and never expire.

A token reads ``key.briefing.signature.edition.subscriber``. The signature is 132 bits of keyed BLAKE2b (RFC 7693
section 2.9): of the one block of 64 bytes that edition and reader give, each purpose owns bits that no other shows, so
that a view link cannot unsubscribe, and a mail's three links cost one hash. It ends in a hex digit, since programs that
find links in plain text drop punctuation from their ends. A leaving link must work for 60 days at least (CASL), so none
expires; a new key only adds to the old ones, and the links of the first release, signed with HMAC-SHA256, are read
like the others.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal, NamedTuple, Self, get_args

from newsletter.errors import ConfigError, Refused

Purpose = Literal["unsubscribe", "preferences", "view"]

MAX_BRIEFING = 32
MAX_LENGTH = 4 + MAX_BRIEFING + 22 + 12 + 12 + 4
"""Characters of the longest token: 86."""
MAX_URL = 150

_NUMBERS = 1 << 48
_TOO_LARGE = "numbers in a link have 48 bits"
_KEY_ID = re.compile(r"[a-z0-9]{1,4}")
_BRIEFING = re.compile(rf"[a-z0-9-]{{0,{MAX_BRIEFING}}}")
_TOKEN = re.compile(
    rf"([a-z0-9]{{1,4}})\.([a-z0-9-]{{0,{MAX_BRIEFING}}})\.[A-Za-z0-9_-]{{22}}\.([0-9a-f]{{1,12}})\.([0-9a-f]{{1,12}})"
)
_SEALED = re.compile(r"([a-z0-9]{1,4})\.[A-Za-z0-9_-]{22}\.([a-z0-9.]{1,64})")
_IN_TIME = re.compile(r"([0-9a-f]{1,12})\.([0-9a-f]{1,12})")
_SIGNATURE = 22
"""Characters of base64: 132 bits."""
_SHARE: Mapping[Purpose, slice] = {
    purpose: slice(place * _SIGNATURE, (place + 1) * _SIGNATURE) for place, purpose in enumerate(get_args(Purpose))
}
"""Which characters of a block (it has 86) are whose. The order stands for ever."""
PAGES: Mapping[Purpose, str] = {"unsubscribe": "u", "preferences": "p", "view": "v"}
"""What a link's path begins with."""
_LEAVE, _CHANGE, _VIEW = _SHARE["unsubscribe"], _SHARE["preferences"], _SHARE["view"]
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_CUT, _CUT_SIGNS = 51, 68
"""Bytes of a block that hold what all purposes own, and their characters of base64: a multiple of three, so that the
blocks of many readers are encoded in one go."""


class BadToken(Refused):
    """This link is not one of ours, or not whole."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a link says. ``edition_id`` is 0 for a link that came with no edition."""

    purpose: str
    edition_id: int
    subscriber_id: int
    briefing: str


def _number(value: int) -> int:
    if not 0 <= value < _NUMBERS:
        raise ValueError(_TOO_LARGE)
    return value


class Signer:
    """Signs for the readers of one edition: what is the same for all of them has been hashed."""

    __slots__ = ("_block", "middle", "prefix")

    def __init__(self, prefix: str, middle: str, block: blake2b) -> None:
        self.prefix, self.middle, self._block = prefix, middle, block

    def blocks(self, readers: Sequence[str]) -> list[str]:
        """For each of these readers, by their numbers in hex, the signatures of all purposes, one behind another."""
        digests = []
        for reader in readers:
            block = self._block.copy()
            block.update(reader.encode())
            digests.append(block.digest()[:_CUT])
        signs = b2a_base64(b"".join(digests), newline=False).translate(_URL_SAFE).decode()
        return [signs[at : at + _CUT_SIGNS] for at in range(0, len(signs), _CUT_SIGNS)]

    def token(self, purpose: Purpose, subscriber_id: int) -> str:
        """A token for one purpose."""
        reader = f"{subscriber_id:x}"
        return f"{self.prefix}{self.blocks([reader])[0][_SHARE[purpose]]}{self.middle}{reader}"


def _key_id(secret: bytes) -> str:
    return b32encode(hmac.digest(secret, b"newsletter key id", "sha256")).decode()[:4].lower()


class Tokens:
    """Signs with the current key, reads with any of them."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """``keys`` maps a key's id (one to four small letters or digits) to its bytes (32 or more)."""
        for name, key in keys.items():
            if not _KEY_ID.fullmatch(name):
                raise ConfigError(f"key id {name!r}: write one to four small letters or digits")
            if len(key) < 32:
                raise ConfigError(f"key {name!r} is shorter than 32 bytes")
        if current not in keys:
            raise ConfigError(f"there is no key {current!r}")
        self._keys, self._current = dict(keys), current
        self._blocks = {
            name: blake2b(key=hmac.digest(key, b"newsletter link 2", "sha256"), person=b"newsletter link")
            for name, key in keys.items()
        }

    @classmethod
    def from_secrets(cls, current: bytes, *older: bytes) -> Self:
        """From the secrets alone: a key's id is made of the key, so that rotating is writing a new one in front."""
        keys = {_key_id(secret): secret for secret in (*older, current)}
        if len(keys) != len({current, *older}):
            raise ConfigError("two of the keys that sign links look alike: make the newest anew")
        return cls(keys, _key_id(current))

    def signer(self, edition_id: int, briefing: str) -> Signer:
        """What signs for the readers of one edition of a briefing, with the current key. `Signer.prefix` + a signature
        + `Signer.middle` + the reader's number in hex is a token of at most `MAX_LENGTH` URL-safe characters.

        Raises ValueError for a briefing's key over 32 characters, and for a number outside 48 bits.
        """
        if not _BRIEFING.fullmatch(briefing):
            raise ValueError(f"a briefing's key in a link has at most {MAX_BRIEFING} characters: {briefing!r}")
        _number(edition_id)
        return self._signer(self._current, edition_id, briefing)

    def _signer(self, key: str, edition_id: int, briefing: str) -> Signer:
        block = self._blocks[key].copy()
        middle = f".{edition_id:x}."
        block.update(f"{briefing}{middle}".encode())
        return Signer(f"{key}.{briefing}.", middle, block)

    def sign(self, purpose: Purpose, edition_id: int, subscriber_id: int, briefing: str) -> str:
        """One token; the same for the same arguments and key. Raises ValueError as `signer` does."""
        return self.signer(edition_id, briefing).token(purpose, _number(subscriber_id))

    def _of_the_first_release(
        self, key: str, purpose: Purpose, edition_id: int, subscriber_id: int, briefing: str
    ) -> str:
        derived = hmac.digest(self._keys[key], b"newsletter link 1\0" + purpose.encode(), "sha256")
        ids = f"{edition_id:x}.{subscriber_id:x}"
        cut = hmac.digest(derived, f"{briefing}.{ids}".encode(), "sha256")[:16]
        signature = b2a_base64(cut, newline=False).translate(_URL_SAFE)[:_SIGNATURE].decode()
        return f"{key}.{briefing}.{signature}.{ids}"

    def read(self, purpose: Purpose, token: str) -> Token:
        """What a token of that purpose says. Raises `BadToken`, the same for whatever is wrong with it."""
        match = _TOKEN.fullmatch(token)
        if match is None or match[1] not in self._keys:
            raise BadToken
        key, briefing, edition_id, subscriber_id = match[1], match[2], int(match[3], 16), int(match[4], 16)
        # The whole token is compared, so that each number has one spelling only.
        ours = self._signer(key, edition_id, briefing).token(purpose, subscriber_id)
        older = self._of_the_first_release(key, purpose, edition_id, subscriber_id, briefing)
        if not hmac.compare_digest(ours, token) and not hmac.compare_digest(older, token):
            raise BadToken
        return Token(purpose, edition_id, subscriber_id, briefing)

    def seal(self, purpose: str, words: str) -> str:
        """``key.signature.words``: words of ours (small letters, digits, dots) that nobody else can have written, for a
        ``purpose`` that is no reader's link. 128 bits of HMAC-SHA256."""
        return self._sealed(self._current, purpose, words)

    def _sealed(self, key: str, purpose: str, words: str) -> str:
        derived = hmac.digest(self._keys[key], b"newsletter seal 1\0" + purpose.encode(), "sha256")
        cut = hmac.digest(derived, words.encode(), "sha256")[:16]
        return f"{key}.{b2a_base64(cut, newline=False).translate(_URL_SAFE)[:_SIGNATURE].decode()}.{words}"

    def unseal(self, purpose: str, sealed: str) -> str:
        """The words of a seal. Raises `BadToken`, the same for whatever is wrong with it."""
        match = _SEALED.fullmatch(sealed)
        if match is None or match[1] not in self._keys:
            raise BadToken
        if not hmac.compare_digest(self._sealed(match[1], purpose, match[2]), sealed):
            raise BadToken
        return match[2]

    def seal_until(self, purpose: str, number: int, until: datetime) -> str:
        """A seal over the number of something, that works until an instant (UTC), to the second. Raises ValueError for
        a number outside 48 bits."""
        return self.seal(purpose, f"{_number(number):x}.{int(until.timestamp()):x}")

    def unseal_in_time(self, purpose: str, sealed: str, now: datetime) -> int:
        """The number of such a seal. Raises `BadToken`, the same for whatever is wrong with it, its time included."""
        match = _IN_TIME.fullmatch(self.unseal(purpose, sealed))
        if match is None or int(match[2], 16) <= now.timestamp():
            raise BadToken
        return int(match[1], 16)


class ReaderLinks(NamedTuple):
    """The absolute addresses that stand in one reader's mail, each of at most 150 characters."""

    unsubscribe: str
    """Leaves the briefing (RFC 8058 one-click by POST)."""
    preferences: str
    """The reader's own page."""
    view: str
    """The mail as this reader got it, on the web."""


class EditionLinks:
    """The links of the readers of one edition, by the reader's number. Raises ValueError for one that is no 48 bits."""

    def __init__(self, base: str, signer: Signer) -> None:
        self._leave, self._change, self._view = (f"{base}/{page}/{signer.prefix}" for page in PAGES.values())
        self._signer = signer

    def __call__(self, subscriber_id: int) -> ReaderLinks:
        """One reader's."""
        (unsubscribe,), (preferences,), (view,) = self.many([subscriber_id])
        return ReaderLinks(unsubscribe, preferences, view)

    def many(self, subscriber_ids: Sequence[int]) -> tuple[list[str], list[str], list[str]]:
        """Those of many readers, a list for each field of `ReaderLinks`."""
        if not 0 <= min(subscriber_ids) <= max(subscriber_ids) < _NUMBERS:
            raise ValueError(_TOO_LARGE)
        leave, change, view, middle = self._leave, self._change, self._view, self._signer.middle
        readers = [f"{number:x}" for number in subscriber_ids]
        both = [*zip(readers, self._signer.blocks(readers), strict=True)]
        return (
            [f"{leave}{signed[_LEAVE]}{middle}{reader}" for reader, signed in both],
            [f"{change}{signed[_CHANGE]}{middle}{reader}" for reader, signed in both],
            [f"{view}{signed[_VIEW]}{middle}{reader}" for reader, signed in both],
        )


class Links:
    """Makes the links of readers' mails."""

    def __init__(self, base_url: str, tokens: Tokens) -> None:
        """Raises `ConfigError` where the base URL leaves no room for a token."""
        room = MAX_URL - MAX_LENGTH - len("/u/")
        base_url = base_url.rstrip("/")
        if len(base_url) > room:
            raise ConfigError(f"base_url has {len(base_url)} characters: at most {room}, since readers' links hold it")
        self._base, self._tokens = base_url, tokens

    def of(self, edition_id: int, briefing: str) -> EditionLinks:
        """The links of each reader of an edition. Raises ValueError as `Tokens.signer` does."""
        return EditionLinks(self._base, self._tokens.signer(edition_id, briefing))
