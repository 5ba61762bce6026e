"""``python -m benchmarks``: the table of `benchmarks.briefing`."""

from benchmarks.briefing import main

main()
