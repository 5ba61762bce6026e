"""The editor's desk: server-rendered pages over the press. It holds no rules of its own."""

from newsletter.web.app import create_app
from newsletter.web.server import WebServer

__all__ = ["WebServer", "create_app"]
