"""The errors that people see. One base; a subclass's docstring is its message when it is given none."""

from __future__ import annotations

from pathlib import Path


class NewsletterError(Exception):
    """Something went wrong."""

    exit_status = 1
    """What the command line exits with: 1 refused or failed, 2 wrong usage or configuration."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    def __str__(self) -> str:
        return str(self.args[0])


class Located(NewsletterError):
    """An error in a file that a person wrote: says which file, which line, what is wrong, and what to write instead."""

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None) -> None:
        self.message, self.path, self.line = message, path, line
        where = "" if path is None else f"{path}:{line}: " if line else f"{path}: "
        super().__init__(where + message)


class ConfigError(Located):
    """The configuration is wrong."""

    exit_status = 2


class TemplateError(Located):
    """A template is wrong."""


class SegmentError(Located):
    """A segment's rule is wrong."""

    exit_status = 2


class ImportRefused(Located):
    """One item of an import is wrong; the others are stored."""


class NotFound(NewsletterError):
    """There is no such thing."""


class Refused(NewsletterError):
    """That cannot be done now."""


class WrongState(Refused):
    """The edition is not in a state that allows this."""


class Stale(Refused):
    """Somebody changed the edition after you looked at it: look again."""


class SchemaBehind(NewsletterError):
    """The database schema is older than this program: run `newsletter db upgrade`."""


class SchemaAhead(NewsletterError):
    """The database schema is newer than this program: run the program that made it, or a later one."""


class DeliveryError(NewsletterError):
    """A message was not accepted.

    ``permanent`` says whether trying again is pointless; ``code`` is the SMTP reply code (0 where there is none),
    ``enhanced`` the RFC 3463 status such as ``5.1.1`` (empty where there is none), ``reply`` the server's own words.
    """

    def __init__(
        self, message: str | None = None, *, permanent: bool = False, code: int = 0, enhanced: str = "", reply: str = ""
    ) -> None:
        super().__init__(message or reply or None)
        self.permanent, self.code, self.enhanced, self.reply = permanent, code, enhanced, reply or str(self)
