"""How many messages a second leave, side by side with others: ``python -m benchmarks.delivery [--quick]``.

Everybody sends to the same sink (`sink/sink.c`) on loopback, with the same number of connections and messages of the
same size, one after the other in turns, and each in a process of its own; the sink keeps to core 1. The sink
counts, and a run in which it did not get every message is no run.

*newsletter* is the whole product: recipients frozen, claimed, read from SQLite (synchronous=FULL), personalised, sent,
every intent and outcome on disk before the next final dot, and the report adds up. The others send one constant message
that is ready before their clock starts, and record nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import MIB, SERVER, cores, pin, resident
from benchmarks.mail import constant
from benchmarks.sink import Sink
from tests.servers import JUDGES

ROOT = Path(__file__).parent.parent
SMTP_SOURCE = shutil.which("smtp-source", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
NODE = shutil.which("node")
NODEMAILER = JUDGES / "nodemailer"
OURS = "newsletter"


@dataclass(frozen=True)
class Load:
    """What is sent. ``file`` holds the constant message of the others."""

    size: int
    connections: int
    file: Path


@dataclass
class Run:
    """One run: messages, wall-clock seconds, processor seconds of the sender and of the sink, most memory in bytes."""

    messages: int
    seconds: float
    cpu: float
    sink_cpu: float
    memory: float
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


@dataclass(frozen=True)
class Sender:
    """A way to send: ``command`` makes its command line of the load, the sink's port and the number of messages."""

    name: str
    command: Callable[[Load, int, int], list[str]]
    first: int
    """Messages of the run by which its speed is guessed."""


def python(*arguments: object) -> list[str]:
    """A module of ours as a command line."""
    return [sys.executable, "-m", *map(str, arguments)]


def ours(*more: str) -> Callable[[Load, int, int], list[str]]:
    """Our own command line, with more options of `benchmarks.sender`."""

    def command(load: Load, port: int, messages: int) -> list[str]:
        return python("benchmarks.sender", "--port", port, "--messages", messages, "--size", load.size,
                       "--connections", load.connections, *more)  # fmt: skip

    return command


def _rival(*program: str, last: tuple[str, ...] = ()) -> Callable[[Load, int, int], list[str]]:
    def command(load: Load, port: int, messages: int) -> list[str]:
        return [*program, str(port), str(load.connections), str(messages), str(load.file), *last]

    return command


def _smtp_source(load: Load, port: int, messages: int) -> list[str]:
    assert SMTP_SOURCE is not None
    return [SMTP_SOURCE, "-d", "-l", str(load.size), "-s", str(load.connections), "-m", str(messages),
            "-f", "bounce@courier.example.org", "-t", "reader@example.org", f"127.0.0.1:{port}"]  # fmt: skip


def senders() -> Iterator[Sender]:
    """Those that are installed."""
    yield Sender(OURS, ours(), 5_000)
    if SMTP_SOURCE:
        yield Sender("smtp-source -d", _smtp_source, 5_000)
    yield Sender("smtplib", _rival(*python("benchmarks.rivals.smtplib_threads")), 1_000)
    try:
        import aiosmtplib
    except ImportError:
        pass
    else:
        yield Sender(f"aiosmtplib {aiosmtplib.__version__}", _rival(*python("benchmarks.rivals.aiosmtplib_tasks")), 500)
    if NODE and NODEMAILER.is_dir():
        version = json.loads((NODEMAILER / "package.json").read_text())["version"]
        program = str(ROOT / "benchmarks" / "rivals" / "nodemailer_pool.mjs")
        yield Sender(f"nodemailer {version}", _rival(NODE, program, last=(str(NODEMAILER.resolve()),)), 500)


def run(command: list[str], core: int | None = None) -> tuple[float, float, float, dict[str, Any]]:
    """Runs a program on a core: wall-clock and processor seconds, most memory in bytes, and the JSON it printed."""
    start, most = time.perf_counter(), 0
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        preexec_fn=None if core is None else lambda: (pin(core), None)[1],
    )  # fmt: skip
    assert process.stdout is not None
    # Looked at from outside, now and then: what the kernel keeps as the most of a child counts the fork before it.
    while not select.select([process.stdout], [], [], 0.1)[0]:
        most = max(most, resident(process.pid))
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{command[0]} … ended with {process.returncode}")
    return wall, used.ru_utime + used.ru_stime, most, json.loads(said) if said.strip() else {}


def send(sender: Sender, load: Load, messages: int, sink: Callable[[], Sink] = lambda: Sink(core=SERVER)) -> Run:
    """One run to a sink of its own. Raises RuntimeError when the sink did not get what was sent."""
    with sink() as server:
        wall, cpu, memory, said = run(sender.command(load, server.port, messages))
        sink_cpu = server.cpu_seconds()
        counted = server.stop()
    messages = said.get("messages", messages)
    if counted is not None and counted.messages != messages:
        raise RuntimeError(f"{sender.name} sent {messages} messages, and the sink got {counted.messages}")
    # Who starts an interpreter says when it began to send; smtp-source begins at once.
    most = said["memory"]["most"] * MIB if "memory" in said else memory
    return Run(messages, said.get("seconds", wall), said.get("cpu", cpu), sink_cpu, most, said)


