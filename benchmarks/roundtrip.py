"""How well a long line is used: ``python -m benchmarks.roundtrip [--quick]``.

Between sender and sink stands a proxy that hands every byte on after half a round trip (`delay/delay.c`). A client that
needs one round trip a message can send connections ÷ round trip messages a second and no more; the last column says how
much of that each reaches. With CHUNKING several messages are under way on a connection, and more than that is possible.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self

from benchmarks.delay import Delay
from benchmarks.delivery import OURS, Load, Run, Sender, loads, ours, preface, send, senders
from benchmarks.machine import SERVER
from benchmarks.sink import Sink
from newsletter.backends.smtp.options import SmtpOptions


class FarSink(Sink):
    """A sink behind a delay line: ``port`` is the near end's."""

    def __init__(self, round_trip: float, *, chunking: bool = False) -> None:
        super().__init__(chunking=chunking, core=SERVER)
        self._round_trip, self._stack = round_trip, ExitStack()

    def __enter__(self) -> Self:
        super().__enter__()
        self.port = self._stack.enter_context(Delay(self.port, self._round_trip, core=SERVER)).port
        return self

    def __exit__(self, *why: object) -> None:
        self._stack.close()
        self.stop()


def lines(load: Load, round_trip: float, seconds: float, rounds: int, in_flight: int) -> Iterator[str]:
    """A line for each sender, and one for ours with CHUNKING where this version can have several in flight."""
    bound = load.connections / round_trip
    chosen: list[tuple[Sender, Callable[[], Sink]]] = [(one, lambda: FarSink(round_trip)) for one in senders()]
    if "in_flight" in SmtpOptions.model_fields:
        several = Sender(f"{OURS}, CHUNKING, {in_flight} in flight", ours("--options", f"in_flight: {in_flight}"), 0)
        chosen.insert(1, (several, lambda: FarSink(round_trip, chunking=True)))
    done: dict[str, list[Run]] = {one.name: [] for one, _ in chosen}
    for turn in range(rounds):
        for one, sink in chosen if turn % 2 == 0 else reversed(chosen):
            # Others need several round trips a message.
            share = in_flight if "flight" in one.name else 1 if one.name == OURS else 0.25
            done[one.name].append(send(one, load, max(100, int(bound * share * seconds)), sink))
    yield f"{'':<36}{'msg/s':>9} {'least – most':>17}{'of one round trip each':>25}"
    for name, runs in done.items():
        rates = [run.rate for run in runs]
        middle = statistics.median(rates)
        yield f"{name:<36}{middle:>9,.0f} {f'{min(rates):,.0f} – {max(rates):,.0f}':>17}{middle / bound:>25.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="ten connections, one round of two seconds")
    parser.add_argument("--round-trip", type=float, default=40, help="milliseconds")
    parser.add_argument("--size", type=int, default=60_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--in-flight", type=int, default=8, help="messages on a connection, with CHUNKING")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.quick:
        given.connections, given.seconds, given.rounds = [10], 2, 1
    print(preface(), "\n")
    with loads((given.size,), tuple(given.connections)) as wanted:
        for load in wanted:
            print(f"{load.size:,} bytes, {load.connections} connections, {given.round_trip:g} ms round trip")
            for line in lines(load, given.round_trip / 1000, given.seconds, given.rounds, given.in_flight):
                print(line)
            print(flush=True)


if __name__ == "__main__":
    main()
