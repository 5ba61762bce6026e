"""Who may work at the desk: accounts with roles, their sessions, tokens for scripts, and the limit on guessing."""

from newsletter.accounts.roles import Role

__all__ = ["Role"]
