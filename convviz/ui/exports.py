"""What a visitor can save: images as they are shown, numbers as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image
from streamlit.runtime.scriptrunner import get_script_run_ctx

from convviz.images.encode import png
from convviz.language import ENGLISH, again, current, speaking, tr
from convviz.plain_text import csv_table
from convviz.ui import errors

if TYPE_CHECKING:
    from convviz.features.activations import Activations, LayerSummary
    from convviz.features.dead import DeadChannels
    from convviz.ui.choice import Choice


Data = bytes | str | Image.Image

_MIME = {
    "png": "image/png",
    "gif": "image/gif",
    "csv": "text/csv",
    "json": "application/json",
    "safetensors": "application/octet-stream",
    "npz": "application/octet-stream",
    "pt": "application/octet-stream",
    "py": "text/x-python",
    "txt": "text/plain",
}


def save_button(
    label: str, data: Data | Callable[[], Data], name: str, *, key: str, help: str | None = None
) -> None:
    """Draw a button that saves a file.

    Args:
        label: What the button says.
        data: What the file holds, or a function that makes it when the button is pressed. An image
            is written as PNG, then.
        name: The file's name; its ending says what kind of file it is.
        key: The widget's key.
        help: What to say when the button is pointed at.
    """
    is_made_later = callable(data) or isinstance(data, Image.Image)
    st.download_button(
        label,
        partial(_made, data, _session(), current()) if is_made_later else _encoded(data),
        file_name=name,
        mime=_MIME[name.rsplit(".", 1)[-1]],
        key=key,
        help=help,
        icon=":material/download:",
        on_click="ignore",  # the page stays as it is
    )


# Why the last file of a session could not be made: the id under which the log has it, and the
# language to say so in.
_failed: dict[str, tuple[str, str]] = {}
_MOST_KEPT = 1000


def why_not_made(session: str) -> str:
    """Say why a file could not be made when its button was pressed; the server sends this."""
    error_id, language = _failed.get(session) or (
        errors.log(RuntimeError("a file could not be made")),
        ENGLISH,
    )
    with speaking(language):
        return tr(
            "The file could not be made (error {error_id}). The server's log has the details "
            "under this number.",
            error_id=error_id,
        )


def _made(data: Data | Callable[[], Data], session: str, language: str = ENGLISH) -> bytes | str:
    """Make a file, in English; this runs outside the script, where no sentence can be drawn.

    Args:
        data: As `save_button` takes it.
        session: Whose file it is.
        language: The language of whoever is told if it fails.
    """
    try:
        return _encoded(data)
    except Exception as error:
        while len(_failed) >= _MOST_KEPT:
            _failed.pop(next(iter(_failed)))
        _failed[session] = errors.log(error), language
        raise


def _session() -> str:
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def _encoded(data: Data | Callable[[], Data]) -> bytes | str:
    if callable(data):
        data = data()
    return png(data) if isinstance(data, Image.Image) else data


def file_name(choice: Choice, *parts: str, ending: str, network: str = "") -> str:
    """Name a file after the image, the network and what it shows: "cat-vgg16-features.8.png".

    Args:
        choice: What is chosen in the sidebar.
        parts: What the file shows.
        ending: Of the name, without its dot.
        network: Name of the network, where it is not the chosen one.
    """
    name = network or choice.network_name
    return safe_name(PurePath(choice.image.name).stem, name, *parts, ending=ending)


def safe_name(*words: str, ending: str) -> str:
    """Join words to a file's name that every system takes."""
    return "-".join(re.sub(r"[^\w.]+", "_", word) for word in words) + f".{ending}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV, in English; texts stay texts in a spreadsheet."""
    with speaking(ENGLISH):
        return csv_table(header, (list(map(_in_english, row)) for row in rows))


def _in_english(cell: object) -> object:
    return again(cell) if isinstance(cell, str) else cell


def statistics(activations: Activations, threshold: float, dead: DeadChannels | None = None) -> str:
    """Write the numbers of every channel as CSV.

    Args:
        activations: The layer's activations.
        threshold: τ, up to which a channel counts as empty.
        dead: What is known of the layer's dead channels; without it there is no column for it.
    """
    branch_titles = {
        channel: branch.title
        for branch in activations.layer.branches
        for channel in range(branch.start, branch.stop)
    }
    rank = activations.ranks().tolist()
    columns = zip(
        activations.maximum.tolist(),
        activations.mean.tolist(),
        activations.active_share.tolist(),
        activations.empty(threshold).tolist(),
        strict=True,
    )
    header = ["channel", "branch", "maximum", "mean", "active_share", "rank_by_maximum", "empty"]
    rows: list[list[object]] = [
        [channel, branch_titles.get(channel, ""), *numbers[:3], rank[channel], numbers[3]]
        for channel, numbers in enumerate(columns)
    ]
    if dead is not None:
        header.append(f"dead_over_{dead.seen}_pictures")
        for channel, row in enumerate(rows):
            row.append(channel in dead.numbers)
    return table(header, rows)


def depth(summaries: Iterable[LayerSummary]) -> str:
    """Write how many channels of each layer are empty as CSV."""
    return table(
        ["layer", "title", "kind", "stage", "channels", "empty", "share"],
        (
            [
                summary.layer.name,
                summary.layer.title,
                summary.layer.kind,
                summary.layer.stage,
                summary.channels,
                summary.empty,
                summary.share,
            ]
            for summary in summaries
        ),
    )
