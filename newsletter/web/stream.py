"""Pages that change while somebody looks at them: server-sent events (WHATWG HTML, section 9.2).

``live.js`` puts each ``look``, a part of the page, in the place of the last one. At the ``end`` it loads the page
anew, or stays where it is (``data-stay``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.responses import Response, StreamingResponse

from newsletter.web.ask import Ask
from newsletter.web.guard import Busy
from newsletter.web.live import SECONDS

STREAMS = 64
"""How many streams of events there may be at once: each holds a connection. Who comes after that looks by reloading."""
_HEARTBEAT = 15
"""After so many looks at which nothing was new, a word is sent all the same: a proxy cuts what is silent."""
_LOOKS = 600
"""After so many looks a stream ends. The browser comes again by itself, and is asked again who it is."""


def streamed(ask: Ask, look: Callable[[], tuple[str, bool]]) -> Response:
    """Answers with what ``look`` sees, in a thread, as often as it is something new: HTML, and whether it goes on.

    Raises `Busy`.
    """
    if ask.guard.live.streams >= STREAMS:
        raise Busy
    headers = {"x-accel-buffering": "no"}  # nginx would keep them back
    if ask.request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers)
    return StreamingResponse(_events(ask, look), media_type="text/event-stream", headers=headers)


async def _events(ask: Ask, look: Callable[[], tuple[str, bool]]) -> AsyncIterator[str]:
    ask.guard.live.streams += 1
    try:
        last, silent = "", 0
        yield "retry: 2000\n\n"
        for _ in range(_LOOKS):
            html, goes_on = await ask.thread(look)
            if html != last or not goes_on:
                last, silent = html, 0
                yield _event("look" if goes_on else "end", html)
            elif (silent := silent + 1) == _HEARTBEAT:
                silent = 0
                yield ":\n\n"
            if not goes_on:
                return
            await asyncio.sleep(SECONDS)
    finally:
        ask.guard.live.streams -= 1


def _event(name: str, data: str) -> str:
    return f"event: {name}\n" + "".join(f"data: {line}\n" for line in data.splitlines()) + "\n"
