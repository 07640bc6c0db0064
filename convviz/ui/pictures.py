"""Which image the visitor looks at: a sample photograph or a picture of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from PIL import Image, ImageOps

from convviz.errors import ImageError
from convviz.ui import state
from convviz.ui.keys import Key

DEFAULT_SAMPLE = "coffee"
MAX_MEGABYTES = 20
OWN = "upload"  # the value of `image` in the URL for a picture that no link can carry

_THUMBNAIL_PIXELS = 192  # drawn at half that, so that it is sharp on dense screens


@dataclass(frozen=True)
class ChosenImage:
    """The image all pages work on.

    Attributes:
        name: Sample's name as in the URL, or the name of the file.
        title: Name for people.
        sha256: Of the file's bytes; the key of everything computed from the image.
        image: The whole picture, upright, mode RGB. Shared between visitors: do not change it.
        origin: "sample", "upload" or "camera".
        credit: Whom to thank for a sample photograph; empty otherwise.
    """

    name: str
    title: str
    sha256: str
    image: Image.Image
    origin: str
    credit: str = ""


def current() -> ChosenImage:
    """Return the visitor's image: the one in the URL on arrival, a sample photograph at first."""
    from convviz.images.samples import samples

    here = state.visit()
    names = [sample.name for sample in samples()]
    asked = here.link.pop(Key.IMAGE, None) or here.values.get(Key.IMAGE) or DEFAULT_SAMPLE
    if asked == OWN and here.picture is not None:
        state.put(Key.IMAGE, OWN)
        return of_own(here.picture)
    if asked not in names:
        state.notice(
            Key.IMAGE,
            "An uploaded picture stays with the visit it was uploaded in, so it cannot be opened "
            "from a link or after a refresh; here is a sample photograph instead."
            if asked == OWN
            else f"The link asks for the image “{state.shorten(str(asked))}”, which is not among "
            f"the samples ({', '.join(names)}); here is another one instead.",
        )
        asked = DEFAULT_SAMPLE
    state.put(Key.IMAGE, asked)
    return of_sample(asked)


def choose(name: str) -> None:
    """Switch to a sample photograph."""
    here = state.visit()
    state.put(Key.IMAGE, name)
    here.refusal = ""
    here.notices.pop(Key.IMAGE, None)


def bring(name: str, data: bytes, origin: str) -> None:
    """Switch to a picture the visitor brought; if it cannot be used, say so and change nothing."""
    here = state.visit()
    try:
        here.picture = received(name, data, origin)
    except ImageError as error:
        here.refusal = str(error)
        return
    choose(OWN)


def received(name: str, data: bytes, origin: str) -> state.OwnPicture:
    """Take in a file: the one door for visitors' pictures.

    Raises:
        ImageError: It cannot be used.
    """
    if len(data) > MAX_MEGABYTES * 2**20:  # of widgets' limits only the browser knows
        raise ImageError(
            f"The file has {len(data) / 1e6:.0f} MB; a picture may have at most {MAX_MEGABYTES} "
            "MB: choose a smaller one."
        )
    sha256 = hashlib.sha256(data).hexdigest()
    _decoded(sha256, data)
    return state.OwnPicture(name, data, sha256, origin)


def thumbnail(chosen: ChosenImage) -> Image.Image:
    """Return the image's centre as a small square."""
    return _thumbnail(chosen.sha256, lambda: chosen.image)


def thumbnail_of_own(own: state.OwnPicture) -> Image.Image:
    """Return the centre of an image that the visitor brought, which is decoded once for it."""
    return _thumbnail(own.sha256, lambda: _decoded(own.sha256, own.data))


def of_own(own: state.OwnPicture) -> ChosenImage:
    """Open a picture that the visitor brought."""
    return ChosenImage(
        own.name, title_of_own(own), own.sha256, _decoded(own.sha256, own.data), own.origin
    )


def title_of_own(own: state.OwnPicture) -> str:
    """Return what an image that the visitor brought is called."""
    return "Camera picture" if own.origin == "camera" else own.name


def of_sample(name: str) -> ChosenImage:
    """Open a sample photograph."""
    from convviz.images.samples import sample as open_sample

    sample = open_sample(name)
    data = sample.read()
    sha256 = hashlib.sha256(data).hexdigest()
    credit = f"{sample.credit} ({sample.licence})"
    return ChosenImage(name, sample.title, sha256, _decoded(sha256, data), "sample", credit)


# A picture of 25 million pixels takes 75 MB, so only the last few stay decoded; the bytes of each
# visitor's file stay in their visit and are decoded again when needed.
@st.cache_resource(max_entries=12, show_spinner=False)
def _decoded(sha256: str, _data: bytes) -> Image.Image:
    from convviz.images.decode import decode

    return decode(_data)


@st.cache_resource(max_entries=64, show_spinner=False)
def _thumbnail(sha256: str, _open: Callable[[], Image.Image]) -> Image.Image:
    return ImageOps.fit(_open(), (_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
