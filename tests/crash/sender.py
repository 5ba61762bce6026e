"""A process that delivers over SMTP, made to be killed: the real pump, the real backend.

`start` forks it from a process that has everything imported, so that hundreds of kills take minutes. Or
``python -m tests.crash.sender JSON``, for a process with an environment or limits of its own.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import event, select

from newsletter.backends.smtp import SmtpBackend
from newsletter.database import Database
from newsletter.delivery.ledger import InDoubt
from newsletter.delivery.pump import Delivered
from newsletter.editions.models import Edition, Variant
from newsletter.editions.states import State, move
from tests.crash.clocks import MovedClock
from tests.crash.sink import ROOT
from tests.integration.delivery_world import World

RELAY = "relay"
LEASE = 60
DEADLINE = timedelta(days=30)
LATE = 600
"""Seconds after the next message is due at which a round begins: so more messages are due, and rounds are fewer."""
NOT_DONE = 3
PRELOAD = ["tests.crash.sender", "tests.crash.program", "psycopg"]


@dataclass(frozen=True)
class Order:
    """What a sender is told."""

    url: str
    edition: int
    port: int
    clock: str
    """The file of a `MovedClock`."""
    in_doubt: InDoubt = "hold"
    connections: int = 4
    in_flight: int = 1
    """Messages under way at once on a connection, where the server offers CHUNKING."""
    rounds: int = 1
    """How often it delivers, each time when the next message is due."""
    synchronous: str = ""
    """Another setting of SQLite's than the product's."""
    in_process: bool = False
    """The ledger is written by a process of its own."""
    lease: int = LEASE


async def deliver(world: World, clock: MovedClock, order: Order) -> Delivered:
    """Delivers what is due, and again when something is due later, if the order says so."""
    for left in reversed(range(order.rounds)):
        server = {"host": "127.0.0.1", "port": order.port, "tls": "none"}
        backend = SmtpBackend(RELAY, {**server, "connections": order.connections, "in_flight": order.in_flight})
        pump = world.pump(
            backend,
            in_doubt=order.in_doubt,
            deadline=clock.now() + DEADLINE,
            lease=timedelta(seconds=order.lease),
            in_process=order.in_process,
        )
        try:
            delivered = await pump.run()
        finally:
            await backend.close()
        if delivered.next_due is None or not left:
            break
        clock.advance(max((delivered.next_due - clock.now()).total_seconds(), 0) + LATE)
    return delivered


def work(order: Order) -> None:
    """Sends, brings the edition to its end as `press.send` does, and exits with 0 when all is done, 3 when not."""
    database = Database(order.url)
    if order.synchronous:
        event.listen(
            database.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA synchronous={order.synchronous}").close()
        )
    clock = MovedClock(Path(order.clock))
    with database.read_connection() as connection:
        variants = list(connection.execute(select(Variant.id).where(Variant.edition_id == order.edition)).scalars())
    delivered = asyncio.run(deliver(World(database, clock, order.edition, variants), clock, order))
    if not delivered.done:
        sys.exit(NOT_DONE)
    with database.writing() as session:
        # Locked as `press.send` does it: two senders may both be at the end, and one of them has moved it first.
        state = session.scalar(select(Edition.state).where(Edition.id == order.edition).with_for_update())
        if state == State.SENDING:
            move(session, order.edition, State.SENT, leaving=State.SENDING, clock=clock)


def start(order: Order) -> BaseProcess:
    """A sender that works. Its `pid`, `kill`, `join` and `exitcode` are what tests need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=work, args=(order,), daemon=True)
    process.start()
    return process


def spawn(order: Order, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """A sender as a program, with these variables beside our own. Its standard error can be read."""
    command = [sys.executable, "-m", "tests.crash.sender", json.dumps(asdict(order))]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, stderr=subprocess.PIPE, text=True
    )


if __name__ == "__main__":
    work(Order(**json.loads(sys.argv[1])))
