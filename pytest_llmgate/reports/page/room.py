"""How much of a page is taken, so that it opens at once wherever it is read."""

from __future__ import annotations

from dataclasses import dataclass

WANTED = (2_000_000, 45_000)  # bytes and elements from which tests that pass are shown in a line
MOST = (5_000_000, 75_000)  # never more


def size(text: str) -> tuple[int, int]:
    """Bytes and elements of a piece of a page; what people and models wrote holds no `<` any more."""
    return len(text.encode("utf-8", "backslashreplace")), text.count("<") - text.count("</")


@dataclass(slots=True)
class Room:
    """What is left of a page: bytes and elements. closed: something did not fit any more."""

    bytes: int
    elements: int
    closed: bool = False

    def take(self, text: str) -> bool:
        """Whether there is room for a piece; it is then taken."""
        if not self.has(text):
            return False
        self.give(text)
        return True

    def has(self, text: str) -> bool:
        """Whether there is room for a piece."""
        own, elements = size(text)
        return own <= self.bytes and elements <= self.elements

    def give(self, text: str) -> None:
        """Take room for a piece that must be there."""
        own, elements = size(text)
        self.bytes -= own
        self.elements -= elements
