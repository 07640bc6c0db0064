"""What pages say about links and weights; the sentences alone."""

from __future__ import annotations

from convviz.language import tr
from convviz.plain_text import plain, quoted


def no_such_choice(key: str, asked: str) -> str:
    """Say that a link asks for a value that does not exist."""
    return tr(
        "The link asks for {key} “{asked}”, which does not exist here; this is the "
        "usual choice instead.",
        key=plain(key),
        asked=quoted(asked),
    )


def drawn_where_it_looks() -> str:
    """Say why a map that is drawn over an image may stop short of its edge."""
    return tr(
        "Each value is drawn around the middle of the pixels that it looks at, so the coloured "
        "field may end before the image does."
    )


def no_such_page(asked: str) -> str:
    """Say that an address names no page, and where it has led.

    Args:
        asked: The name in the address.
    """
    return tr("There is no page “{asked}” here; this is Home.", asked=quoted(asked))


def no_such_channel(asked: str, channels: int) -> str:
    """Say that a link asks for a channel that the layer does not have.

    Args:
        asked: What the link asks for.
        channels: How many channels the layer has.
    """
    present = (
        tr("channels 0 to {last}", last=channels - 1)
        if channels > 1
        else tr("one channel, number 0")
    )
    return tr(
        "The link asks for channel “{asked}”; this layer has {channels}, so here is the "
        "strongest one.",
        asked=quoted(asked),
        channels=present,
    )


def no_such_position(asked: str) -> str:
    """Say that a link asks for a position, which no link can carry."""
    return tr(
        "The link asks for the position “{asked}”; links carry no positions, so here is "
        "the strongest one.",
        asked=quoted(asked),
    )


def untrained(title: str) -> str:
    """Say that a network's weights are random numbers."""
    return tr(
        "{network} is **untrained** here: its weights are random numbers. What this page "
        "shows is what the design does by itself, not what a network learns.",
        network=plain(title),
    )
