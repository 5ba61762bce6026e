"""A Maildir on disk: one ``.eml`` for each message, which any mail program opens."""

from newsletter.backends.outbox.backend import OutboxBackend

__all__ = ["OutboxBackend"]
