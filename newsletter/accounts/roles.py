"""What an account may do. Each role may do what the ones before it may."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """From the least to the most."""

    VIEWER = "viewer"
    """Looks at everything and changes nothing."""
    EDITOR = "editor"
    """Changes editions, says yes to them, and holds them."""
    OPERATOR = "operator"
    """Begins, pauses and stops sends, and decides of readers in doubt."""
    ADMIN = "admin"
    """Makes accounts and ends them."""

    def covers(self, wanted: Role) -> bool:
        """Whether this role may do what ``wanted`` may."""
        order = list(Role)
        return order.index(self) >= order.index(wanted)
