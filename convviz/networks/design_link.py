"""A design's text as a link carries it: the name of a start, or the compressed text."""

from __future__ import annotations

import base64
import binascii
import zlib

from convviz.errors import SettingError
from convviz.language import tr
from convviz.networks.design_reading import MOST_CHARACTERS
from convviz.networks.design_starts import STARTS, start_text


def to_link(text: str) -> str:
    """Write a text so that it can stand in a link, whether it is a design or not yet."""
    for name in STARTS:
        if text == start_text(name):
            return name
    packed = zlib.compress(text.encode("utf-8", "replace"), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def from_link(link: str) -> str:
    """Read the text that a link carries.

    Raises:
        SettingError: The link is damaged, or its text is too long.
    """
    if link in STARTS:
        return start_text(link)
    try:
        packed = base64.b64decode(link + "=" * (-len(link) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(packed, 4 * MOST_CHARACTERS + 1)
        if not unpacking.eof:
            raise ValueError("cut off, or too long")
        found = text.decode()
    except (ValueError, binascii.Error, zlib.error) as error:
        raise SettingError(
            tr(
                "The link's design is damaged: copy the whole link again, or open the "
                "design's file."
            )
        ) from error
    if len(found) > MOST_CHARACTERS:
        raise SettingError(
            tr(
                "The link's design is longer than {count:,} characters.",
                count=MOST_CHARACTERS,
            )
        )
    return found
