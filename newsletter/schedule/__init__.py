"""The clock: APScheduler wakes idempotent functions of the press, and decides nothing."""

from newsletter.schedule.clock import serve

__all__ = ["serve"]
