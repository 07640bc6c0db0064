"""Text in images, in the font that comes with Pillow.

That font has few letters beyond ASCII, so missing letters are replaced by similar ones.
"""

import unicodedata
from functools import cache

from PIL import ImageFont

_SPELLED = {
    **{"×": "x", "−": "-", "–": "-", "—": "-", "τ": "tau", "≤": "<=", "→": "->", "ß": "ss"},
    **{"æ": "ae", "ø": "oe", "å": "aa", "Æ": "Ae", "Ø": "Oe", "Å": "Aa"},
}


@cache
def font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's default font at a size."""
    return ImageFont.load_default(pixels)


def drawable(text: str) -> str:
    """Replace the letters of a text that the font lacks."""
    return "".join(_drawable(letter) for letter in text)


@cache
def _drawable(letter: str) -> str:
    if letter in _SPELLED:
        return _SPELLED[letter]
    if letter.isspace() or _has(letter):
        return letter if letter != "\n" else " "
    ascii_letters = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return ascii_letters or "?"


def _has(letter: str) -> bool:
    missing = font(16).getmask("\uffff")
    return bytes(font(16).getmask(letter)) != bytes(missing)
