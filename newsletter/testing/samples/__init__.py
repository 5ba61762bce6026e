"""Sample editions as a template sees them. The stories are invented.

`VARIANTS` names every builder, so that a judge can look at all of them.
"""

from __future__ import annotations

from collections.abc import Callable

from newsletter.rendering.model import EditionView
from newsletter.testing.samples.arabic import right_to_left
from newsletter.testing.samples.extremes import bare, hostile, long, rich
from newsletter.testing.samples.ordinary import ordinary

VARIANTS: dict[str, Callable[[], EditionView]] = {
    "ordinary": ordinary,
    "long": long,
    "rich": rich,
    "right-to-left": right_to_left,
    "hostile": hostile,
    "bare": bare,
}

__all__ = ["VARIANTS", "bare", "hostile", "long", "ordinary", "rich", "right_to_left"]
