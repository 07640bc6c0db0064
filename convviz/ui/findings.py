"""What pages say about links and weights; the sentences alone."""

from __future__ import annotations

from convviz.plain_text import plain, quoted


def no_such_choice(key: str, asked: str) -> str:
    """Say that a link asks for a value that does not exist."""
    return (
        f"The link asks for {plain(key)} “{quoted(asked)}”, which does not exist here; this is the "
        "usual choice instead."
    )


def no_such_channel(asked: str, channels: int) -> str:
    """Say that a link asks for a channel that the layer does not have.

    Args:
        asked: What the link asks for.
        channels: How many channels the layer has.
    """
    has = f"channels 0 to {channels - 1}" if channels > 1 else "one channel, number 0"
    return (
        f"The link asks for channel “{quoted(asked)}”; this layer has {has}, so here is the "
        "strongest one."
    )


def no_such_position(asked: str) -> str:
    """Say that a link asks for a position, which no link can carry."""
    return (
        f"The link asks for the position “{quoted(asked)}”; links carry no positions, so here is "
        "the strongest one."
    )


def untrained(title: str) -> str:
    """Say that a network's weights are random numbers."""
    return (
        f"{plain(title)} is **untrained** here: its weights are random numbers. What this page "
        "shows is what the design does by itself, not what a network learns."
    )
