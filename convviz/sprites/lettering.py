"""Text in images, in the one font that comes with Pillow.

That font has few letters beyond ASCII, so those it lacks are spelled with those it has.
"""

import unicodedata
from functools import cache

from PIL import ImageFont

_SPELLED = {"×": "x", "−": "-", "–": "-", "—": "-", "τ": "tau", "≤": "<=", "→": "->", "ß": "ss"}


@cache
def font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font at a size."""
    return ImageFont.load_default(pixels)


def drawable(text: str) -> str:
    """Spell a text with the font's letters."""
    return "".join(_drawable(letter) for letter in text)


@cache
def _drawable(letter: str) -> str:
    if letter in _SPELLED:
        return _SPELLED[letter]
    if letter.isspace() or _has(letter):
        return letter if letter != "\n" else " "
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain or "?"


def _has(letter: str) -> bool:
    missing = font(16).getmask("\uffff")
    return bytes(font(16).getmask(letter)) != bytes(missing)
