"""The command line dies at every named point, and goes on: `newsletter.failpoints`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from newsletter import failpoints
from newsletter.database import Database
from newsletter.delivery.models import Status
from newsletter.errors import ConfigError
from newsletter.failpoints import EXIT_STATUS, POINTS
from tests.crash.program import CONNECTIONS, KEY, READERS, Program, make_program
from tests.crash.scene import Expected, tally
from tests.crash.sink import ROOT, Mood, Sink

SEND = ("send", KEY)
ABORT = ("edition", "abort", KEY, "--by", "Edith", "--reason", "a mistake")


@dataclass(frozen=True)
class Way:
    """How a process comes to a point. Each of ``before`` is a failpoint at which a send dies first."""

    nth: int = 1
    before: tuple[str, ...] = ()
    chunking: bool = False
    """The server offers CHUNKING."""
    late: bool = False
    """The deadline passes before it."""
    command: tuple[str, ...] = SEND
    state: str = "sent"
    never: tuple[Status, ...] = ()


WAYS = {
    "ledger.before_commit": Way(nth=5),
    "ledger.after_commit": Way(nth=5),
    "writer.before_answer": Way(nth=5),
    "smtp.before_dot": Way(nth=7),
    "smtp.after_dot": Way(nth=7),
    "smtp.after_reply": Way(nth=7),
    "smtp.before_bdat": Way(nth=7, chunking=True),
    "smtp.after_bdat": Way(nth=7, chunking=True),
    "smtp.after_bdat_reply": Way(nth=7, chunking=True),
    "closing.in_doubt": Way(before=("smtp.after_dot:5",)),
    "closing.in_close": Way(before=("smtp.after_dot:5",), command=ABORT, state="aborted", never=(Status.WITHDRAWN,)),
    "closing.after_close": Way(before=("smtp.after_dot:5",), late=True, never=(Status.EXPIRED,)),
}
"""For the points to which a mere send does not come, or not soon enough to be of interest."""

ON_THE_WIRE = ("ledger.after_commit", "smtp.before_dot", "smtp.after_", "closing.in_doubt")
"""Where the briefing's rule for readers in doubt makes a difference, and no other point the same one."""

CASES = [(point, "hold") for point in POINTS] + [(point, "resend") for point in POINTS if point.startswith(ON_THE_WIRE)]


def calls() -> Counter[str]:
    """The points in the code, each with how often it stands there."""
    found: Counter[str] = Counter()
    for path in sorted((ROOT / "newsletter").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "failpoints.reach":
                found[ast.literal_eval(node.args[0])] += 1
    return found


def test_every_point_of_the_registry_stands_in_the_code_and_every_point_of_the_code_in_the_registry() -> None:
    assert set(calls()) == set(POINTS)
    assert set(WAYS) <= set(POINTS)


@pytest.mark.parametrize(("point", "in_doubt"), CASES)
def test_a_program_that_dies_at_a_point_goes_on_when_it_is_run_again(
    database: Database, tmp_path: Path, point: str, in_doubt: str
) -> None:
    """It does die there. Then nobody is lost, nobody mailed twice but by the rule, and the edition comes to its end."""
    way = WAYS.get(point, Way())
    with Sink(tmp_path / "sink", Mood(chunking=int(way.chunking))) as sink:
        program = make_program(tmp_path / "site", database, sink, in_doubt=in_doubt)
        for earlier in way.before:
            assert program.run(*SEND, failpoint=earlier) == EXIT_STATUS
        if way.late:
            program.clock.advance(7 * 3600)
        assert program.run(*way.command, failpoint=f"{point}:{way.nth}") == EXIT_STATUS, f"it does not come to {point}"
        crashes = len(way.before) + 1
        expected = Expected(READERS, in_doubt, crashes * CONNECTIONS, way.state, way.never)
        found = finish(program, way, sink, expected, crashes)
    assert not found, found


def finish(program: Program, way: Way, sink: Sink, expected: Expected, crashes: int) -> list[str]:
    """Runs it until it has nothing more to do, at most five times, and says what does not hold."""
    done = 1 if way.state == "aborted" else 0
    for _ in range(5):
        if program.run(*SEND) == done:
            break
    return tally(program.site.database, program.edition(), sink, expected, crashes).broken


def test_nothing_is_armed_unless_somebody_asks() -> None:
    assert failpoints.armed == ""


def test_a_point_that_there_is_not_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"NEWSLETTER_FAILPOINTS is 'ledger\.never': write NAME or NAME:TIMES"):
        failpoints.arm("ledger.never")
    environment = {**os.environ, "NEWSLETTER_FAILPOINTS": "plan.in_chunk:0"}
    command = [sys.executable, "-m", "newsletter", "segments", "list"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
