"""The visitor's image on a page: small in the sidebar, large on Home, and what changes it."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import streamlit as st
from PIL import Image, ImageDraw, ImageOps

from convviz.ui import export, pictures, state
from convviz.ui.keys import Key
from convviz.ui.pictures import ChosenImage

if TYPE_CHECKING:
    from convviz.networks.network import Network

_WHOLE_PIXELS = (720, 460)  # what the whole image is scaled to fit into


def panel(chosen: ChosenImage) -> None:
    """Draw the image small, with its name and what it takes to change it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="image_panel"):
        st.image(pictures.thumbnail(chosen), width=72, alt=chosen.title)
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
            image = pictures.thumbnail(pictures.of_sample(sample.name))
            _tile(key, sample.name, sample.title, image)
        if own is not None:
            title = _plain(pictures.title_of_own(own))
            _tile(key, pictures.OWN, title, pictures.thumbnail_of_own(own))


def _tile(key: str, name: str, title: str, image: Image.Image) -> None:
    """Draw an image that can be chosen, with its title."""
    chosen = state.visit().values.get(Key.IMAGE, pictures.DEFAULT_SAMPLE)
    pressed = "chosen" if name == chosen else "other"
    with st.container(key=f"{key}_{pressed}_{name}", width=96, gap=None):
        st.image(image, width=96, alt="")
        st.button(
            title,
            key=f"{key}_sample_{name}",
            type="tertiary",
            width="stretch",
            on_click=pictures.choose,
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
        max_upload_size=pictures.MAX_MEGABYTES,
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
    st.download_button(
        "Save as PNG",
        export.png(cut),
        file_name=f"{PurePath(chosen.name).stem}-{size}.png",
        mime="image/png",
        key="save_crop",
        icon=":material/download:",
        on_click="ignore",
    )


def _take(key: str, origin: str) -> None:
    """Take over what a widget received; taking a file out of the widget changes nothing."""
    file = st.session_state.get(key)
    if file is not None:
        pictures.bring(PurePath(file.name).name, file.getvalue(), origin)


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
