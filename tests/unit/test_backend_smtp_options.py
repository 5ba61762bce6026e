"""What an smtp backend may be told, and what it refuses to be told."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from newsletter.backends import registry
from newsletter.backends.smtp import SmtpBackend
from newsletter.backends.smtp.options import SmtpOptions
from newsletter.config import BackendSettings
from newsletter.errors import ConfigError

SECRET = SecretStr("correct horse")


def complaint(**options) -> str:
    with pytest.raises(ConfigError) as caught:
        SmtpBackend("relay", options)
    assert "\n" not in str(caught.value)
    assert "correct horse" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("tls", "port"), [("implicit", 465), ("starttls", 587), ("none", 25)])
def test_the_port_follows_from_tls(tls, port):
    assert SmtpOptions(host="localhost", tls=tls).port_number == port


def test_tls_from_the_first_byte_is_what_nobody_has_to_ask_for():
    assert SmtpOptions(host="mail.example.org").tls == "implicit"


def test_the_clear_is_for_this_machine_unless_allowed():
    assert "tls: none is for this machine only" in complaint(host="mail.example.org", tls="none")
    assert "tls: none is for this machine only" in complaint(host="127.0.0.1.example.org", tls="none")
    SmtpBackend("relay", {"host": "mail.example.org", "tls": "none", "allow_plaintext": True})
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"):
        SmtpBackend("relay", {"host": host, "tls": "none"})


def test_a_password_goes_out_in_the_clear_only_here_and_only_when_allowed():
    login = {"username": "omar", "password": SECRET, "tls": "none"}
    assert "never goes out in the clear" in complaint(host="localhost", **login)
    assert "never goes out in the clear" in complaint(host="mail.example.org", allow_plaintext=True, **login)
    SmtpBackend("relay", {"host": "localhost", "allow_plaintext": True, **login})


def test_username_and_password_come_together():
    assert "come together" in complaint(host="mail.example.org", username="omar")
    assert "come together" in complaint(host="mail.example.org", password=SECRET)


def test_texts_from_the_environment_may_stand_anywhere():
    options = SmtpOptions(
        host=SecretStr("mail.example.org"), port=SecretStr("2525"), username=SecretStr("omar"), password=SECRET
    )  # type: ignore[arg-type]
    assert (options.host, options.port_number, options.username) == ("mail.example.org", 2525, "omar")


def test_the_password_shows_nowhere():
    for password in (SECRET, "correct horse"):
        options = SmtpOptions(host="mail.example.org", username="omar", password=password)  # type: ignore[arg-type]
        assert "correct horse" not in repr(options) + str(options) + options.model_dump_json()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "backends.relay.host is missing: write it"),
        ({"host": "mail example"}, "backends.relay.host: "),
        ({"host": "x\r\ny"}, "backends.relay.host: "),
        ({"host": "x", "port": 0}, "backends.relay.port: "),
        ({"host": "x", "tls": "maybe"}, "backends.relay.tls: "),
        ({"host": "x", "hostname": "a b"}, "backends.relay.hostname: "),
        ({"host": "x", "timeouts": {"dot": "soon"}}, "backends.relay.timeouts.dot: 'soon' is no duration"),
        ({"host": "x", "timeouts": {"dot": 0}}, "backends.relay.timeouts: a timeout is longer than nothing"),
        ({"host": "x", "pasword": "y"}, "backends.relay.pasword is not known here: there are host, port, tls,"),
    ],
)
def test_a_wrong_option_is_named(options, words):
    assert complaint(**options).startswith(words)


def test_the_default_timeouts_are_those_of_the_rfc():
    timeouts = SmtpOptions(host="x").timeouts
    minutes = {name: getattr(timeouts, name).total_seconds() / 60 for name in type(timeouts).model_fields}
    assert minutes == {"connect": 0.5, "greeting": 5, "command": 5, "data": 2, "block": 3, "dot": 10}


def test_a_certificate_file_counts_from_the_site(tmp_path):
    block = BackendSettings.model_validate({"type": "smtp", "host": "mail.example.org", "ca_file": "ca.pem"})
    backend = registry.build("relay", block, environment="production", root=tmp_path)
    assert isinstance(backend, SmtpBackend)
    assert backend._pool._options.ca_file == tmp_path / "ca.pem"
