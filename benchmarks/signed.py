"""Messages signed with RSA-2048, against what OpenSSL can sign: ``python -m benchmarks.signed [--quick]``.

``openssl speed`` says how many bare RSA-2048 signatures one core makes. Ours are DKIM signatures of 60,000-byte
messages that are read, personalised, hashed, signed, sent and recorded.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.delivery import OURS, Load, Run, Sender, loads, ours, preface, send
from benchmarks.machine import cores
from benchmarks.sink import Sink
from newsletter.config.models import Publication

OPENSSL = shutil.which("openssl")
CAN_SIGN = "dkim" in Publication.model_fields


def openssl(processes: int, seconds: int) -> float:
    """RSA-2048 signatures a second."""
    assert OPENSSL is not None
    several = ["-multi", str(processes)] if processes > 1 else []
    told = subprocess.run(
        [OPENSSL, "speed", "-seconds", str(seconds), *several, "rsa2048"], capture_output=True, text=True, check=True
    ).stdout
    # rsa 2048 bits 0.000630s 0.000018s   1587.3  54321.0  (OpenSSL 3 names the columns sign, verify, sign/s, verify/s)
    found = re.search(r"^rsa\s*2048 bits\s+\S+s\s+\S+s\s+([0-9.]+)", told, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"openssl speed says something else: {told[-200:]}")
    return float(found[1])


def key_file(folder: Path) -> Path:
    """A new RSA-2048 key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = folder / "rsa.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def measure(load: Load, dkim: str, more: tuple[str, ...], seconds: float, number: int) -> list[Run]:
    """Runs of ours, the sink on the last core."""
    sender = Sender(OURS, ours("--publication", dkim, *more), 0)

    def sink() -> Sink:
        return Sink(core=cores() - 1)

    guess = max(500, int(send(sender, load, 2_000, sink).rate * seconds))
    return [send(sender, load, guess, sink) for _ in range(number)]


def lines(load: Load, seconds: float, number: int, settings: str) -> Iterator[str]:
    """One process on one core, and one on all cores, where the sink has its share of the last; with more settings, if
    given (`workers: 2`)."""
    if OPENSSL is None or not CAN_SIGN:
        yield "no openssl on this machine" if OPENSSL is None else "this version does not sign"
        return
    with tempfile.TemporaryDirectory(prefix="newsletter-bench.") as folder:
        dkim = f"dkim: [{{domain: courier.example.org, selector: bench, key_file: {key_file(Path(folder))}}}]"
        ways = [("1 core", 1, ("--core", "0"))]
        if cores() > 1:
            ways.append((f"{cores()} cores", cores(), ("--core", "-1", "--settings", settings)))
        yield f"{'':<12}{'openssl, signatures/s':>24}{'signed and sent/s':>20}{'least – most':>18}{'of openssl':>12}"
        for name, processes, more in ways:
            beside = openssl(processes, max(1, int(seconds / 2)))
            rates = [run.rate for run in measure(load, dkim, more, seconds, number)]
            middle = statistics.median(rates)
            yield (
                f"{name:<12}{beside:>24,.0f}{middle:>20,.0f}"
                f"{f'{min(rates):,.0f} – {max(rates):,.0f}':>18}{middle / beside:>12.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--size", type=int, default=60_000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--settings", default="", help="more lines of config.yaml for the run on all cores")
    given = parser.parse_args()
    print(preface(), "\n")
    with loads((given.size,), (given.connections,)) as (load,):
        for one in lines(load, 2 if given.quick else 8, 1 if given.quick else 3, given.settings):
            print(one, flush=True)


if __name__ == "__main__":
    main()
