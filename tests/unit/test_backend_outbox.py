"""The outbox: one file a message, on disk before it counts, and failures on purpose."""

from __future__ import annotations

import asyncio
import errno
import mailbox
import os
import time
from pathlib import Path

import pytest

from newsletter.backends.base import Message, Outcome, Result
from newsletter.backends.outbox import OutboxBackend
from newsletter.backends.outbox.maildir import Maildir, file_name
from newsletter.testing.conformance import letter, letters
from newsletter.testing.counter import FakeCounter


def deliver(root: Path, messages: list[Message]) -> FakeCounter:
    counter = FakeCounter(messages)
    asyncio.run(OutboxBackend("outbox", {}, root).deliver(counter))
    return counter


def files(root: Path, folder: str = "new") -> list[Path]:
    return sorted((root / "outbox" / folder).iterdir())


def test_a_message_becomes_one_file_with_the_same_bytes(tmp_path):
    message = letter("rita@example.org")
    deliver(tmp_path, [message])
    [file] = files(tmp_path)
    assert file.suffix == ".eml"
    assert file.name.startswith("rita@example.org.")
    assert file.read_bytes() == message.data
    assert not files(tmp_path, "tmp")


def test_the_folder_is_a_maildir_to_a_mail_program(tmp_path):
    deliver(tmp_path, letters(3))
    box = mailbox.Maildir(tmp_path / "outbox", create=False)
    assert sorted(mail["To"] for mail in box) == [f"reader{n}@example.org" for n in (1, 2, 3)]


def test_a_message_sent_again_replaces_itself(tmp_path):
    for _ in range(3):
        deliver(tmp_path, letters(5))
    assert len(files(tmp_path)) == 5


def test_a_message_sent_again_replaces_itself_also_where_a_mail_program_put_it(tmp_path):
    message = letter("rita@example.org")
    deliver(tmp_path, [message])
    [file] = files(tmp_path)
    file.rename(tmp_path / "outbox" / "cur" / f"{file.name}:2,S")
    deliver(tmp_path, [message])
    assert not files(tmp_path)
    assert len(files(tmp_path, "cur")) == 1


def test_what_a_crash_left_in_tmp_is_written_over(tmp_path):
    message = letter("rita@example.org")
    (tmp_path / "outbox" / "tmp").mkdir(parents=True)
    (tmp_path / "outbox" / "tmp" / file_name(message)).write_bytes(b"half a mess")
    deliver(tmp_path, [message])
    assert [file.read_bytes() for file in files(tmp_path)] == [message.data]


def test_the_file_name_is_a_function_of_message_id_and_recipient():
    first = letter("rita@example.org", 1)
    assert file_name(first) == file_name(Message(1, first.sender, first.recipient, first.data + b"later words\r\n"))
    assert file_name(first) != file_name(letter("rita@example.org", 2))
    assert file_name(first) != file_name(Message(1, first.sender, "roman@example.org", first.data))


def test_messages_without_a_message_id_are_told_apart_by_their_words():
    one, two = (Message(1, "b@example.org", "rita@example.org", data) for data in (b"A: 1\r\n\r\n", b"A: 2\r\n\r\n"))
    assert file_name(one) != file_name(two)


def test_a_message_id_in_the_body_is_no_message_id():
    one, two = (
        Message(1, "b@example.org", "rita@example.org", data + b"\r\n\r\nMessage-ID: <1@x>\r\n")
        for data in (b"A: 1", b"A: 2")
    )
    assert file_name(one) != file_name(two)


@pytest.mark.parametrize("local", ["../../etc/passwd", "a/b", "...", "x" * 200, "a|b`c$d"])
def test_no_recipient_leads_out_of_the_folder(tmp_path, local):
    counter = deliver(tmp_path, [letter(f"{local}@example.org")])
    assert [outcome.result for outcome in counter.outcomes.values()] == [Result.ACCEPTED]
    [file] = files(tmp_path)
    assert "/" not in file.name
    assert not file.name.startswith(".")
    assert len(file.name) < 200


