"""YAML that knows its lines, so that an error can say where it is.

Safe types only, duplicate keys refused, no aliases (a config has no use for them, and they can blow up), and a size
limit. Dates and times stay text: ``06:00`` is a time of day, never the number 360.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from newsletter.errors import ConfigError

MAX_BYTES = 4_000_000

Where = tuple[str | int, ...]
Lines = dict[Where, int]


@dataclass(frozen=True)
class YamlFile:
    """What a YAML text holds. ``lines`` maps the path of a key or item, ``("briefings", "morning")``, to its line."""

    path: Path
    data: Any
    lines: dict[tuple[str | int, ...], int] = field(repr=False)

    def line(self, where: tuple[str | int, ...]) -> int:
        """The line (from 1) of the value at a path, or of the nearest thing around it that was written."""
        for length in range(len(where), -1, -1):
            if (line := self.lines.get(where[:length])) is not None:
                return line
        return 1


def _construct(node: yaml.Node, where: Where, path: Path, lines: Lines) -> Any:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError("a key must be a plain word", path=path, line=line)
            key = str(key_node.value)
            if key in found:
                raise ConfigError(f"“{key}” stands here twice: keep one", path=path, line=line)
            lines[(*where, key)] = line
            found[key] = _construct(value_node, (*where, key), path, lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*where, index), path, lines) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    text = str(node.value)
    if node.style is not None:  # quoted or a block: text, whatever it looks like
        return text
    match node.tag:
        case "tag:yaml.org,2002:null":
            return None
        case "tag:yaml.org,2002:bool":
            # YAML 1.1 reads yes, no, on and off as booleans: a country code of Norway must not become false.
            lowered = text.lower()
            return lowered == "true" if lowered in ("true", "false") else text
        case "tag:yaml.org,2002:int":
            digits = text.lstrip("+-")
            plain = digits.isdecimal() and (digits == "0" or not digits.startswith("0"))
            return int(text) if plain and len(digits) <= 18 else text  # Python refuses to read endless ones
        case "tag:yaml.org,2002:float":
            try:
                return float(text)
            except ValueError:
                return text
        case _:
            return text


def parse_yaml(text: str, path: Path, *, first_line: int = 1) -> YamlFile:
    """Reads YAML text. ``first_line`` is where the text begins in its file (front matter). Raises `ConfigError`."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                line = token.start_mark.line + first_line
                raise ConfigError("aliases (& and *) are not read here: write the value out", path=path, line=line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (mark.line if mark else 0) + first_line
        raise ConfigError(f"this is no YAML: {error.problem or error.context}", path=path, line=line) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"this is no YAML: {' '.join(str(error).split())}", path=path, line=first_line) from None
    except RecursionError:
        raise ConfigError("this YAML is nested too deeply", path=path, line=first_line) from None
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        data = None if node is None else _construct(node, (), path, lines)
    except ConfigError as error:
        raise ConfigError(error.message, path=path, line=(error.line or 1) + first_line - 1) from None
    return YamlFile(path, data, {where: line + first_line - 1 for where, line in lines.items()})


def load_yaml(path: Path) -> YamlFile:
    """Reads a YAML file in UTF-8. Raises `ConfigError` with file and line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", path=path) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES} bytes", path=path)
    try:
        return parse_yaml(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8: save it as UTF-8", path=path, line=line) from None
