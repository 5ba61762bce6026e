"""The settings: read once, and every mistake told with file, line and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from newsletter.config import Settings, load_settings
from newsletter.errors import ConfigError

GOOD = """\
publication:
  name: The Courier
  postal_address: 14 Custom House Quay, Port Maren
  base_url: https://courier.example.org/
  timezone: Europe/Berlin
briefings:
  morning:
    name: Morning Briefing
    sender: {name: The Courier, address: morning@courier.example.org}
    segments: [europe, world]
    schedule:
      time: 06:00
      timezones: {world: UTC}
    sections:
      - key: lead
        layout: lead
        min: 1
        max: 1
      - key: rest
        layout: list
        max: 5
        segments: {europe: {title: Europe, max: 2}}
"""


def load(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ or {})


def complaint(tmp_path: Path, old: str, new: str, environ: Mapping[str, str] | None = None) -> str:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1), environ)
    return str(caught.value)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    schedule = settings.briefings["morning"].schedule
    assert schedule is not None
    assert schedule.time == time(6)
    assert schedule.lock == timedelta(minutes=15)
    assert settings.publication.base_url == "https://courier.example.org"
    assert settings.root == tmp_path.resolve()
    assert settings.zone("morning", "world") == "UTC"
    assert settings.zone("morning", "europe") == settings.zone("morning") == "Europe/Berlin"


def test_a_section_differs_for_a_segment_in_what_is_written_there(tmp_path: Path) -> None:
    rest = load(tmp_path, GOOD).briefings["morning"].sections[1]
    own, common = rest.for_segment("europe"), rest.for_segment("world")
    assert own is not None
    assert (own.title, own.max, own.layout) == ("Europe", 2, "list")
    assert common is rest
    assert rest.differs_for("europe")
    assert not rest.differs_for("world")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("  name: The Courier\n  postal", "  postal", 1, "publication.name is missing: write it"),
        ("timezone: Europe/Berlin", "timezone: Europe/Bärlin", 5, "write for example Europe/Berlin"),
        ("timezone: Europe/Berlin", "timezon: UTC", 5, "publication.timezon is not known here"),
        ("time: 06:00", "time: 6am", 12, "write for example 06:00"),
        ("time: 06:00", "time: 24:00", 12, "write for example 06:00"),
        ("morning@courier.example.org", "morning at courier", 9, "is no e-mail address"),
        ("https://courier", "http://courier", 4, "write for example https://news.example.org"),
        ("https://courier", "courier", 4, "write for example https://news.example.org"),
        ("min: 1", "min: 3", 15, "min is 3 and max only 1"),
        ("europe: {title: Europe, max: 2}", "europe: {min: 9}", 19, "min of segment europe is 9 and max only 5"),
        ("- key: rest", "- key: lead", 7, "two sections have the key 'lead': give each its own"),
        ("segments: {europe:", "segments: {mars:", 7, "names 'mars', which is no segment of the briefing"),
        ("timezones: {world:", "timezones: {mars:", 7, "names 'mars', which is no segment of the briefing"),
        ("layout: list", "layout: grid", 20, "'lead', 'brief', 'list' or 'labelled'"),
        ("time: 06:00", "time: 06:00\n      lock: 3h", 11, "lock must come after assemble"),
        ("time: 06:00", "time: 06:00\n      lock: soon", 13, "write for example 2h, 90m or 1d 6h"),
        ("time: 06:00", "time: 06:00\n      days: []", 11, "name at least one"),
        ("key: rest", "key: The Rest", 19, "use small letters, digits and single hyphens"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    told = complaint(tmp_path, old, new)
    assert told.startswith(f"{tmp_path}/config.yaml:{line}: ")
    assert words in told
    assert "\n" not in told


def test_several_mistakes_are_several_lines(tmp_path: Path) -> None:
    told = complaint(tmp_path, "max: 1\n", "max: 0\n        colour: red\n").splitlines()
    assert [line.split(": ")[0].rpartition(":")[2] for line in told] == ["18", "19"]


def test_the_parts_of_readers_links_are_no_longer_than_a_link_can_hold(tmp_path: Path) -> None:
    def with_url(url: str) -> str:
        return GOOD.replace("https://courier.example.org/", url)

    at_most = "https://" + "a" * 53
    assert load(tmp_path, with_url(at_most + "/")).publication.base_url == at_most
    with pytest.raises(ConfigError, match=r"config\.yaml:4: .*has 62 characters: at most 61"):
        load(tmp_path, with_url(at_most + "a"))
    assert load(tmp_path, GOOD.replace("morning:\n", "m" * 32 + ":\n")).briefings.keys() == {"m" * 32}
    with pytest.raises(ConfigError, match=r"config\.yaml:7: .*has 33 characters: at most 32"):
        load(tmp_path, GOOD.replace("morning:\n", "m" * 33 + ":\n"))


def test_the_environment_fills_in_with_defaults_where_they_are_written(tmp_path: Path) -> None:
    text = GOOD.replace("name: The Courier\n  postal", "name: ${PAPER:-The Courier} of ${TOWN}\n  postal")
    assert load(tmp_path, text, {"TOWN": "Port Maren"}).publication.name == "The Courier of Port Maren"
    assert load(tmp_path, text, {"TOWN": "Kelm", "PAPER": "News"}).publication.name == "News of Kelm"


def test_a_variable_that_is_not_set_is_named_with_its_line(tmp_path: Path) -> None:
    told = complaint(tmp_path, "timezone: Europe/Berlin", "timezone: ${ZONE}")
    assert told.startswith(f"{tmp_path}/config.yaml:5: the environment has no ZONE (and no ZONE_FILE): set it")


def test_a_variable_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s" * 40 + "\n")
    settings = load(tmp_path, GOOD + "secret_key: ${KEY}\n", {"KEY_FILE": str(tmp_path / "secret")})
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == "s" * 40


def test_a_file_of_a_variable_that_is_not_there_is_told_without_its_path(tmp_path: Path) -> None:
    told = complaint(tmp_path, "timezone: Europe/Berlin", "timezone: ${Z}", {"Z_FILE": "/none/of/this"})
    assert "config.yaml:5: Z_FILE names a file that cannot be read" in told
    assert "/none" not in told


def test_secrets_show_nowhere(tmp_path: Path) -> None:
    text = GOOD + "secret_key: ${KEY}\nbackends:\n  relay: {type: smtp, host: smtp.example.org, password: '${WORD}'}\n"
    settings = load(tmp_path, text, {"KEY": "k" * 40, "WORD": "open-sesame"})
    assert settings.backends["relay"].options["password"] == SecretStr("open-sesame")
    assert settings.backends["relay"].options["host"] == "smtp.example.org"
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "open-sesame" not in shown
        assert "k" * 40 not in shown


def test_a_secret_that_is_too_short_is_refused_and_not_shown(tmp_path: Path) -> None:
    told = complaint(tmp_path, "briefings:", "secret_key: ${KEY}\nbriefings:", {"KEY": "hush-hush"})
    assert "shorter than 32 characters" in told
    assert "hush" not in told


def test_production_needs_a_secret(tmp_path: Path) -> None:
    production = "environment: production\n"
    assert "production needs secret_key" in complaint(tmp_path, "briefings:", production + "briefings:")
    settings = load(tmp_path, GOOD + production + "secret_key: ${KEY}\n", {"KEY": "k" * 32})
    assert settings.environment == "production"


def test_the_root_is_not_written_in_the_file(tmp_path: Path) -> None:
    assert "config.yaml:6: root is where this file stands" in complaint(tmp_path, "briefings:", "root: /\nbriefings:")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "words\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="it needs at least publication and briefings"):
        load(tmp_path, text)


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.database = "sqlite:///other.db"


LIMITED = (
    GOOD
    + """\
