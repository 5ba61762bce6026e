"""Fakes for tests, ours and those of people who write plug-ins."""

from newsletter.testing.clock import FixedClock

__all__ = ["FixedClock"]
