"""One settings object, parsed once, frozen, failing loudly with file, line and what to write instead."""

from newsletter.config.backends import BackendSettings, LimitSettings, PaceSettings, ReplyRule
from newsletter.config.clients import SHARES, MailClient
from newsletter.config.load import load_settings
from newsletter.config.models import Briefing, Publication, Schedule, Section, Select, Settings
from newsletter.config.readers import ReaderChoice, ReaderSettings
from newsletter.config.senders import Dkim, Sender

__all__ = [
    "SHARES",
    "BackendSettings",
    "Briefing",
    "Dkim",
    "LimitSettings",
    "MailClient",
    "PaceSettings",
    "Publication",
    "ReaderChoice",
    "ReaderSettings",
    "ReplyRule",
    "Schedule",
    "Section",
    "Select",
    "Sender",
    "Settings",
    "load_settings",
]
