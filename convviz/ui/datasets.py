"""Choose the images that a network is trained on: generated, from a zip, or a published set."""

from __future__ import annotations

import hashlib

import streamlit as st

from convviz.datasets import findings, published, zip_archive
from convviz.datasets.labelled_set import Dataset, from_zip
from convviz.datasets.shapes import shapes
from convviz.errors import ImageError
from convviz.images.preprocess import crop
from convviz.ui import downloads, state
from convviz.ui.keys import Entry, Key
from convviz.ui.widgets import ZIPS

SHAPES, ZIP = "shapes", "zip"

_KINDS = {SHAPES: "Generated shapes", ZIP: "My own zip"} | {
    key: images.title for key, images in published.SETS.items()
}
_COUNTS = (200, 600, 1200, 2800)
_PREVIEW_PIXELS = 96
_PREVIEW_CLASSES = 8


def choose() -> Dataset | None:
    """Choose a data set and draw a preview of it; None while there is none."""
    kind = st.segmented_control(
        "Pictures to learn from",
        _KINDS,
        format_func=_KINDS.__getitem__,
        key=state.remember(Key.DATA, SHAPES, allowed=_KINDS),
        label_visibility="collapsed",
        required=True,
    )
    if kind in published.SETS:
        dataset = _published(kind)
    else:
        dataset = _shapes() if kind == SHAPES else _uploaded()
    if dataset is not None:
        _preview(dataset)
    return dataset


def plain_name(name: str) -> str:
    """Shorten a class's name, a folder's name perhaps, and escape Markdown in it."""
    return state.plain(state.shorten(name, 24))


def _published(key: str) -> Dataset | None:
    if not downloads.set_is_here(key):
        return None
    count = st.select_slider(
        "Pictures",
        _COUNTS,
        key=state.remember(Key.DATA_COUNT, 600, allowed=_COUNTS),
        help="Chosen at random, as many of each class, and the same ones every time. A part of "
        "them is not learned from: it checks what was learned.",
        width=320,
    )
    return _subset(key, count)


def _uploaded() -> Dataset | None:
    file = st.file_uploader(
        "A zip with a folder of pictures for each class",
        type=["zip", ZIPS],
        key=state.fresh("training_zip"),
        max_upload_size=zip_archive.MAX_BYTES // 1_000_000,
        help=findings.upload_limits(),
    )
    if file is not None:
        st.session_state[Entry.TRAINING_ZIP] = (file.name, file.getvalue())
    upload = st.session_state.get(Entry.TRAINING_ZIP)
    if upload is None:
        st.caption(
            "For example: a folder `cats` and a folder `dogs`, with ten pictures each, packed "
            "together. The folders' names become the classes."
        )
        return None
    name, data = upload
    try:
        with st.spinner("Looking at every picture once…"):
            return _read(hashlib.sha256(data).hexdigest(), name.removesuffix(".zip"), data)
    except ImageError as error:
        st.error(state.plain(str(error)), icon=":material/error:")
        return None


@st.cache_resource(show_spinner=False)
def _shapes() -> Dataset:
    return shapes()


@st.cache_resource(max_entries=8, show_spinner=False)
def _subset(key: str, count: int) -> Dataset:
    return published.published(key, count)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(sha256: str, name: str, _data: bytes) -> Dataset:
    return from_zip(_data, name)


def _preview(dataset: Dataset) -> None:
    """Draw one image of each class with its count; name duplicates and files left out."""
    side = _PREVIEW_PIXELS
    with st.container(horizontal=True, gap="small", key="data_preview"):
        for label, name in enumerate(dataset.classes[:_PREVIEW_CLASSES]):
            index = dataset.labels.index(label)
            image = crop(dataset.images.image(index), size=side, resize=side)
            with st.container(width=side, gap=None):
                st.image(
                    image,
                    width=side,
                    output_format="PNG",
                    alt=f"One of class {state.shorten(name, 24)}",
                )
                st.caption(f"{plain_name(name)}: {dataset.counts[label]}")
    more = len(dataset.classes) - _PREVIEW_CLASSES
    if more > 0:
        st.caption(f"… and {more} more classes")
    duplicates = findings.duplicates(dataset)
    if duplicates:
        st.caption(duplicates)
    for text in (findings.conflicts(dataset), findings.whole_classes(dataset)):
        if text:
            st.warning(state.plain(text), icon=":material/content_copy:")
    if dataset.left_out:
        files = len(dataset.left_out)
        with st.expander(f"{files} {'file was' if files == 1 else 'files were'} left out"):
            st.dataframe(
                [{"file": file.title, "why": file.reason} for file in dataset.left_out],
                hide_index=True,
            )
