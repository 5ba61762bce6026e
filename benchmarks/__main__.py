"""``python -m benchmarks [--quick]``: everything, one table after the other."""

from __future__ import annotations

import subprocess
import sys

PARTS = ("briefing", "preview", "checks", "delivery", "signed", "roundtrip", "oneclick", "segments", "move", "millions")


def main() -> None:
    """Each part in a process of its own, so that none inherits the memory of another. Options go to those that have
    them."""
    more = sys.argv[1:]
    for part in PARTS:
        print(f"── {part}", flush=True)
        options = [] if part in ("segments", "move", "millions") else more
        subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *options], check=True)
        print(flush=True)


if __name__ == "__main__":
    main()
