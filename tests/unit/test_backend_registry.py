"""A backend is found by its type, built from its block, and refused with one line that says what to write."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import SecretStr

from newsletter.backends import registry
from newsletter.backends.base import Backend, Counter
from newsletter.backends.memory import MemoryBackend
from newsletter.backends.outbox import OutboxBackend
from newsletter.config import BackendSettings
from newsletter.errors import ConfigError


def build(tmp_path: Path, *, environment="development", **block) -> Backend:
    return registry.build("relay", BackendSettings(**block), environment=environment, root=tmp_path)


def complaint(tmp_path: Path, **block) -> str:
    with pytest.raises(ConfigError) as caught:
        build(tmp_path, **block)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_type_builds_its_backend_with_its_name(tmp_path):
    backend = build(tmp_path, type="memory")
    assert isinstance(backend, MemoryBackend)
    assert backend.name == "relay"


def test_paths_count_from_the_root_of_the_site(tmp_path):
    backend = build(tmp_path, type="outbox", path="sent/europe")
    assert isinstance(backend, OutboxBackend)
    assert backend.path == tmp_path / "sent" / "europe"
    assert not backend.path.exists()


def test_an_unknown_type_is_answered_with_those_there_are(tmp_path):
    words = complaint(tmp_path, type="pigeon")
    assert words == "backends.relay.type: there is no 'pigeon': write one of console, memory, outbox, smtp"


def test_a_live_backend_is_refused_outside_production(tmp_path):
    words = complaint(tmp_path, type="smtp", host="mail.example.org")
    assert words == "relay is live: set environment: production, or use an outbox"


def test_a_wrong_option_is_named_with_those_there_are(tmp_path):
    words = complaint(tmp_path, type="outbox", pth="x")
    assert words == "backends.relay.pth is not known here: there are path"


def test_a_wrong_value_is_named_but_not_shown(tmp_path):
    words = complaint(tmp_path, type="console", limit=SecretStr("hunter2"))
    assert words.startswith("backends.relay.limit: ")
    assert "hunter2" not in words


def test_a_text_from_the_environment_counts_as_what_it_says(tmp_path):
    backend = build(tmp_path, type="outbox", path=SecretStr("sent"))
    assert isinstance(backend, OutboxBackend)
    assert backend.path == tmp_path / "sent"


def test_what_the_package_says_of_itself_is_what_the_registry_knows():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"][registry.GROUP] == registry.BUILT_IN


def test_every_type_that_comes_with_the_package_can_be_loaded():
    for name in registry.BUILT_IN:
        assert issubclass(registry.types()[name].load(), Backend)


class Pigeon(Backend):
    live = False

    async def deliver(self, counter: Counter) -> None: ...


@pytest.fixture
def plugged(monkeypatch):
    def plug(**values: str) -> None:
        points = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])

    return plug


def test_a_plug_in_is_found_by_its_entry_point(tmp_path, plugged):
    plugged(pigeon=f"{__name__}:Pigeon")
    assert isinstance(build(tmp_path, type="pigeon", loft="north"), Pigeon)


def test_no_plug_in_takes_the_name_of_one_of_ours(tmp_path, plugged):
    plugged(memory=f"{__name__}:Pigeon")
    assert isinstance(build(tmp_path, type="memory"), MemoryBackend)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("newsletter.no_such_module:Pigeon", "backends.relay.type: 'pigeon' cannot be loaded: ModuleNotFoundError: "),
        (f"{__name__}:NoSuch", "backends.relay.type: 'pigeon' cannot be loaded: AttributeError: "),
        ("pathlib:Path", "backends.relay.type: 'pigeon' is no newsletter.backends.base.Backend"),
    ],
)
def test_a_plug_in_that_does_not_load_is_named(tmp_path, plugged, value, words):
    plugged(pigeon=value)
    assert complaint(tmp_path, type="pigeon").startswith(words)
