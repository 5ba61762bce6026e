"""A briefing press for newsrooms: stories in, one mail for each reader out, once."""

__version__ = "0.1.0"