def rounds(chosen: list[Sender], load: Load, seconds: float, number: int) -> dict[str, list[Run]]:
    """As many runs of each as ``number``, in turns, each of about so many seconds."""
    messages = {}
    for sender in chosen:
        first = send(sender, load, sender.first)
        messages[sender.name] = max(500, int(first.rate * seconds))
    done: dict[str, list[Run]] = {sender.name: [] for sender in chosen}
    for turn in range(number):
        for sender in chosen if turn % 2 == 0 else reversed(chosen):
            done[sender.name].append(send(sender, load, messages[sender.name]))
    return done


HEAD = (
    f"{'':<22}{'msg/s':>9} {'least – most':>17}{'ours is':>10}"
    f"{'CPU µs':>9}{'ours is':>10}{'memory':>9}{'sink busy':>11}"
)


def table(done: dict[str, list[Run]]) -> Iterator[str]:
    """Lines of what was measured, with how many times as fast ours is: by the clock, and by processor time."""
    yield HEAD
    medians = {name: statistics.median(one.rate for one in runs) for name, runs in done.items()}
    costs = {name: statistics.median(one.cpu / one.messages for one in runs) * 1e6 for name, runs in done.items()}
    for name, runs in done.items():
        rates = [one.rate for one in runs]
        busy = max(one.sink_cpu / one.seconds for one in runs)
        beside = ("", "") if name == OURS else (
            f"{medians[OURS] / medians[name]:.2f} ×", f"{costs[name] / costs[OURS]:.2f} ×"
        )  # fmt: skip
        yield (
            f"{name:<22}{medians[name]:>9,.0f} {f'{min(rates):,.0f} – {max(rates):,.0f}':>17}{beside[0]:>10}"
            f"{costs[name]:>9,.0f}{beside[1]:>10}{max(one.memory for one in runs) / MIB:>5,.0f} MiB{busy:>10.0%}"
        )


def memory_line(runs: list[Run]) -> str:
    """Resident memory of our last run at its moments."""
    moments = runs[-1].said["memory"]
    return "memory, MiB: " + ", ".join(f"{name} {value:,.0f}" for name, value in moments.items())


def stages(load: Load, messages: int) -> Iterator[str]:
    """Where our time goes: the same without a network, and the freeze by itself."""
    _, _, _, said = run(python("benchmarks.sender", "--null", "--messages", messages, "--size", load.size,
                                "--connections", load.connections))  # fmt: skip
    count = said["messages"]
    yield (
        f"without a network: {count / said['seconds']:,.0f} a second, "
        f"{said['cpu'] / count * 1e6:,.0f} µs CPU a message; "
        f"freeze {count / said['freeze']:,.0f} rows a second"
    )


@contextmanager
def loads(sizes: tuple[int, ...], connections: tuple[int, ...]) -> Iterator[list[Load]]:
    """Every pair of them."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench.") as folder:
        made = []
        for size in sizes:
            file = Path(folder) / f"{size}.eml"
            file.write_bytes(constant(size))
            made += [Load(size, number, file) for number in connections]
        yield made


def commit() -> str:
    """The commit that is measured, with a mark where files differ from it; empty outside a repository."""
    git = shutil.which("git")
    if git is None:
        return ""
    told = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip()


def preface() -> str:
    """What the figures below were measured with."""
    try:
        import uvloop
    except ImportError:
        loop = "asyncio's loop"
    else:
        loop = f"uvloop {uvloop.__version__}"
    pinned = f"sink on core {SERVER}, senders where they like" if cores() > 1 else "one core for all"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"commit {commit()}, Python {platform.python_version()}, {loop}, {cores()} cores: {pinned}; load before: {load}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one load, two rounds of two seconds")
    parser.add_argument("--sizes", type=int, nargs="+", default=[60_000, 100_000])
    parser.add_argument("--connections", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seconds", type=float, default=8, help="of each run, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="names of senders, by their beginnings")
    given = parser.parse_args()
    if given.quick:
        given.sizes, given.connections, given.seconds, given.rounds = [60_000], [50], 2, 2
    print(preface(), "\n")
    chosen = [one for one in senders() if not given.only or one.name.startswith((OURS, *given.only))]
    with loads(tuple(given.sizes), tuple(given.connections)) as wanted:
        for load in wanted:
            print(f"{load.file.stat().st_size:,} bytes, {load.connections} connections")
            done = rounds(chosen, load, given.seconds, given.rounds)
            for line in (*table(done), memory_line(done[OURS]), *stages(load, 5_000 if given.quick else 40_000)):
                print(line)
            print(flush=True)


if __name__ == "__main__":
    main()
