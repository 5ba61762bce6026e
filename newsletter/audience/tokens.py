"""Signed links for readers: they prove who clicks, hold no address, and never expire.

A token reads ``key.briefing.signature.edition.subscriber``. The signature is HMAC-SHA256 cut to 128 bits (RFC 2104
section 5), under a key derived for the one purpose, so that a view link cannot unsubscribe. It ends in a hex digit,
since programs that find links in plain text drop punctuation from their ends. A leaving link must work for 60 days
at least (CASL), so none expires; a new key only adds to the old ones.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from newsletter.errors import ConfigError, Refused

Purpose = Literal["unsubscribe", "preferences", "view"]

MAX_BRIEFING = 32
MAX_LENGTH = 4 + MAX_BRIEFING + 22 + 12 + 12 + 4
"""Characters of the longest token: 86."""
MAX_URL = 150

_KEY_ID = re.compile(r"[a-z0-9]{1,4}")
_BRIEFING = re.compile(rf"[a-z0-9-]{{0,{MAX_BRIEFING}}}")
_TOKEN = re.compile(
    rf"([a-z0-9]{{1,4}})\.([a-z0-9-]{{0,{MAX_BRIEFING}}})\.[A-Za-z0-9_-]{{22}}\.([0-9a-f]{{1,12}})\.([0-9a-f]{{1,12}})"
)
_BLOCK = 64  # SHA-256's, in bytes
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class BadToken(Refused):
    """This link is not one of ours, or not whole."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a link says. ``edition_id`` is 0 for a link that came with no edition."""

    purpose: str
    edition_id: int
    subscriber_id: int
    briefing: str


def _mac(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 (RFC 2104) with the key's two blocks hashed once: a third of the time of `hmac.digest`."""
    key = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))

    def digest(message: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    return digest


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
        self._macs: dict[tuple[str, str], Callable[[bytes], bytes]] = {}

    @classmethod
    def from_secrets(cls, current: bytes, *older: bytes) -> Self:
        """From the secrets alone: a key's id is made of the key, so that rotating is writing a new one in front."""
        keys = {_key_id(secret): secret for secret in (*older, current)}
        if len(keys) != len({current, *older}):
            raise ConfigError("two of the keys that sign links look alike: make the newest anew")
        return cls(keys, _key_id(current))

    def _sign(self, key: str, purpose: str, edition_id: int, subscriber_id: int, briefing: str) -> str:
        mac = self._macs.get((key, purpose))
        if mac is None:
            derived = hmac.digest(self._keys[key], b"newsletter link 1\0" + purpose.encode(), "sha256")
            mac = self._macs[key, purpose] = _mac(derived)
        ids = f"{edition_id:x}.{subscriber_id:x}"
        cut = mac(f"{briefing}.{ids}".encode())[:16]
        signature = b2a_base64(cut, newline=False).translate(_URL_SAFE)[:22].decode()
        return f"{key}.{briefing}.{signature}.{ids}"

    def sign(self, purpose: Purpose, edition_id: int, subscriber_id: int, briefing: str) -> str:
        """A token of at most `MAX_LENGTH` URL-safe characters; the same for the same arguments and key.

        Raises ValueError for a briefing's key over 32 characters, and for a number outside 48 bits.
        """
        if not _BRIEFING.fullmatch(briefing):
            raise ValueError(f"a briefing's key in a link has at most {MAX_BRIEFING} characters: {briefing!r}")
        if not (0 <= edition_id < 1 << 48 and 0 <= subscriber_id < 1 << 48):
            raise ValueError("numbers in a link have 48 bits")
        return self._sign(self._current, purpose, edition_id, subscriber_id, briefing)

    def read(self, purpose: Purpose, token: str) -> Token:
        """What a token of that purpose says. Raises `BadToken`, the same for whatever is wrong with it."""
        match = _TOKEN.fullmatch(token)
        if match is None or match[1] not in self._keys:
            raise BadToken
        key, briefing, edition_id, subscriber_id = match[1], match[2], int(match[3], 16), int(match[4], 16)
        # The whole token is compared, so that each has one spelling only.
        ours = self._sign(key, purpose, edition_id, subscriber_id, briefing)
        if not hmac.compare_digest(ours.encode(), token.encode()):
            raise BadToken
        return Token(purpose, edition_id, subscriber_id, briefing)


class Links:
    """The absolute addresses that stand in a reader's mail, each of at most 150 characters."""

    def __init__(self, base_url: str, tokens: Tokens) -> None:
        """Raises `ConfigError` where the base URL leaves no room for a token."""
        room = MAX_URL - MAX_LENGTH - len("/u/")
        base_url = base_url.rstrip("/")
        if len(base_url) > room:
            raise ConfigError(f"base_url has {len(base_url)} characters: at most {room}, since readers' links hold it")
        self._base, self._sign = base_url, tokens.sign

    def unsubscribe(self, edition_id: int, subscriber_id: int, briefing: str) -> str:
        """Leaves the briefing (RFC 8058 one-click by POST)."""
        return f"{self._base}/u/{self._sign('unsubscribe', edition_id, subscriber_id, briefing)}"

    def preferences(self, edition_id: int, subscriber_id: int, briefing: str) -> str:
        """The reader's own page."""
        return f"{self._base}/p/{self._sign('preferences', edition_id, subscriber_id, briefing)}"

    def view(self, edition_id: int, subscriber_id: int, briefing: str) -> str:
        """The mail as this reader got it, on the web."""
        return f"{self._base}/v/{self._sign('view', edition_id, subscriber_id, briefing)}"