@pytest.mark.parametrize(
    ("local", "outcome"),
    [
        ("rita+451", Outcome(Result.DEFERRED, 451, "4.0.0", "451 on purpose, as the address says")),
        ("rita+421", Outcome(Result.DEFERRED, 421, "4.3.2", "421 on purpose, as the address says", True)),
        ("rita+550", Outcome(Result.REJECTED, 550, "5.1.1", "550 on purpose, as the address says")),
        ("rita+552", Outcome(Result.REJECTED, 552, "5.2.2", "552 on purpose, as the address says")),
        ("rita+554", Outcome(Result.REJECTED, 554, "5.7.1", "554 on purpose, as the address says", True)),
        (
            "rita+timeout",
            Outcome(Result.DEFERRED, reply="timed out on purpose, before the final dot", backend_fault=True),
        ),
    ],
)
def test_an_address_says_how_it_fails_and_gets_nothing(tmp_path, local, outcome):
    counter = deliver(tmp_path, [letter(f"{local}@example.org"), letter("roman@example.org", 2)])
    assert counter.outcomes[f"{local}@example.org"] == outcome
    assert [file.name.partition("@")[0] for file in files(tmp_path)] == ["roman"]


def test_a_dropped_reply_leaves_the_message_taken_and_in_doubt(tmp_path):
    counter = deliver(tmp_path, [letter("rita+drop@example.org")])
    assert counter.outcomes["rita+drop@example.org"].result is Result.IN_DOUBT
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("local", ["rita+news", "rita+350", "rita+4510", "rita451", "rita+451+x", "rita+timeouts"])
def test_other_addresses_do_not_fail(tmp_path, local):
    assert (
        deliver(tmp_path, [letter(f"{local}@example.org")]).outcomes[f"{local}@example.org"].result is Result.ACCEPTED
    )


def test_a_full_disk_defers_as_the_backends_fault_and_ends_the_run(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    counter = deliver(tmp_path, letters(100))
    assert counter.waiting, "the whole list was run through"
    assert {(o.result, o.backend_fault) for o in counter.outcomes.values()} == {(Result.DEFERRED, True)}
    assert "No space left on device" in next(iter(counter.outcomes.values())).reply
    assert not counter.unsettled
    assert not files(tmp_path)
    assert not files(tmp_path, "tmp")


def test_a_message_counts_only_when_file_and_folder_were_synced(tmp_path, monkeypatch):
    """Every file is synced before its rename, and every folder after its last rename, before the batch returns."""
    history: list[tuple[str, str]] = []
    fsync, rename = os.fsync, Path.replace

    def seen_fsync(descriptor: int) -> None:
        history.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def seen_rename(self: Path, target: Path) -> Path:
        history.append(("rename", target.name))
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "replace", seen_rename)
    batch = letters(3)
    assert Maildir(tmp_path).write(batch) == [None, None, None]
    for message in batch:
        assert history.index(("fsync", file_name(message))) < history.index(("rename", file_name(message)))
    assert history[-1] == ("fsync", "new")
    assert history.count(("fsync", "new")) == 1


def test_a_folder_sync_that_fails_defers_the_whole_batch(tmp_path, monkeypatch):
    fsync = os.fsync

    def broken(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_dir():
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    assert all(isinstance(error, OSError) for error in Maildir(tmp_path).write(letters(3)))


def test_the_check_is_content_with_a_folder_that_does_not_exist_yet(tmp_path):
    assert asyncio.run(OutboxBackend("outbox", {}, tmp_path).check()) == []
    assert not (tmp_path / "outbox").exists()


def test_the_check_names_a_path_that_is_a_file(tmp_path):
    (tmp_path / "outbox").write_text("no folder")
    [problem] = asyncio.run(OutboxBackend("outbox", {}, tmp_path).check())
    assert "is no folder" in problem


def test_a_path_that_is_a_file_defers(tmp_path):
    (tmp_path / "outbox").write_text("no folder")
    counter = deliver(tmp_path, letters(1))
    assert counter.outcomes["reader1@example.org"].backend_fault


def test_a_cancelled_delivery_leaves_what_is_being_written_in_doubt(tmp_path, monkeypatch):
    async def scene() -> FakeCounter:
        counter = FakeCounter(letters(1))
        backend = OutboxBackend("outbox", {}, tmp_path)
        loop, written, fsync = asyncio.get_running_loop(), asyncio.Event(), os.fsync

        def seen(descriptor: int) -> None:
            loop.call_soon_threadsafe(written.set)
            time.sleep(0.05)
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", seen)
        task = asyncio.create_task(backend.deliver(counter))
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await backend.close()
        return counter

    counter = asyncio.run(scene())
    assert [outcome.result for outcome in counter.outcomes.values()] == [Result.IN_DOUBT]
