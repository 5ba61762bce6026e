"""The command line. It holds no rules: every command calls the press, or the room whose thing it is."""

from newsletter.cli.app import main

__all__ = ["main"]
