"""Names that convviz gives to sets, classes and images, in English and in the reader's language.

They are compared, saved and sent in English. Where one is shown, `language.again` tells it in the
reader's language; a name that somebody else gave stays as it is.
"""

from __future__ import annotations

from convviz.language import ENGLISH, later, speaking, tr

_NUMBERED = later("{name} {number}")


def named(message: str, /, **values: object) -> str:
    """Make a name.

    Args:
        message: Marked by `language.later`.
        values: What it names, as `language.tr` takes it.
    """
    with speaking(ENGLISH):
        return tr(message, **values)


def numbered(name: str, number: int) -> str:
    """Name one of several images of a class by its number."""
    return named(_NUMBERED, name=name, number=number)
