"""Pictures of the sample edition and of the desk for the documentation: ``python -m tools.screenshots`` writes them.

It shows what the code of this checkout renders, in the Chromium of this machine (Debian: ``apt-get install chromium``).
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from tests import mails
from tools import desk
from tools.browser import Browser, Scheme, browser

FOLDER = Path(__file__).parent.parent / "docs" / "images"
WIDTHS = {"phone": 375, "desktop": 640}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
COLOURS = 256
"""A picture of words and flat shapes needs no more, and is a third of the bytes."""


def _saved(picture: Image.Image, name: str) -> None:
    path = FOLDER / f"{name}.png"
    plain = picture.convert("RGB")
    flat = plain.quantize(palette=plain.quantize(COLOURS), dither=Image.Dither.FLOYDSTEINBERG)
    flat.save(path, optimize=True)
    print(f"{path.name}: {picture.width} by {picture.height}, {path.stat().st_size // 1000} KB")


def _rounded(picture: Image.Image, height: int, radius: int) -> tuple[Image.Image, Image.Image]:
    """The upper part of a picture and a mask with round corners for it."""
    cut = picture.crop((0, 0, picture.width, height))
    mask = Image.new("L", (cut.width * 4, cut.height * 4))
    ImageDraw.Draw(mask).rounded_rectangle([0, 0, mask.width - 1, mask.height - 1], radius * 4, fill=255)
    return cut, mask.resize(cut.size, Image.Resampling.LANCZOS)


def _front(chromium: Browser) -> Image.Image:
    """What the README opens with: desktop by day, phone by day and by night, side by side."""
    scale, gap, height = 2, 36, 1000
    html = mails.html("ordinary")
    views: tuple[tuple[int, Scheme], ...] = ((640, "light"), (375, "light"), (375, "dark"))
    shots = [Image.open(BytesIO(chromium.shot(html, width=w, scheme=s, scale=scale))) for w, s in views]
    width = sum(shot.width for shot in shots) + scale * gap * (len(shots) + 1)
    front = Image.new("RGB", (width, scale * (height + 2 * gap)), (214, 217, 222))
    at = scale * gap
    for shot in shots:
        cut, mask = _rounded(shot.convert("RGB"), scale * height, scale * 14)
        front.paste(cut, (at, scale * gap), mask)
        at += shot.width + scale * gap
    return front.resize((front.width * 2 // 3, front.height * 2 // 3), Image.Resampling.LANCZOS)


def main() -> None:
    """Writes every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with browser() as chromium:

        def save(name: str, variant: str, width: int, scheme: Scheme, *, images: bool = True) -> None:
            png = chromium.shot(mails.html(variant), width=width, scheme=scheme, images=images)
            _saved(Image.open(BytesIO(png)), name)

        _saved(_front(chromium), "briefing")
        for device, width in WIDTHS.items():
            for scheme in SCHEMES:
                save(f"briefing-{device}-{scheme}", "ordinary", width, scheme)
            save(f"briefing-{device}-without-pictures", "ordinary", width, "light", images=False)
        save("briefing-phone-right-to-left", "right-to-left", WIDTHS["phone"], "light")
        for name, png in desk.pictures(chromium):
            _saved(Image.open(BytesIO(png)), name)


if __name__ == "__main__":
    main()
