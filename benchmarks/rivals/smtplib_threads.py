"""The standard library's smtplib, a thread for each connection: ``… PORT CONNECTIONS MESSAGES FILE``."""

import json
import sys
import time
from itertools import islice
from pathlib import Path
from smtplib import SMTP
from threading import Lock, Thread


def main(port: int, connections: int, messages: int, data: bytes) -> None:
    numbers, lock, failed = iter(range(messages)), Lock(), []

    def work() -> None:
        try:
            with SMTP("127.0.0.1", port, local_hostname="bench.example.org") as client:
                while True:
                    with lock:
                        number = next(islice(numbers, 1), None)
                    if number is None:
                        return
                    client.sendmail("bounce@courier.example.org", [f"reader{number}@example.org"], data)
        except Exception as error:
            failed.append(error)

    start = time.perf_counter()
    threads = [Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).read_bytes())
