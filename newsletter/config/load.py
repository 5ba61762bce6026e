"""Reads ``config.yaml``: YAML, then the environment, then the models; every complaint names file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from newsletter.config.models import Settings
from newsletter.errors import ConfigError
from newsletter.yamlfile import YamlFile, load_yaml

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def _expand(value: Any, where: tuple[str | int, ...], file: YamlFile, environ: Mapping[str, str]) -> Any:
    """Puts in the environment's ``${NAME}`` or ``${NAME:-default}``, or what the file that NAME_FILE names holds."""
    if isinstance(value, dict):
        return {key: _expand(item, (*where, key), file, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, (*where, index), file, environ) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def look_up(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name in environ:
            return environ[name]
        if (from_file := environ.get(f"{name}_FILE")) is not None:
            try:
                return Path(from_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                message = f"{name}_FILE names a file that cannot be read"
                raise ConfigError(message, path=file.path, line=file.line(where)) from None
        if default is not None:
            return default
        message = f"the environment has no {name} (and no {name}_FILE): set it, or write ${{{name}:-a default}}"
        raise ConfigError(message, path=file.path, line=file.line(where))

    text = _VARIABLE.sub(look_up, value)
    # In a backend's block a text from the environment is a secret, whatever its key.
    return SecretStr(text) if where[:1] == ("backends",) and text else text


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Reads a site's configuration.

    ``path`` is the file. Raises `ConfigError` with file, line and what to write instead; several mistakes come as
    several lines of one error.
    """
    file = load_yaml(path)
    if not isinstance(file.data, dict):
        raise ConfigError("is empty: it needs at least publication and briefings", path=path, line=1)
    data = _expand(file.data, (), file, os.environ if environ is None else environ)
    if "root" in data:
        raise ConfigError("root is where this file stands: leave it out", path=path, line=file.line(("root",)))
    try:
        return Settings.model_validate({**data, "root": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError("\n".join(_complaints(error, file))) from None


def _complaints(error: ValidationError, file: YamlFile) -> list[str]:
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        where = tuple(item["loc"])
        known = where[:-1] if item["type"] == "missing" else where
        dotted = ".".join(str(part) for part in where)
        match item["type"]:
            case "missing":
                message = f"{dotted} is missing: write it"
            case "extra_forbidden":
                message = f"{dotted} is not known here: see docs/reference/config.md for what is"
            case "value_error":
                message = (f"{dotted}: " if dotted else "") + item["msg"].removeprefix("Value error, ")
            case _:
                message = f"{dotted}: {item['msg'][:1].lower()}{item['msg'][1:]}"
        lines.append(str(ConfigError(message, path=file.path, line=file.line(known))))
    return lines
