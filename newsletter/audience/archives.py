"""Exports of several files: a zip as Mailchimp and Substack give it, or a folder. Its CSVs of people are imported one
after the other; of a zip nothing is unpacked but those, under names of ours."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.audience import formats
from newsletter.audience.csvfile import CsvFile
from newsletter.errors import ImportRefused

MOST_FILES = 100
MOST_BYTES = 4 << 30
"""Of all CSVs of an archive together, unpacked."""
_ORDER = ("unsubscribed", "cleaned", "nonsubscribed")
"""Files whose names begin so come first: who has left is then known when the subscribed are stored."""


@contextmanager
def people_files(path: Path) -> Iterator[list[Path]]:
    """The CSVs to import of a file, a folder or a zip: itself, or those that some system's format knows. Those of a zip
    are gone when the block ends. Raises `ImportRefused`."""
    if path.is_dir():
        yield _known(path, sorted(one for one in path.iterdir() if one.suffix.lower() == ".csv" and one.is_file()))
    elif path.suffix.lower() == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            yield _known(path, _unpacked(path, Path(folder)))
    else:
        yield [path]


def _known(path: Path, files: list[Path]) -> list[Path]:
    if len(files) > MOST_FILES:
        raise ImportRefused(f"has more than {MOST_FILES} CSV files: import those of people alone", path=path)
    found = []
    for one in files:
        try:
            if formats.detect(CsvFile(one).header) is not None:
                found.append(one)
        except ImportRefused:
            continue  # posts, statistics and whatever else an export has
    if not found:
        raise ImportRefused("has no CSV of people of a system that we know: import one by itself", path=path)
    return sorted(found, key=lambda one: (not one.name.lower().startswith(_ORDER), one.name))


def _unpacked(path: Path, folder: Path) -> list[Path]:
    files: list[Path] = []
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [one for one in archive.infolist() if one.filename.lower().endswith(".csv") and not one.is_dir()]
            if len(entries) > MOST_FILES:
                raise ImportRefused(f"has more than {MOST_FILES} CSV files: import those of people alone", path=path)
            for number, entry in enumerate(entries):
                left -= entry.file_size  # zipfile gives no more than an entry says that it has
                if left < 0:
                    raise ImportRefused("is larger than 4 GB unpacked: import its files one by one", path=path)
                made = folder / str(number)
                made.mkdir(mode=0o700)
                name = entry.filename.replace("\\", "/").rpartition("/")[2]
                with archive.open(entry) as packed, (made / name).open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
                files.append(made / name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise ImportRefused(f"is no zip that can be read ({error})", path=path) from None
    return files
