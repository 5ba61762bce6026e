"""SMTP: a protocol core without I/O, an asyncio driver, and the backend that pools its connections."""

from newsletter.backends.smtp.backend import SmtpBackend

__all__ = ["SmtpBackend"]
