"""Brings the data of Can I email up to date: ``python -m tools.caniemail [VERSION]``, then look at the difference.

The package ``caniemail`` of the npm registry is fetched by npm itself and reduced to what the check `support` needs:
for each feature the newest verdict of each client, and the notes that say what is partial. Its licence stays beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "newsletter" / "checks" / "clients"
DATA, LICENCE = FOLDER / "caniemail.json", FOLDER / "caniemail.LICENSE"
PACKAGE = "caniemail"
_MOST_PACKED, _MOST = 2_000_000, 8_000_000
"""Bytes of the package and of a file in it; version 2.0.2 has 154 kB and 654 kB."""
_PATIENCE = 120
"""Seconds for each word with the registry."""
# The package names who wrapped the data; whose they are stands in the repository that they come from.
_NOTICE = """The data in caniemail.json are those of Can I email (https://www.caniemail.com, https://github.com/hteumeuleu/caniemail),
Copyright (c) 2019 HTeuMeuLeu, reduced by tools/caniemail.py from version {version} of the npm package {package}.
Both are under the licence below, which came with the package.

"""


class Refused(Exception):
    """What went wrong and what to do, in a line."""


def npm(*arguments: str, folder: Path | None = None) -> str:
    """What npm says. Raises `Refused` where it is missing, or the registry cannot be reached in time."""
    try:
        done = subprocess.run(["npm", *arguments], cwd=folder, capture_output=True, timeout=_PATIENCE, check=False)
    except FileNotFoundError:
        raise Refused("there is no npm on this machine: install Node.js, then try again") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"the npm registry did not answer in {_PATIENCE} seconds: try again later") from None
    if done.returncode:
        said = next((line for line in done.stderr.decode().splitlines() if line.strip()), "it says nothing")
        raise Refused(f"npm could not fetch {PACKAGE} ({said.strip()[:160]}): is this machine online?")
    return done.stdout.decode().strip()


def fetched(version: str, folder: Path) -> tuple[dict[str, Any], str]:
    """The data and the licence in a version of the package. Raises `Refused` for one that is too large or another."""
    name = npm("pack", f"{PACKAGE}@{version}", "--silent", folder=folder).splitlines()[-1]
    path = folder / name
    if path.stat().st_size > _MOST_PACKED:
        raise Refused(f"{name} has {path.stat().st_size:,} bytes, more than {_MOST_PACKED:,}: look at it by hand")
    with tarfile.open(path) as packed:
        return json.loads(_read(packed, "package/data/caniemail.json")), _read(packed, "package/LICENSE")


def _read(packed: tarfile.TarFile, name: str) -> str:
    found = next((one for one in packed.getmembers() if one.name.lower().startswith(name.lower())), None)
    file = packed.extractfile(found) if found is not None else None
    if file is None:
        raise Refused(f"the package has no {name}: it was made anew, look at it by hand")
    with file:
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise Refused(f"{name} has more than {_MOST:,} bytes: look at it by hand")
    return content.decode()


def reduced(whole: dict[str, Any], version: str) -> dict[str, Any]:
    """The data as the check reads them. Raises `Refused` where they are not what they were."""
    try:
        features = whole["data"]
        clients = sorted({f"{f}/{p}" for feature in features for f, pf in feature["stats"].items() for p in pf})
        return {
            "package": f"{PACKAGE} {version}",
            "date": whole["last_update_date"][:10],
            "clients": clients,
            "features": {
                feature["slug"]: _feature(feature, clients) for feature in sorted(features, key=lambda one: one["slug"])
            },
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise Refused(f"the data have another form ({type(error).__name__}: {error}): look at it by hand") from error


def _feature(feature: dict[str, Any], clients: list[str]) -> dict[str, Any]:
    verdicts, used = [], set()
    for client in clients:
        family, _, platform = client.partition("/")
        versions = feature["stats"].get(family, {}).get(platform) or {"": "u"}
        # They stand from the oldest to the newest.
        verdict, *notes = str(list(versions.values())[-1]).split()
        numbers = [note.removeprefix("#") for note in notes if note.startswith("#")] if verdict == "a" else []
        used |= set(numbers)
        verdicts.append(verdict + ",".join(numbers))
    said = feature["notes_by_num"] or {}
    kept = {number: said[number] for number in sorted(used) if number in said}
    return {"title": feature["title"], "support": " ".join(verdicts)} | ({"notes": kept} if kept else {})


def written(data: dict[str, Any]) -> str:
    """One feature a line, so that a difference can be read."""
    head = json.dumps({key: value for key, value in data.items() if key != "features"}, ensure_ascii=False)
    lines = [
        f"{json.dumps(slug)}: {json.dumps(feature, ensure_ascii=False, separators=(',', ':'))}"
        for slug, feature in data["features"].items()
    ]
    return f'{head[:-1]}, "features": {{\n' + ",\n".join(lines) + "\n}}\n"


def main(version: str = "") -> None:
    version = version or npm("view", PACKAGE, "version")
    with tempfile.TemporaryDirectory() as folder:
        whole, licence = fetched(version, Path(folder))
    data = reduced(whole, version)
    DATA.write_text(written(data), encoding="utf-8")
    LICENCE.write_text(_NOTICE.format(version=version, package=PACKAGE) + licence.strip() + "\n", encoding="utf-8")
    print(f"{DATA.name}: {len(data['features'])} features, {len(data['clients'])} clients, {data['date']} ({version})")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2])
    except Refused as error:
        sys.exit(str(error))
