"""Rules about replies: every built-in one by its example, every row of the classification, and what servers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.backends.base import Outcome, Result
from newsletter.config import ReplyRule
from newsletter.delivery.reasons import Blame, Harm, Reason
from newsletter.delivery.retry import LONGEST_WAIT, judge
from newsletter.delivery.rulebook import Rule, built_in
from newsletter.errors import ConfigError

R = Reason


def outcome(line: str) -> Outcome:
    """What a backend makes of a reply to RCPT or to the final dot."""
    code, _, words = line.partition(" ")
    enhanced = words.split(" ", 1)[0]
    if enhanced.count(".") != 2 or not enhanced.replace(".", "").isdigit():
        enhanced = ""
    result = Result.REJECTED if line[0] == "5" else Result.DEFERRED
    return Outcome(result, int(code), enhanced, line, backend_fault=".7." in enhanced or code == "421")


@pytest.mark.parametrize("rule", built_in().rules, ids=lambda rule: f"{rule.provider} {rule.settings.text[0]}".strip())
def test_every_rule_decides_its_own_example(rule: Rule) -> None:
    code = int(rule.settings.example[:3])
    assert built_in().find(code, rule.settings.example) is rule
    found = judge(outcome(rule.settings.example))
    assert found.reason is rule.reason or (code == 421 and rule.reason.blame is not Blame.BACKEND)


def test_every_provider_says_where_its_rules_come_from_and_when_that_was_read() -> None:
    for provider in built_in().providers.values():
        assert provider.source.startswith("https://")
        assert len(provider.seen) == len("2026-11")
        assert all(domain == domain.lower() and "." in domain for domain in provider.domains)


def test_no_domain_has_two_providers() -> None:
    domains = [domain for provider in built_in().providers.values() for domain in provider.domains]
    assert len(domains) == len(set(domains))


@pytest.mark.parametrize(
    ("line", "reason", "blame", "harm"),
    [
        # 4xx: retry, and at most soft when it has expired.
        ("450 4.1.1", R.NO_SUCH_ADDRESS, Blame.READER, Harm.SOFT),
        ("451 4.3.0", R.RECEIVER_TROUBLE, Blame.MESSAGE, Harm.NONE),
        ("452 4.2.2", R.MAILBOX_FULL, Blame.READER, Harm.SOFT),
        ("452", R.RECEIVER_TROUBLE, Blame.MESSAGE, Harm.NONE),
        # 421 at any time.
        ("421", R.UNREACHABLE, Blame.BACKEND, Harm.NONE),
        ("421 4.1.1 no such user", R.UNREACHABLE, Blame.BACKEND, Harm.NONE),
        ("421 4.2.2 mailbox full", R.UNREACHABLE, Blame.BACKEND, Harm.NONE),
        # Too many recipients, transient even if 5xx.
        ("452 4.5.3", R.TOO_MANY_RECIPIENTS, Blame.MESSAGE, Harm.NONE),
        ("552 5.5.3", R.TOO_MANY_RECIPIENTS, Blame.MESSAGE, Harm.NONE),
        ("552 too many recipients", R.TOO_MANY_RECIPIENTS, Blame.MESSAGE, Harm.NONE),
        # Hard.
        ("550 5.1.1", R.NO_SUCH_ADDRESS, Blame.READER, Harm.HARD),
        ("550 5.1.2", R.NO_SUCH_HOST, Blame.READER, Harm.HARD),
        ("553 5.1.3", R.NO_SUCH_ADDRESS, Blame.READER, Harm.HARD),
        ("551 5.1.6", R.NO_SUCH_ADDRESS, Blame.READER, Harm.HARD),
        ("556 5.1.10", R.NO_SUCH_HOST, Blame.READER, Harm.HARD),
        ("556", R.NO_SUCH_HOST, Blame.READER, Harm.HARD),
        ("550 5.2.1", R.ADDRESS_CLOSED, Blame.READER, Harm.HARD),
        ("550 5.4.4", R.NO_SUCH_HOST, Blame.READER, Harm.HARD),
        # Quota: this edition fails, soft.
        ("552 5.2.2", R.MAILBOX_FULL, Blame.READER, Harm.SOFT),
        ("552", R.MAILBOX_FULL, Blame.READER, Harm.SOFT),
        # Policy, spam, reputation, DMARC, PTR, TLS: ours.
        ("550 5.7.1", R.POLICY, Blame.BACKEND, Harm.NONE),
        ("554 5.7.1 spam detected", R.SPAM, Blame.BACKEND, Harm.NONE),
        ("550 5.7.1 poor reputation", R.BLOCKED, Blame.BACKEND, Harm.NONE),
        ("550 5.7.26", R.AUTHENTICATION, Blame.BACKEND, Harm.NONE),
        ("550 5.7.25", R.AUTHENTICATION, Blame.BACKEND, Harm.NONE),
        ("550 5.7.1 TLS required", R.AUTHENTICATION, Blame.BACKEND, Harm.NONE),
        ("450 4.7.28", R.THROTTLED, Blame.BACKEND, Harm.NONE),
        # But x.7.13 and x.7.17 are the reader's account.
        ("525 5.7.13", R.ADDRESS_CLOSED, Blame.READER, Harm.HARD),
        ("550 5.7.17", R.ADDRESS_CLOSED, Blame.READER, Harm.HARD),
        # Content.
        ("554 5.6.0", R.CONTENT, Blame.MESSAGE, Harm.NONE),
        ("552 5.3.4", R.TOO_LARGE, Blame.MESSAGE, Harm.NONE),
        ("552 message too large", R.TOO_LARGE, Blame.MESSAGE, Harm.NONE),
        ("552 5.2.3", R.TOO_LARGE, Blame.MESSAGE, Harm.NONE),
        # Our own sender address.
        ("553 5.1.8", R.SENDER_REFUSED, Blame.BACKEND, Harm.NONE),
        ("553 5.1.7", R.SENDER_REFUSED, Blame.BACKEND, Harm.NONE),
        ("535 5.7.8", R.CREDENTIALS, Blame.BACKEND, Harm.NONE),
        # 550 mixed: the words decide, and where there are none it is never hard.
        ("550", R.READER_OTHER, Blame.READER, Harm.SOFT),
        ("550 5.7.1 user unknown", R.NO_SUCH_ADDRESS, Blame.READER, Harm.HARD),
        ("550 5.7.1 relay access denied", R.RELAY_DENIED, Blame.BACKEND, Harm.NONE),
        ("550 blocked using a list", R.BLOCKED, Blame.BACKEND, Harm.NONE),
        ("550 5.1.1 blocked using a list", R.BLOCKED, Blame.BACKEND, Harm.NONE),
    ],
)
def test_every_row_of_the_classification(line: str, reason: Reason, blame: Blame, harm: Harm) -> None:
    found = judge(outcome(line))
    assert (found.reason, found.blame, found.harm) == (reason, blame, harm)


@pytest.mark.parametrize("code", [421, 500, 501, 530, 535, 550, 553, 554])
@pytest.mark.parametrize("words", ["", "5.1.1 user unknown", "5.2.2 mailbox full", "no such address here"])
def test_a_no_before_there_was_a_reader_is_never_the_readers(code: int, words: str) -> None:
    """As the SMTP backend hands on a 5xx to the greeting, EHLO or MAIL: deferred, its own fault."""
    enhanced = words.split(" ")[0] if words.startswith("5") else ""
    found = judge(Outcome(Result.DEFERRED, code, enhanced, f"{code} {words}", backend_fault=True))
    assert found.blame is Blame.BACKEND
    assert found.harm is Harm.NONE


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        # Gmail
        ("550 5.1.1 The address you wrote to has no account: user unknown. p=NoSuchUser - gsmtp", R.NO_SUCH_ADDRESS),
        ("552 5.2.2 The inbox is out of storage space. Ask for room there - gsmtp", R.MAILBOX_FULL),
        ("452 4.2.2 The account you tried to reach is over quota - gsmtp", R.MAILBOX_FULL),
        ("450 4.2.1 The user you are trying to contact is receiving mail at too high a rate - gsmtp", R.READER_BUSY),
        ("421 4.7.28 192.0.2.7 An unusual rate of unsolicited mail comes from here - gsmtp", R.THROTTLED),
        ("550 5.7.26 The sender is unauthenticated: SPF and DKIM both failed - gsmtp", R.AUTHENTICATION),
        ("550 5.7.1 Very likely unsolicited mail, to protect users it was blocked - gsmtp", R.SPAM),
        ("550 5.7.1 Not RFC 5322 compliant: duplicate header Subject - gsmtp", R.CONTENT),
        ("421 4.4.5 Server busy, come later - gsmtp", R.THROTTLED),
        # Yahoo and AOL
        ("421 4.7.0 [TSS04] Mail from 192.0.2.7 waits, users complained", R.THROTTLED),
        ("421 4.7.1 [TS03] All mail from 192.0.2.7 will be permanently deferred", R.BLOCKED),
        ("554 5.7.9 Message not accepted for policy reasons", R.SPAM),
        ("554 delivery error: dd This user doesn't have a yahoo.de account", R.NO_SUCH_ADDRESS),
        ("554 delivery error: dd This account has been disabled or discontinued", R.ADDRESS_CLOSED),
        ("552 1 Requested mail action aborted, mailbox not found", R.NO_SUCH_ADDRESS),
        # Outlook and Exchange
        ("550 5.7.1 Mail from 192.0.2.7 was not sent; it is on our block list (S3150)", R.BLOCKED),
        ("451 4.7.650 The server 192.0.2.7 has been temporarily rate limited due to IP reputation", R.THROTTLED),
        ("451 4.7.500 Server busy. Please come back from 192.0.2.7", R.THROTTLED),
        ("550 5.7.515 Access denied, the domain lacks the required authentication level", R.AUTHENTICATION),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", R.READER_OTHER),
        ("550 5.4.1 Recipient address rejected: Access denied", R.READER_OTHER),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", R.NO_SUCH_ADDRESS),
        ("421 4.3.2 The number of concurrent connections has exceeded a limit: too many connections", R.THROTTLED),
        ("550 5.7.606 Access denied, banned sending IP 192.0.2.7", R.BLOCKED),
        ("554 5.2.2 mailbox full; STOREDRV: quota exceeded", R.MAILBOX_FULL),
        ("432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", R.READER_BUSY),
        # Apple
        ("421 4.7.1 Messages to this user deferred due to excessive volume", R.THROTTLED),
        ("550 5.7.1 [CS01] Message rejected due to local policy", R.SPAM),
        ("550 5.1.1 user does not exist", R.NO_SUCH_ADDRESS),
        # GMX, WEB.DE, T-Online, Freenet
        ("554 IP address is block listed; see our postmaster", R.BLOCKED),
        ("421 Service closes the channel: Reject due to policy restrictions", R.THROTTLED),
        ("550 Reject due to SPF policy", R.AUTHENTICATION),
        ("550 Requested action not taken: mailbox unavailable", R.READER_OTHER),
        ("550 Benutzer hat das Speichervolumen ueberschritten. / User has too much", R.MAILBOX_FULL),
        ("550 Benutzer nicht bekannt", R.NO_SUCH_ADDRESS),
        ("550 unrouteable address", R.NO_SUCH_ADDRESS),
        ("550 5.2.1 User is inactive", R.ADDRESS_CLOSED),
        # Orange, Comcast
        ("421 mwinf5c04 Too many connections, slow down. OFR004_104", R.THROTTLED),
        ("550 5.1.1 Adresse d'au moins un destinataire invalide. OFR_416", R.NO_SUCH_ADDRESS),
        ("421 4.1.0 192.0.2.7 Throttled - try later. RL000010", R.THROTTLED),
        # Relays
        ("454 Throttling failure: Maximum sending rate exceeded.", R.THROTTLED),
        ("454 4.7.0 Throttling failure: Daily message quota exceeded", R.THROTTLED),
        ("554 Message rejected: Email address is not verified.", R.SENDER_REFUSED),
        ("450 4.7.1 Error: too much mail from 192.0.2.7", R.THROTTLED),
        ("421 4.7.0 relay.example Error: too many connections from 192.0.2.7", R.THROTTLED),
        ("550 5.7.1 Hourly limit of this account is used up: 500 an hour; daily limit too", R.THROTTLED),
        # Postfix, Exim, qmail, Exchange on premises, Domino
        (
            "550 5.1.1 <rita@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
            R.NO_SUCH_ADDRESS,
        ),
        ("554 5.7.1 <rita@example.org>: Relay access denied", R.RELAY_DENIED),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", R.BLOCKED),
        ("450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.7]", R.AUTHENTICATION),
        ("450 4.1.8 <edith@example.org>: Sender address rejected: Domain not found", R.SENDER_REFUSED),
        (
            "550 5.1.0 <edith@example.org>: Sender address rejected: User unknown in local recipient table",
            R.SENDER_REFUSED,
        ),
        ("450 4.2.0 <rita@example.org>: Recipient address rejected: Greylisted, see postgrey pages", R.GREYLISTED),
        ("451 4.7.1 Greylisting in action, please come back later", R.GREYLISTED),
        ("452 4.3.1 Insufficient system storage", R.RECEIVER_TROUBLE),
        ("552 5.3.4 Message size exceeds fixed limit", R.TOO_LARGE),
        ("451 4.3.0 Temporary lookup failure", R.RECEIVER_TROUBLE),
        ("550 No such person at this address: no such user here", R.NO_SUCH_ADDRESS),
        ("554 Sorry, no mailbox here by that name. (#5.1.1)", R.NO_SUCH_ADDRESS),
        ("550 User rita not listed in Domino Directory", R.NO_SUCH_ADDRESS),
        ("550 Verification failed: sender verify failed", R.SENDER_REFUSED),
        ("550 Administrative prohibition", R.POLICY),
        ("550 5.7.133 Sender not authenticated for group", R.AUTHENTICATION),
        ("553 5.3.0 Mail from 192.0.2.7 is not taken: DNSBL listing", R.BLOCKED),
        ("571 5.7.1 Message classified as spam", R.SPAM),
        ("554 5.6.0 Message contains malware", R.SPAM),
        ("550 5.4.4 Host not found", R.NO_SUCH_HOST),
        ("556 5.1.10 Domain does not accept mail (null MX)", R.NO_SUCH_HOST),
        ("550 5.1.1 Mailbox no longer in use, she left the company", R.ADDRESS_CLOSED),
        ("550 5.1.1 <spam-reports@blocklist.example>: mailbox unavailable", R.NO_SUCH_ADDRESS),
        ("451 4.7.1 Rate limit exceeded, try again in 10 minutes", R.THROTTLED),
        ("500 5.5.1 Command unrecognized", R.MESSAGE_OTHER),
        ("554 Transaction failed", R.MESSAGE_OTHER),
    ],
)
def test_what_servers_say(line: str, reason: Reason) -> None:
    assert judge(outcome(line)).reason is reason


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("450 Greylisted, try again in 300 seconds", 300),
        ("451 retry after 5 minutes", 300),
        ("421 too many messages; wait 2 hours please", 7200),
        ("450 come again in 90s", 90),
        ("450 Greylisted for 1 min", 60),
        ("421 blocked for 30 days", None),
        ("450 wait 999999 hours", int(LONGEST_WAIT.total_seconds())),
        ("421 too many connections from 192.0.2.1", None),
        ("450 4.7.1 again", None),
        ("450 again in 0 seconds", None),
    ],
)
def test_a_wait_that_a_server_asks_for_is_read(words: str, seconds: int | None) -> None:
    wait = judge(Outcome(Result.DEFERRED, 450, "", words)).wait
    assert (wait and wait.total_seconds()) == seconds


@given(
    result=st.sampled_from([one for one in Result if one is not Result.ACCEPTED]),
    code=st.integers(-10, 1200),
    enhanced=st.one_of(st.text(max_size=12), st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True)),
    reply=st.one_of(
        st.text(max_size=700),
        st.lists(st.sampled_from([text for rule in built_in().rules for text in rule.settings.text])).map(" ".join),
    ),
    fault=st.booleans(),
)
def test_every_outcome_has_a_reason_and_a_block_is_never_the_readers(
    result: Result, code: int, enhanced: str, reply: str, fault: bool
) -> None:
    found = judge(Outcome(result, code, enhanced, reply, backend_fault=fault))
    assert found.reason in Reason
    if found.blame is not Blame.READER:
        assert found.harm is Harm.NONE
    if found.harm is Harm.HARD:
        assert result is Result.REJECTED
        assert found.final
    if found.rule is not None and found.rule.reason.blame is Blame.BACKEND:
        assert found.blame is Blame.BACKEND
    if found.wait is not None:
        assert 0 < found.wait.total_seconds() <= LONGEST_WAIT.total_seconds()


def own(text: str, reason: str) -> ReplyRule:
    return ReplyRule.model_validate({"text": [text], "class": reason})


def test_a_sites_own_rule_comes_first() -> None:
    rules = built_in().with_rules([own("user unknown * sorry", "greylisted")], "backends.relay.limits.replies")
    line = "550 user unknown today, we are very sorry"
    assert judge(outcome(line)).reason is R.NO_SUCH_ADDRESS
    assert judge(outcome(line), rules).reason is R.GREYLISTED


@pytest.mark.parametrize(
    ("text", "reason", "complaint"),
    [
        (
            "user unknown",
            "nonsense",
            r"backends\.relay\.limits\.replies\.0\.class: there is no 'nonsense': write one of no-such",
        ),
        ("***", "spam", r"backends\.relay\.limits\.replies\.0\.text: '\*\*\*' fits every reply"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(text: str, reason: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        built_in().with_rules([own(text, reason)], "backends.relay.limits.replies")
