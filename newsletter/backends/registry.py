"""Finds a backend by its type and builds it from its block in the config.

Plug-ins are entry points of the group ``newsletter.backends``. Those that come with the package stand here as well, so
that a bare checkout has them, and so that no plug-in can take the name of one.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from newsletter.backends.base import Backend
from newsletter.backends.options import complaint
from newsletter.config import BackendSettings
from newsletter.errors import ConfigError

GROUP = "newsletter.backends"

BUILT_IN = {
    "outbox": "newsletter.backends.outbox:OutboxBackend",
    "memory": "newsletter.backends.memory:MemoryBackend",
    "console": "newsletter.backends.console:ConsoleBackend",
    "smtp": "newsletter.backends.smtp:SmtpBackend",
}


def types() -> dict[str, EntryPoint]:
    """Every type of backend there is, by name; nothing is imported yet."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    return found | {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}


def build(
    name: str,
    settings: BackendSettings,
    *,
    environment: Literal["development", "production"],
    root: Path,
) -> Backend:
    """The backend of that name, ready for `deliver`; no connection or file is opened yet.

    Raises `ConfigError`, one line: the type is unknown or cannot be loaded, the backend is live outside production, an
    option is wrong.
    """
    backend = _load(name, settings.type)
    if backend.live and environment != "production":
        raise ConfigError(f"{name} is live: set environment: production, or use an outbox")
    try:
        return backend(name, settings.options, root)
    except ValidationError as error:
        raise complaint(name, error) from None


def _load(name: str, kind: str) -> type[Backend]:
    known = types()
    if kind not in known:
        raise ConfigError(f"backends.{name}.type: there is no {kind!r}: write one of {', '.join(sorted(known))}")
    try:
        loaded = known[kind].load()
    except Exception as error:
        # A plug-in is a stranger's code: whatever it raises while it is imported is a reason to name it, and no crash.
        raise ConfigError(
            f"backends.{name}.type: {kind!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise ConfigError(f"backends.{name}.type: {kind!r} is no newsletter.backends.base.Backend")
    return loaded
