"""Names that convviz gives to the images of a set, in English and in the reader's language.

They are compared, saved and sent in English. Where one is shown, `language.again` tells it in the
reader's language; a name that somebody else gave stays as it is.
"""

from __future__ import annotations

from convviz.language import in_english, tr


def numbered(name: str, number: int) -> str:
    """Name one of several images of a class by its number."""
    return in_english(tr("{name} {number}", name=name, number=number))
