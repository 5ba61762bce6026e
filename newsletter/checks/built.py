"""What becomes of a variant as a message: its headers and its size for the reader to whom it is largest, or why not."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.errors import DeliveryError, Refused
from newsletter.rendering.mime import CompiledMessage, MessageHeaders, Size
from newsletter.rendering.model import SLOTS, ReaderValues, Rendered
from newsletter.rendering.slots import MisplacedSlot


@dataclass(frozen=True, slots=True)
class Built:
    """A message that was built, or the one line that says why none can be."""

    headers: bytes = b""
    """As they travel."""
    size: Size | None = None
    misplaced: str = ""
    """What is wrong with a reader slot."""
    refused: str = ""
    """What is wrong with a header, or with a value of the reader's."""


def build(rendered: Rendered, headers: MessageHeaders, reader: ReaderValues) -> Built:
    """Compiles a variant and builds the message to one reader, unsigned."""
    if unknown := [slot.name for slot in rendered.slots if slot.name not in SLOTS]:
        return Built(misplaced=f"there is no slot {unknown[0]!r}: there is {', '.join(SLOTS)}")
    try:
        compiled = CompiledMessage.compile(rendered, headers)
        return Built(compiled.build(reader).partition(b"\r\n\r\n")[0], compiled.size(reader))
    except MisplacedSlot as error:
        return Built(misplaced=error.message)
    except (Refused, DeliveryError) as error:
        return Built(refused=str(error))
