"""An SMTP server that outlives its client and counts: ``python -m tests.crash.sink FILE [--drop 0.1 …]``.

Each message that it accepts is one line in FILE, written with one ``write()`` before the reply goes out: the recipient's
address, and ``dropped`` where there will be no reply. Its port is what it prints. It ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds after which a test gives up waiting for a process."""

_LONGEST = 1_000_000
_PATH = re.compile(rb"(?:MAIL FROM|RCPT TO):<([^>]*)>", re.IGNORECASE)


@dataclass(frozen=True)
class Mood:
    """How often, from 0 to 1, it does something else than take a message and say so."""

    drop: float = 0.0
    """Accepts, and closes the connection without a reply."""
    busy: float = 0.0
    """Says 451, to the recipient or to the message."""
    leave: float = 0.0
    """Says 421, to the recipient or to the message, and closes."""
    cut: float = 0.0
    """Closes the connection when it is offered a message, which it does not accept."""
    slow: float = 0.0
    """Seconds between a final dot and its reply."""
    chunking: int = 0
    """Whether it offers CHUNKING (RFC 3030)."""
    seed: int = 0


WILLING = Mood()


class Dialogue(asyncio.Protocol):
    """One connection, with PIPELINING."""

    def __init__(self, file: int, mood: Mood, dice: random.Random) -> None:
        self._file, self._mood, self._dice = file, mood, dice
        self._buffer = bytearray()
        self._recipient = b""
        self._in_data = False
        self._chunk = 0  # bytes of a BDAT that are still to come
        self._last_chunk = False
        self._gone = False
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say(b"220 sink.example ESMTP")

    def data_received(self, data: bytes) -> None:
        if not self._gone:
            self._buffer += data
            self._work()

    def _work(self) -> None:
        # Every turn takes something off the buffer, or ends.
        while not self._gone and not self._waiting and self._turn():
            pass
        if len(self._buffer) > _LONGEST:
            self._close()

    def _turn(self) -> bool:
        if self._chunk:
            taken = min(self._chunk, len(self._buffer))
            del self._buffer[:taken]
            self._chunk -= taken
            if self._chunk == 0:
                self._message_ends() if self._last_chunk else self._say(b"250 2.0.0 go on")
            return taken > 0
        if self._in_data:
            # The line end before the dot is the message's own: what we keep of the DATA command's stands in for it.
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            del self._buffer[: end + 5]
            self._in_data = False
            self._message_ends()
            return True
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._command(line)
        return True

    def _command(self, line: bytes) -> None:
        verb = line.split(b" ")[0].upper()
        if verb == b"EHLO":
            offers = [b"sink.example", b"PIPELINING", b"8BITMIME", b"ENHANCEDSTATUSCODES"]
            offers += [b"CHUNKING"] if self._mood.chunking else []
            self._say(*(b"250-" + offer for offer in offers[:-1]), b"250 " + offers[-1])
        elif verb == b"RCPT":
            found = _PATH.search(line)
            if found is None:
                self._say(b"501 5.5.4 no address")
            elif not self._turned_away():
                self._recipient = found[1]
                self._say(b"250 2.1.5 ok")
        elif verb == b"DATA":
            if not self._recipient:
                self._say(b"503 5.5.1 no recipient")
            elif self._dice.random() < self._mood.cut:
                self._close()
            else:
                self._in_data = True
                self._buffer[:0] = b"\r\n"
                self._say(b"354 go on")
        elif verb == b"BDAT":
            words = line.split()
            self._chunk, self._last_chunk = int(words[1]), len(words) > 2
            if self._dice.random() < self._mood.cut:
                self._close()
            elif self._chunk == 0:
                self._message_ends() if self._last_chunk else self._say(b"250 2.0.0 go on")
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 bye")
            self._close()
        else:  # MAIL, RSET, NOOP
            self._recipient = b""
            self._say(b"250 2.0.0 ok")

    def _message_ends(self) -> None:
        recipient, self._recipient = self._recipient, b""
        if not recipient:  # the chunks of a message whose recipient was refused
            self._say(b"503 5.5.1 no recipient")
            return
        if self._turned_away():
            return
        dropped = self._dice.random() < self._mood.drop
        os.write(self._file, recipient + (b" dropped\n" if dropped else b"\n"))
        if dropped:
            self._close()
        elif self._mood.slow:
            self._waiting = True
            asyncio.get_running_loop().call_later(self._mood.slow, self._at_last)
        else:
            self._say(b"250 2.0.0 queued")

    def _at_last(self) -> None:
        self._waiting = False
        self._say(b"250 2.0.0 queued")
        self._work()

    def _turned_away(self) -> bool:
        # Half of the times at the recipient, half at the message.
        throw = self._dice.random() * 2
        if throw < self._mood.busy:
            self._say(b"451 4.3.0 try later")
        elif throw < self._mood.busy + self._mood.leave:
            # What it has not read yet would make the kernel reset the connection, and the 421 might never arrive.
            self._say(b"421 4.3.2 closing")
            self._gone = True
            self._transport.write_eof()
        else:
            return False
        return True

    def _say(self, *lines: bytes) -> None:
        if not self._gone and not self._transport.is_closing():
            self._transport.write(b"".join(line + b"\r\n" for line in lines))

    def _close(self) -> None:
        self._gone = True
        self._transport.close()


class Sink(AbstractContextManager["Sink"]):
    """The sink as a process of its own, while its ``with`` lasts."""

    def __init__(self, file: Path, mood: Mood = WILLING) -> None:
        self.file, self._mood = file, mood

    def __enter__(self) -> Sink:
        self.file.touch()
        options = [f"--{one.name}={getattr(self._mood, one.name)}" for one in fields(Mood)]
        command = [sys.executable, "-m", "tests.crash.sink", str(self.file), *options]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            self._process.communicate()
            raise RuntimeError("the sink did not start")
        self.port = int(said)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=20)

    def taken(self) -> int:
        """How many messages it has accepted, quickly."""
        return self.file.read_bytes().count(b"\n")

    def wait(self, enough: int, alive: Callable[[], bool]) -> None:
        """Until it has accepted so many, or whoever sends has ended; `PATIENCE` seconds at most."""
        until = time.monotonic() + PATIENCE
        while self.taken() < enough and alive():
            if time.monotonic() > until:
                raise TimeoutError(f"the sink took {self.taken()} messages in {PATIENCE:g} s, not {enough}")
            time.sleep(0.002)

    def copies(self) -> Counter[str]:
        """How many each address got."""
        return Counter(line.split()[0] for line in self.file.read_text(encoding="ascii").splitlines())

    def dropped(self) -> int:
        """How many it accepted without saying so."""
        return self.file.read_bytes().count(b" dropped\n")


async def _serve(file: int, mood: Mood) -> None:
    loop = asyncio.get_running_loop()
    dice = random.Random(mood.seed)
    server = await loop.create_server(lambda: Dialogue(file, mood, dice), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    for one in fields(Mood):
        parser.add_argument(f"--{one.name}", type=type(one.default), default=one.default)
    options = vars(parser.parse_args())
    file = os.open(options.pop("file"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    asyncio.run(_serve(file, Mood(**options)))


if __name__ == "__main__":
    main()
