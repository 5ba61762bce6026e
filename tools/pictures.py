"""The sample edition's pictures, drawn: a harbour at dawn, a lighthouse at night, a train on a viaduct.

The sample stories name pictures on a host that does not exist. Screenshots and browser tests answer for that host.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
FINER = 3
"""Everything is drawn this many times larger and brought down at the end, which smooths the edges."""


def _between(a: Colour, b: Colour, share: float) -> Colour:
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


class Canvas:
    """A picture in points, drawn `FINER` times larger."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * FINER, height * FINER))
        self.draw = ImageDraw.Draw(self.image)

    def sky(self, stops: list[tuple[float, Colour]], bottom: float) -> None:
        for y in range(round(bottom * FINER)):
            at = y / (bottom * FINER)
            (low, first), (high, second) = next((a, b) for a, b in pairwise(stops) if at <= b[0])
            self.draw.line(
                [(0, y), (self.width * FINER, y)], _between(first, second, (at - low) / ((high - low) or 1)), width=1
            )

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self.draw.polygon([(x * FINER, y * FINER) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, radius: float = 0) -> None:
        self.draw.rounded_rectangle(
            [left * FINER, top * FINER, right * FINER - 1, bottom * FINER - 1], radius * FINER, fill=colour
        )

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.draw.ellipse(
            [(x - radius) * FINER, (y - radius) * FINER, (x + radius) * FINER, (y + radius) * FINER], colour
        )

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        self.draw.line([(x * FINER, y * FINER) for x, y in points], colour, round(width * FINER), joint="curve")

    def hills(self, base: float, height: float, waves: tuple[float, ...], colour: Colour) -> None:
        crest = [
            (
                x,
                base
                - height
                * (0.55 + sum(math.sin(x / self.width * math.tau * w + w * 1.7) for w in waves) / 2.4 / len(waves)),
            )
            for x in range(0, self.width + 9, 8)
        ]
        self.shape([(0, base + 2), *crest, (self.width, base + 2)], colour)

    def jpeg(self, top: int = 0, height: int = 0) -> bytes:
        """The rows from ``top`` on, ``height`` of them (all, when 0)."""
        whole = self.image.resize((self.width, self.height), Image.Resampling.LANCZOS)
        out = BytesIO()
        whole.crop((0, top, self.width, top + (height or self.height))).save(out, "JPEG", quality=86, optimize=True)
        return out.getvalue()


def _crane(on: Canvas, x: float, foot: float, tall: float, colour: Colour, lift: float) -> None:
    """A portal crane: two legs, a cabin, a luffing jib that points to the right and a hook that hangs from it."""
    wide, head = tall * 0.17, foot - tall * 0.62
    for side in (0, wide):
        on.line([(x + side, foot), (x + side, head)], colour, 7)
    for step in range(3):
        low, high = foot - tall * (0.08 + step * 0.18), foot - tall * (0.24 + step * 0.18)
        on.line([(x, low), (x + wide, high)], colour, 3)
        on.line([(x + wide, low), (x, high)], colour, 3)
    on.box(x - 10, head - 8, x + wide + 10, head + 4, colour)
    on.box(x + 2, head - tall * 0.15, x + wide + 4, head - 6, colour, 3)
    pivot = (x + wide * 0.7, head - tall * 0.1)
    tip = (pivot[0] + tall * 0.72, pivot[1] - tall * lift)
    mast = (x + wide * 0.2, head - tall * 0.4)
    on.shape([(pivot[0], pivot[1] - 8), tip, (tip[0] + 2, tip[1] + 5), (pivot[0], pivot[1] + 8)], colour)
    on.line([pivot, mast, (x - tall * 0.16, head - tall * 0.06)], colour, 5)
    on.line([mast, tip], colour, 2)
    on.line([mast, (x + wide, head - 8)], colour, 4)
    on.box(x - tall * 0.2, head - tall * 0.12, x - tall * 0.06, head - 2, colour, 2)
    on.line([tip, (tip[0], tip[1] + tall * 0.46)], colour, 2)
    on.box(tip[0] - 5, tip[1] + tall * 0.46, tip[0] + 5, tip[1] + tall * 0.5, colour, 2)


def harbour() -> bytes:
    """Three cranes over still water at dawn, 1200 by 675."""
    on, water = Canvas(1200, 800), 560.0
    on.sky([(0, (35, 52, 92)), (0.42, (121, 104, 143)), (0.74, (233, 145, 118)), (1, (252, 205, 148))], water)
    for radius, share in ((190, 0.22), (140, 0.4), (96, 0.9)):
        on.disc(770, 520, radius, _between((243, 170, 128), (255, 240, 205), share))
    for left, right, y, share in (
        (90, 520, 150, 0.25),
        (210, 700, 176, 0.4),
        (640, 1130, 232, 0.5),
        (0, 360, 300, 0.6),
    ):
        on.box(left, y, right, y + 12, _between((121, 104, 143), (252, 190, 150), share), 6)
    on.hills(water, 150, (1.0, 2.3), (148, 101, 124))
    on.hills(water, 96, (1.6, 3.7), (104, 76, 109))
    on.box(0, water, 1200, 800, (60, 62, 100))
    for n in range(15):
        row = water + 4 + n * n * 1.05 + n * 2
        half = 92 + n * 7 + 26 * math.sin(n * 2.1)
        on.box(770 - half, row, 770 + half, row + 2.5 + n * 0.45, _between((252, 205, 148), (164, 112, 128), n / 15), 2)
    for n in range(26):
        left, row = (n * 347) % 1240 - 60, water + 10 + (n * 89) % 190
        on.box(
            left,
            row,
            left + 60 + (n * 53) % 130,
            row + 3,
            _between((60, 62, 100), (110, 92, 126), 0.35 + (n % 4) * 0.12),
            2,
        )
    night = (27, 31, 58)
    for n, (wall, tall) in enumerate(
        ((0, 44), (66, 70), (150, 38), (246, 58), (318, 34), (1010, 46), (1084, 78), (1150, 52))
    ):
        on.box(wall, water - tall, wall + 96, water + 2, _between(night, (104, 76, 109), 0.35))
        on.box(wall + 18, water - tall + 14, wall + 24, water - tall + 22, (255, 214, 150) if n % 2 else night)
    _crane(on, 150, 592, 380, night, 0.30)
    _crane(on, 430, 592, 300, _between(night, (104, 76, 109), 0.18), 0.40)
    _crane(on, 880, 592, 340, night, 0.22)
    on.box(0, 586, 1200, 622, night)
    for x in range(20, 1200, 74):
        on.box(x, 618, x + 12, 640, night)
    on.shape([(560, 704), (900, 704), (868, 744), (592, 744)], night)
    on.box(604, 672, 684, 706, night, 3)
    on.box(618, 648, 660, 676, night, 3)
    on.line([(764, 704), (764, 636)], night, 4)
    on.line([(764, 640), (846, 702)], night, 2)
    on.line([(764, 640), (690, 676)], night, 2)
    for x in (622, 642, 664):
        on.box(x, 682, x + 10, 690, (255, 214, 150), 1)
    return on.jpeg(80, 675)


def lighthouse() -> bytes:
    """A lighthouse throwing its beam across a strait, 640 by 480."""
    on, water = Canvas(640, 480), 340.0
    on.sky([(0, (12, 25, 52)), (0.6, (29, 62, 98)), (1, (74, 118, 142))], water)
    for n in range(34):
        on.disc((n * 197) % 640, (n * 71) % 210, 0.9 + (n % 3) * 0.5, (214, 226, 236))
    for spread, share in ((44, 0.10), (28, 0.2), (14, 0.42)):
        on.shape(
            [(437, 128), (0, 96 - spread), (0, 120 + spread * 1.6)], _between((29, 62, 98), (255, 232, 170), share)
        )
    on.hills(water, 60, (1.2, 2.7), (21, 46, 74))
    on.box(0, water, 640, 480, (17, 37, 64))
    for n in range(22):
        left, y = (n * 173) % 660 - 20, water + 8 + (n * 41) % 128
        on.box(
            left,
            y,
            left + 36 + (n * 29) % 70,
            y + 2.4,
            _between((17, 37, 64), (122, 164, 180), 0.15 + (n % 4) * 0.1),
            1,
        )
    on.shape(
        [(330, 480), (360, 398), (398, 346), (470, 332), (532, 352), (600, 420), (640, 440), (640, 480)], (8, 16, 33)
    )
    on.shape([(418, 150), (456, 150), (470, 340), (404, 340)], (238, 232, 220))
    for top in (182, 246, 310):
        grow = (top - 150) * 0.074
        on.shape([(418 - grow, top), (456 + grow, top), (458 + grow, top + 28), (416 - grow, top + 28)], (190, 52, 48))
    on.box(410, 144, 464, 152, (8, 16, 33))
    on.box(421, 114, 453, 146, (255, 236, 176), 2)
    on.shape([(416, 114), (458, 114), (437, 92)], (8, 16, 33))
    for x in (428, 445):
        on.box(x, 114, x + 2, 146, (8, 16, 33))
    on.box(84, 352, 190, 366, (8, 16, 33), 4)
    on.box(108, 338, 168, 354, (8, 16, 33), 3)
    for x in range(114, 164, 10):
        on.box(x, 343, x + 4, 347, (255, 224, 160))
    return on.jpeg()


def viaduct() -> bytes:
    """A train on a stone viaduct under a rising moon, 640 by 480."""
    on = Canvas(640, 480)
    on.sky([(0, (38, 70, 83)), (0.55, (94, 139, 138)), (1, (236, 203, 152))], 400)
    on.disc(476, 128, 62, (246, 226, 184))
    on.hills(420, 190, (0.8, 1.9), (110, 148, 138))
    on.hills(440, 120, (1.3, 2.9), (66, 108, 104))
    on.box(0, 438, 640, 480, (31, 62, 66))
    stone, shade = (203, 178, 143), (167, 141, 112)
    on.box(0, 250, 640, 268, stone)
    on.box(0, 268, 640, 274, shade)
    for x in range(-46, 640, 116):
        on.box(x, 272, x + 34, 452, stone)
        on.box(x + 24, 272, x + 34, 452, shade)
        for angle in range(0, 180, 3):
            bend = math.radians(angle)
            foot = (x + 75 + 43 * math.cos(bend), 318 - 44 * math.sin(bend))
            on.shape(
                [foot, (foot[0] + 2.6, foot[1]), (foot[0] + 2.6, 272), (foot[0] - 2.6, 272), (foot[0] - 2.6, foot[1])],
                stone,
            )
    on.hills(482, 52, (2.1, 4.3), (20, 44, 48))
    red, dark = (178, 58, 46), (33, 38, 46)
    for n in range(4):
        left = 70 + n * 112
        on.box(left, 212, left + 106, 244, red, 5)
        on.box(left, 234, left + 106, 244, dark, 3)
        for window in range(5):
            on.box(left + 9 + window * 19, 219, left + 21 + window * 19, 230, (255, 228, 164), 1)
        for wheel in (16, 34, 72, 90):
            on.disc(left + wheel, 246, 5, dark)
    on.shape([(516, 212), (546, 214), (566, 238), (566, 244), (516, 244)], red)
    on.shape([(536, 217), (547, 218), (557, 230), (536, 230)], (255, 228, 164))
    for wheel in (528, 550):
        on.disc(wheel, 246, 5, dark)
    return on.jpeg()


PICTURES: dict[str, Callable[[], bytes]] = {"harbour": harbour, "lighthouse": lighthouse, "viaduct": viaduct}


@cache
def picture(url: str) -> bytes:
    """The JPEG for an address of a sample story, by the file's name; the harbour for any other."""
    return PICTURES.get(PurePosixPath(urlsplit(url).path).stem, harbour)()
