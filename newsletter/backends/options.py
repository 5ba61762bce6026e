"""What stands in a backend's block of the config, read by one frozen model for each type of backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, model_validator

from newsletter.errors import ConfigError


class Options(BaseModel):
    """Base of a backend's options. A text from the environment may stand anywhere; it stays hidden where the field is a
    SecretStr, and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _open(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        secret = {name for name, field in cls.model_fields.items() if SecretStr in _types(field.annotation)}
        return {key: value if key in secret else _plain(value) for key, value in data.items()}


def _types(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


T = TypeVar("T", bound=Options)


def complaint(backend: str, error: ValidationError, known: type[BaseModel] | None = None) -> ConfigError:
    """One line that names every wrong option of a backend, without the values, which may be secret."""
    lines = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(("backends", backend, *(str(part) for part in item["loc"])))
        match item["type"]:
            case "missing":
                lines.append(f"{where} is missing: write it")
            case "extra_forbidden":
                names = f": there are {', '.join(known.model_fields)}" if known and known.model_fields else ""
                lines.append(f"{where} is not known here{names}")
            case "value_error":
                lines.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
            case _:
                lines.append(f"{where}: {item['msg'][:1].lower()}{item['msg'][1:]}")
    return ConfigError("; ".join(lines))


def read(model: type[T], backend: str, options: Mapping[str, Any]) -> T:
    """The options of one backend. Raises `ConfigError` in one line that names what is wrong."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        raise complaint(backend, error, model) from None
