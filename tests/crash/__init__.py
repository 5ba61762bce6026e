"""Crash tests: real processes that send to a counting sink, and are killed, frozen, cut off and starved.

`python -m tests.crash` prints the table of docs/explanation/crash-tests.md.
"""
