"""aiosmtplib, a task for each connection, on uvloop where it is installed: ``… PORT CONNECTIONS MESSAGES FILE``."""

import asyncio
import json
import sys
import time
from pathlib import Path

from aiosmtplib import SMTP

try:
    from uvloop import new_event_loop
except ImportError:
    new_event_loop = None


async def send(port: int, connections: int, messages: int, data: bytes) -> None:
    numbers = iter(range(messages))

    async def work() -> None:
        async with SMTP(
            hostname="127.0.0.1", port=port, use_tls=False, start_tls=False, local_hostname="bench.example.org"
        ) as client:
            for number in numbers:
                await client.sendmail("bounce@courier.example.org", [f"reader{number}@example.org"], data)

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(send(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).read_bytes()))
