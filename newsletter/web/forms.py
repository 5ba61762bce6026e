"""What a form brought, and whether it is one of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import parse_qsl, urlsplit

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from newsletter.errors import NewsletterError

MOST_BYTES = 1 << 20
_MOST_OF_A_READER = 1 << 16
_MOST_FIELDS = 2_000


class TooLarge(NewsletterError):
    """This form is larger than any that the desk has."""


class NoForm(NewsletterError):
    """This is no form that the desk understands: send application/x-www-form-urlencoded."""


class Forged(NewsletterError):
    """This form did not come from a page of this desk, or from one that you opened before you signed in: open the page
    again and send it from there."""


class Form:
    """The fields of a form, in their order."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = fields

    def get(self, name: str, default: str = "") -> str:
        """The last value of a field; a browser's line ends are made ``\\n``."""
        return next((value for key, value in reversed(self.fields) if key == name), default).replace("\r\n", "\n")

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value.replace("\r\n", "\n") for key, value in self.fields if key == name]

    def below(self, prefix: str) -> dict[str, str]:
        """The fields whose names begin with ``prefix``, by the rest of the name; the last value of each."""
        return {key.removeprefix(prefix): self.get(key) for key, _ in self.fields if key.startswith(prefix)}

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)


async def read_form(request: Request) -> Form:
    """The form of a request. Raises `TooLarge` as soon as it is, and `NoForm`."""
    return _fields(request, await _body(request, MOST_BYTES))


async def read_reader_form(request: Request) -> Form:
    """The form that a reader's link was sent, or their mail program in their place (RFC 8058 section 3.2: urlencoded or
    multipart). Of what cannot be read it has no fields: the link itself says what is meant. Raises `TooLarge`."""
    body = await _body(request, _MOST_OF_A_READER)
    try:
        if _media_type(request) != "multipart/form-data":
            return _fields(request, body)
        form = await MultiPartParser(request.headers, _once(body), max_files=0, max_fields=50).parse()
    except (NoForm, MultiPartException, ValueError, KeyError):
        return Form([])
    return Form([(name, value) for name, value in form.multi_items() if isinstance(value, str)])


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def _body(request: Request, most: int) -> bytes:
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _fields(request: Request, body: bytes) -> Form:
    if not body:
        return Form([])
    if _media_type(request) != "application/x-www-form-urlencoded":
        raise NoForm
    try:
        fields = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except ValueError:
        raise NoForm from None
    if any("\0" in value for pair in fields for value in pair):  # PostgreSQL stores none
        raise NoForm
    return Form(fields)


def refuse_elsewhere(request: Request, base_url: str) -> None:
    """Raises `Forged` when the browser says that another site's page made it send this.

    A client that says nothing of the kind is no browser of today; the form's token is asked for all the same.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        raise Forged
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in (request.headers.get("host"), urlsplit(base_url).netloc):
        raise Forged
