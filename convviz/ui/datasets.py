"""Choose the images that a network is trained on: generated, from a zip, or a published set."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import streamlit as st
from PIL import Image

from convviz.datasets import findings, published, zip_archive
from convviz.datasets.class_folders import ReadingStep, read_zip
from convviz.datasets.generated import GENERATED
from convviz.datasets.labelled_set import Dataset
from convviz.errors import ImageError
from convviz.images.preprocess import crop
from convviz.language import again, later, tr, trn
from convviz.ui import downloads, state, tables
from convviz.ui.keys import Entry, Key
from convviz.ui.widgets import ZIPS

SHAPES, DIRECTIONS, ZIP = "shapes", "directions", "zip"

_KINDS = (
    {key: images.title for key, images in GENERATED.items()}
    | {ZIP: later("My own zip")}
    | {key: images.title for key, images in published.SETS.items()}
)
_COUNTS = (200, 600, 1200, 2800)
_PREVIEW_PIXELS = 96
_PREVIEW_CLASSES = 8
_QUICK_SECONDS = 0.5
_SHOWN_SECONDS = 0.2  # between two states of the bar; also the longest that Stop has to wait

# Zips that somebody uses, by their content and name: a class that is given one zip shares it. They
# go with the last visit that holds them.
_in_use: WeakValueDictionary[tuple[str, str], Dataset] = WeakValueDictionary()


@dataclass(eq=False)
class _Upload:
    """A zip of this visit, and how far its images were looked at.

    Attributes:
        file_id: Tells apart files that were sent.
        name: The file's name without its ending.
        data: The file.
        step: The newest step of the first look at all images; None before the first image.
        dataset: The data set; None until every image was looked at.
        stopped: Whether the visitor has stopped the look.
        refusal: Why the zip cannot be used, as a sentence; empty otherwise.
        thumbnails: Of the first image of each class.
    """

    file_id: str
    name: str
    data: bytes = field(repr=False)
    step: ReadingStep | None = None
    dataset: Dataset | None = None
    stopped: bool = False
    refusal: str = ""
    thumbnails: tuple[Image.Image, ...] = ()
    _steps: Iterator[ReadingStep] | None = None
    _sha256: str = ""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def steps(self) -> Iterator[ReadingStep]:
        """Go on with the look where it was broken off.

        Raises:
            ImageError: The zip cannot be used.
        """
        if self._steps is None:
            self._sha256 = hashlib.sha256(self.data).hexdigest()
            self.dataset = _in_use.get((self._sha256, self.name))
            if self.dataset is not None:
                return
            self._steps = read_zip(self.data, self.name)
        while self.dataset is None:
            # A click starts the page anew while its last run may still be at an image.
            with self._turn:
                if self._steps is None:
                    return
                try:
                    step = next(self._steps)
                except Exception:  # it is said now, and the next run of the page looks again
                    self._steps = None
                    raise
                self.step = step
                if step.dataset is not None:
                    self.dataset = _in_use.setdefault((self._sha256, self.name), step.dataset)
                    self._steps = None
            yield step

    def stop(self) -> None:
        """Break the look off."""
        self.stopped = True

    def go_on(self) -> None:
        """Let the look go on."""
        self.stopped = False


def choose(usual: str = SHAPES) -> Dataset | None:
    """Choose a data set and draw a preview of it; None while there is none.

    Args:
        usual: The set that this page begins with.
    """
    visit = state.visit()
    # What another page began with was not chosen by anybody.
    before = st.session_state.get(Entry.USUAL_DATA, usual)
    if before != usual and visit.values.get(Key.DATA) == before:
        del visit.values[Key.DATA]
        st.session_state.pop(Key.DATA, None)
    st.session_state[Entry.USUAL_DATA] = usual
    kind = st.segmented_control(
        tr("Pictures to learn from"),
        _KINDS,
        format_func=lambda kind: tr(_KINDS[kind]),
        key=state.remember(Key.DATA, usual, allowed=_KINDS),
        label_visibility="collapsed",
        required=True,
        wrap=True,
    )
    if kind in published.SETS:
        dataset = _published(kind)
    else:
        dataset = _generated(kind) if kind in GENERATED else _uploaded()
    if dataset is not None:
        upload = st.session_state.get(Entry.TRAINING_ZIP) if kind == ZIP else None
        _preview(dataset, upload.thumbnails if upload else _thumbnails(dataset))
    return dataset


def plain_name(name: str) -> str:
    """Shorten a class's name, a folder's name perhaps, and escape Markdown in it."""
    return state.plain(_short(name))


def _short(name: str) -> str:
    return state.shorten(name, 24)


def _published(key: str) -> Dataset | None:
    if not downloads.set_is_here(key):
        return None
    count = st.select_slider(
        tr("Pictures"),
        _COUNTS,
        key=state.remember(Key.DATA_COUNT, 600, allowed=_COUNTS),
        help=tr(
            "Chosen at random, as many of each class, and the same ones every time. A part "
            "of them is not learned from: it checks what was learned."
        ),
        width=320,
    )
    return _subset(key, count)


def _uploaded() -> Dataset | None:
    file = st.file_uploader(
        tr("A zip with a folder of pictures for each class"),
        type=["zip", ZIPS],
        key=state.fresh("training_zip"),
        max_upload_size=zip_archive.MAX_BYTES // 1_000_000,
        help=findings.upload_limits(),
    )
    upload: _Upload | None = st.session_state.get(Entry.TRAINING_ZIP)
    if file is not None and (upload is None or upload.file_id != file.file_id):
        upload = _Upload(file.file_id, file.name.removesuffix(".zip"), file.getvalue())
        st.session_state[Entry.TRAINING_ZIP] = upload
    if upload is None:
        st.caption(
            tr(
                "For example: a folder `cats` and a folder `dogs`, with ten pictures each, "
                "packed together. The folders' names become the classes."
            )
        )
        return None
    try:
        _look_through(upload)
    except ImageError as error:
        upload.refusal = str(error)
    if upload.dataset is not None and not upload.thumbnails:
        upload.thumbnails = _thumbnails(upload.dataset)
    if upload.refusal:
        st.error(state.plain(upload.refusal), icon=":material/error:")
    return upload.dataset


def _look_through(upload: _Upload) -> None:
    """Look at every image of a zip once, with a bar and a button that stops it.

    Whatever the visitor does meanwhile runs the page anew; what was looked at by then stays.

    Raises:
        ImageError: The zip cannot be used.
    """
    if upload.dataset is not None or upload.refusal:
        return
    if upload.stopped:
        st.info(findings.reading_stopped(upload.step), icon=":material/stop_circle:")
        st.button(tr("Go on"), icon=":material/play_arrow:", key="zip_go_on", on_click=upload.go_on)
        return
    row, bar = st.empty(), None
    begun = shown = time.monotonic()
    for step in upload.steps():
        now = time.monotonic()
        if bar is None and now - begun > _QUICK_SECONDS:  # a small zip needs no bar
            with row.container():
                bar = st.progress(step.fraction, text=findings.reading(step))
                st.button(tr("Stop"), icon=":material/stop:", key="zip_stop", on_click=upload.stop)
        if bar is not None and now - shown > _SHOWN_SECONDS:
            bar.progress(step.fraction, text=findings.reading(step))
            shown = now
    row.empty()


@st.cache_resource(show_spinner=False)
def _generated(kind: str) -> Dataset:
    return GENERATED[kind].make()


@st.cache_resource(max_entries=8, show_spinner=False)
def _subset(key: str, count: int) -> Dataset:
    return published.published(key, count)


def _thumbnails(dataset: Dataset) -> tuple[Image.Image, ...]:
    """Scale the first image of each class down, of the first classes."""
    firsts = [dataset.labels.index(label) for label in range(len(dataset.classes))]
    side = _PREVIEW_PIXELS
    return tuple(
        crop(dataset.images.image(index), size=side, resize=side)
        for index in firsts[:_PREVIEW_CLASSES]
    )


def _preview(dataset: Dataset, thumbnails: Sequence[Image.Image]) -> None:
    """Draw one image of each class with its count; name duplicates and files left out."""
    side = _PREVIEW_PIXELS
    with st.container(horizontal=True, gap="small", key="data_preview"):
        for label, (name, image) in enumerate(zip(dataset.classes, thumbnails, strict=False)):
            with st.container(width=side, gap=None):
                st.image(
                    image,
                    width=side,
                    output_format="PNG",
                    alt=tr("One of class {name}", name=_short(name)),
                )
                st.caption(
                    trn(
                        "{name}: {count} picture",
                        "{name}: {count} pictures",
                        dataset.counts[label],
                        name=plain_name(name),
                    )
                )
    more = len(dataset.classes) - _PREVIEW_CLASSES
    if more > 0:
        st.caption(tr("… and {count} more classes", count=more))
    for text in (findings.given_division(dataset), findings.duplicates(dataset)):
        if text:
            st.caption(text)
    for text in (
        findings.leaks(dataset),
        findings.conflicts(dataset),
        findings.whole_classes(dataset),
    ):
        if text:
            st.warning(state.plain(text), icon=":material/content_copy:")
    if dataset.left_out:
        count = len(dataset.left_out)
        with st.expander(trn("{count} file was left out", "{count} files were left out", count)):
            tables.draw(
                {
                    tr("file"): [file.title for file in dataset.left_out],
                    tr("why"): [again(file.reason) for file in dataset.left_out],
                },
                key="data_left_out",
            )