backends:
  relay:
    type: smtp
    host: smtp.relay.example
    limits:
      rate: ${RATE}
      burst: 30
      per_domain:
        every: 5/s
        google: {rate: 300/m, connections: 4}
      replies:
        - {text: [come back on monday], class: throttled, pause: 1h}
"""
)


def test_limits_of_a_backend_are_read_and_are_no_option_of_its_type(tmp_path: Path) -> None:
    backend = load(tmp_path, LIMITED, {"RATE": "7200/h"}).backends["relay"]
    assert set(backend.options) == {"host"}
    limits = backend.limits
    assert (limits.rate, limits.burst, limits.published) == (2.0, 30, False)
    assert limits.per_domain["every"].rate == limits.per_domain["google"].rate == 5.0
    assert limits.per_domain["google"].connections == 4
    assert limits.replies[0].pause == timedelta(hours=1)
    assert load(tmp_path, GOOD).backends["outbox"].limits.rate is None


@pytest.mark.parametrize("rate", ["fast", "0/s", "5", "-1/s", "5/y", "1e9/s"])
def test_a_rate_that_is_none_is_told_with_its_line(tmp_path: Path, rate: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml:\d+: backends\.relay\.limits\.rate: .*write for example 14/s"):
        load(tmp_path, LIMITED, {"RATE": rate})


SENDER = "{name: The Courier, address: morning@courier.example.org}"


def with_keys(*keys: str) -> str:
    return SENDER.replace("org}", f"org, dkim: [{', '.join(keys)}]}}")


def test_the_senders_keys_go_before_the_publications_and_none_means_none(tmp_path: Path) -> None:
    common = "  timezone: Europe/Berlin\n  dkim: [{domain: Courier.example.org, selector: all, key_file: a.pem}]"
    text = GOOD.replace("  timezone: Europe/Berlin", common)
    [key] = load(tmp_path, text).dkim("morning")
    assert (key.domain, key.selector, key.key_file) == ("courier.example.org", "all", Path("a.pem"))
    own = with_keys("{domain: example.org, selector: own, key: '${KEY}'}")
    [key] = load(tmp_path, text.replace(SENDER, own), {"KEY": "a secret"}).dkim("morning")
    assert key.selector == "own"
    assert "a secret" not in repr(key)
    assert load(tmp_path, text.replace(SENDER, with_keys())).dkim("morning") == ()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            ["{domain: evil.example, selector: a, key: x}"],
            "briefings.morning: dkim signs for evil.example, and the sender",
        ),
        (["{domain: icourier.example.org, selector: a, key: x}"], "dkim signs for icourier.example.org"),
        (["{domain: org, selector: a, key: x}"], "'org' is no domain"),
        (["{domain: example.org, selector: a}"], "write key_file or key, one of the two"),
        (["{domain: example.org, selector: a, key: x, key_file: y}"], "write key_file or key, one of the two"),
        (["{domain: example.org, selector: a b, key: x}"], "dkim.0.selector: "),
        (["{domain: example.org, selector: a, key: x}"] * 2, "two dkim keys have one selector"),
        ([f"{{domain: example.org, selector: s{n}, key: x}}" for n in range(5)], "dkim: "),
    ],
)
def test_a_key_that_could_not_sign_for_the_sender_is_refused(keys: list[str], words: str, tmp_path: Path) -> None:
    assert words in complaint(tmp_path, SENDER, with_keys(*keys))


def test_the_shares_of_mail_programs_replace_ours_as_a_whole(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).clients["apple-mail"] > 0
    assert load(tmp_path, GOOD + "clients: {gmail: 60, outlook-windows: 12.5}\n").clients == {
        "gmail": 60,
        "outlook-windows": 12.5,
    }


@pytest.mark.parametrize(
    ("clients", "words"),
    [("{gmail: 60, apple-mail: 60}", "add up to 120 percent"), ("{pigeon: 1}", "apple-mail"), ("{gmail: -1}", "0")],
)
def test_shares_that_cannot_be_are_refused(tmp_path: Path, clients: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, GOOD + f"clients: {clients}\n")


def test_what_readers_may_choose_has_to_be_possible(tmp_path: Path) -> None:
    """A frequency that never comes, a value that no reader can have, a field that is not for readers to write."""
    offered = "    frequencies: {weekend: {title: Saturdays, days: [sat]}}\n    schedule:\n      days: [mon]\n"
    assert "names no day on which the briefing goes out" in complaint(tmp_path, "    schedule:\n", offered)
    choices = "choices: {%s: {title: Edition, values: {%s: North}}}\nbriefings:"
    assert "write two capital letters" in complaint(tmp_path, "briefings:", choices % ("country", "de"))
    assert "not for readers to say" in complaint(tmp_path, "briefings:", choices % ("tags", "vip"))
    good = load(tmp_path, GOOD.replace("briefings:", choices % ("region", "north")))
    assert good.choices["region"].values == {"north": "North"}
