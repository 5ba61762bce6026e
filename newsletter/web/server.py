"""The desk's web server: uvicorn in a thread, with a loop of its own, beside the clock.

A thread and not the clock's loop, so that neither waits for the other: a page that blocks by mistake holds up no send,
and a send that keeps its loop busy leaves the desk open, its stop button too. Signals are the command's: uvicorn takes
them in a process's first thread alone.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from newsletter.errors import Refused
from newsletter.press import Site
from newsletter.web.app import create_app

_log = logging.getLogger(__name__)

_GRACE = 3
"""Seconds that answers under way are given when the server stops; one that never ends (live progress) is cut."""
_PATIENCE = 10.0
"""Seconds after which a thread that does not end is left alone: it ends with the process."""
_CONNECTIONS = 256


class WebServer:
    """Serves a site's desk while its block lasts. Its port is taken from the start on."""

    def __init__(self, site: Site) -> None:
        """Raises `Refused` when the port cannot be had."""
        settings = site.settings.web
        self.url = settings.address
        self._socket = _listening(settings.host, settings.port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(site),
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                limit_concurrency=_CONNECTIONS,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except BaseException:
            # The briefings go out without a desk.
            _log.exception("the desk broke off; the clock goes on", extra={"action": "web"})


def _listening(host: str, port: int) -> socket.socket:
    try:
        [(family, kind, number, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listening = socket.socket(family, kind, number)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            # A provider may send many at the same moment: whom the queue has no place for waits a second.
            listening.listen(1024)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror or error})"
        raise Refused(
            f"port {port} of {host} {taken}: write another under `web` in config.yaml, or serve with --no-web"
        ) from None
    listening.setblocking(False)
    return listening
