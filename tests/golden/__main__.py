"""Writes the golden files anew: ``python -m tests.golden``, then look at the difference before committing it."""

from __future__ import annotations

from tests.golden.test_briefing import FILES

if __name__ == "__main__":
    for path, made in FILES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(made().encode())
