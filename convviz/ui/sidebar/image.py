"""Which image the visitor looks at: a sample photograph or a picture of their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import streamlit as st
from PIL import Image, ImageDraw, ImageOps

from convviz.errors import ImageError
from convviz.ui import exports, state
from convviz.ui.choice import ChosenImage
from convviz.ui.keys import Key

if TYPE_CHECKING:
    from convviz.networks.network import Network


DEFAULT_SAMPLE = "coffee"


MAX_MEGABYTES = 20


OWN = "upload"  # the value of `image` in the URL for a picture that no link can carry


_THUMBNAIL_PIXELS = 192  # drawn at half that, so that it is sharp on dense screens


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


_WHOLE_PIXELS = (720, 460)  # what the whole image is scaled to fit into


def panel(chosen: ChosenImage) -> None:
    """Draw the image small, with its name and what it takes to change it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="image_panel"):
        st.image(thumbnail(chosen), width=72, alt=chosen.title)
        with st.container(gap=None, width="stretch"):
            width, height = chosen.image.size
            st.markdown(f"**{_plain(chosen.title)}**")
            st.caption(f"{width} × {height} pixels")
            with st.popover("Change image", key="change_image", width="content"):
                chooser("side")


def chooser(key: str, *, wide: bool = False) -> None:
    """Draw the samples, the visitor's own image once there is one, the upload and the camera.

    Args:
        key: Begins the widgets' keys: `{key}_upload`, `{key}_camera`, `{key}_sample_{name}`.
        wide: Whether there is room for the samples beside the upload.
    """
    refusal = state.visit().refusal
    ratio = [3, 2] if state.visit().picture is None else [2, 1]  # one tile more in the same row
    samples, own = st.columns(ratio, gap="large") if wide else (st.container(), st.container())
    with samples:
        _gallery(key)
    with own:
        _own_picture(key)
    if refusal:
        st.error(f"{refusal} The image in use has not changed.", icon=":material/error:")


def _gallery(key: str) -> None:
    from convviz.images.samples import samples as sample_images

    own = state.visit().picture
    gap: Literal["small", "xsmall"] = "small" if own is None else "xsmall"
    with st.container(horizontal=True, gap=gap, key=f"{key}_samples"):
        for sample in sample_images():
            image = thumbnail(of_sample(sample.name))
            _tile(key, sample.name, sample.title, image)
        if own is not None:
            title = _plain(title_of_own(own))
            _tile(key, OWN, title, thumbnail_of_own(own))


def _tile(key: str, name: str, title: str, image: Image.Image) -> None:
    """Draw an image that can be chosen, with its title."""
    chosen = state.visit().values.get(Key.IMAGE, DEFAULT_SAMPLE)
    pressed = "chosen" if name == chosen else "other"
    with st.container(key=f"{key}_{pressed}_{name}", width=96, gap=None):
        st.image(image, width=96, alt="")
        st.button(
            title,
            key=f"{key}_sample_{name}",
            type="tertiary",
            width="stretch",
            on_click=choose,
            args=(name,),
        )


def _own_picture(key: str) -> None:
    from convviz.images.decode import FILE_SUFFIXES, FORMAT_NAMES, MAX_PIXELS

    st.file_uploader(
        "Your own picture",
        type=list(FILE_SUFFIXES),
        key=f"{key}_upload",
        on_change=_take,
        args=(f"{key}_upload", "upload"),
        max_upload_size=MAX_MEGABYTES,
        help=f"{FORMAT_NAMES}, at most {MAX_PIXELS // 1_000_000} million pixels. It "
        "stays in this visit: it is neither stored nor passed on.",
    )
    if st.toggle(
        "Use the camera",
        key=f"{key}_camera_on",
        help="Browsers allow it only on this machine (localhost) or over https.",
    ):
        st.camera_input(
            "Take a picture",
            key=f"{key}_camera",
            on_change=_take,
            args=(f"{key}_camera", "camera"),
            label_visibility="collapsed",
        )


def whole(chosen: ChosenImage, used: Network) -> None:
    """Draw the whole image with a frame around the part that goes into the network."""
    weights = used.weights
    framed = _framed(chosen.sha256, weights.input_size, weights.resize, chosen.image)
    st.image(framed, width="content", alt=f"{chosen.title}, with the crop's frame")
    width, height = chosen.image.size
    said = f"{_plain(chosen.title)}, {width} × {height} pixels. The frame shows what is cut out."
    st.caption(f"{said} Photograph: {chosen.credit}." if chosen.credit else said)


def input_crop(chosen: ChosenImage, used: Network) -> None:
    """Draw exactly what goes into the network, and offer it as a file."""
    from convviz.images.preprocess import crop

    weights = used.weights
    size = weights.input_size
    cut = crop(chosen.image, size=size, resize=weights.resize)
    st.image(cut, width=max(224, size), output_format="PNG", alt="What goes into the network")
    st.caption(
        f"{size} × {size} pixels: the shorter side is scaled to {weights.resize}, then the middle "
        "is cut out. Finer detail is lost to the network."
    )
    exports.save_button(
        "Save as PNG", cut, f"{PurePath(chosen.name).stem}-{size}.png", key="save_crop"
    )


def _take(key: str, origin: str) -> None:
    """Take over what a widget received; taking a file out of the widget changes nothing."""
    file = st.session_state.get(key)
    if file is not None:
        bring(PurePath(file.name).name, file.getvalue(), origin)


def _plain(text: str) -> str:
    """Keep Markdown from reading a file's name as anything but text."""
    return re.sub(r"([^\w\s])", r"\\\1", state.shorten(text, 40))


@st.cache_resource(max_entries=32, show_spinner=False)
def _framed(sha256: str, size: int, resize: int, _image: Image.Image) -> Image.Image:
    """Draw the crop's frame on a picture that fits into the page, and dim what is left out."""
    shown = ImageOps.contain(_image, _WHOLE_PIXELS)
    width, height = shown.size
    side = min(width, height) * size / resize
    left, top = (width - side) / 2, (height - side) / 2
    box = (round(left), round(top), round(left + side) - 1, round(top + side) - 1)
    mask = Image.new("L", shown.size, 110)
    ImageDraw.Draw(mask).rectangle(box, fill=0)
    framed = Image.composite(Image.new("RGB", shown.size, "#101418"), shown, mask)
    draw = ImageDraw.Draw(framed)
    draw.rectangle(box, outline="black", width=5)  # seen on bright parts,
    inner = (box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1)
    draw.rectangle(inner, outline="white", width=3)  # and on dark ones
    return framed
