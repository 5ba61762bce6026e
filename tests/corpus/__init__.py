"""Mails of many styles, invented: what ordinary mails look like, and what breaks somewhere.

``GOOD`` reads well everywhere, with what it does for that. ``BROKEN`` loses words, pictures or its layout in a program that
is named. `tests/corpus/accessible.py` has what assistive technology and axe look at.
"""

from tests.corpus.broken import BROKEN
from tests.corpus.good import GOOD

__all__ = ["BROKEN", "GOOD"]
