"""The image that all pages work on: which it is, how it is chosen, and how it is shown."""

from __future__ import annotations

from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image, ImageDraw, ImageOps

from convviz import limits
from convviz.errors import ImageError
from convviz.images import findings as image_findings
from convviz.images.decode import MAX_PIXELS, is_transparent
from convviz.images.encode import jpeg, png
from convviz.images.formats import format_names
from convviz.images.samples import gallery, names_of_samples
from convviz.images.samples import sample as open_sample
from convviz.language import ENGLISH, again, speaking, tr
from convviz.plain_text import plain_name
from convviz.ui import exports, state
from convviz.ui.choice import IMAGE_KEYS, ChosenImage
from convviz.ui.errors import errors, fragment, guarded
from convviz.ui.keys import Key
from convviz.ui.sidebar import findings
from convviz.ui.widgets import image_uploader

if TYPE_CHECKING:
    from convviz.networks.network import Network

DEFAULT_SAMPLE = "coffee"
OWN = "upload"  # the value of `image` in the URL for an image that no link can carry
MAX_MEGABYTES = limits.IMAGE_MEGABYTES.value

_THUMBNAIL_PIXELS = 192  # more than is drawn, so that it is sharp on dense screens
_TILE_PIXELS = 66  # nine samples stand in one row at 1440 pixels
_WHOLE_PIXELS = (720, 460)  # what the whole image is scaled to fit into


def current() -> ChosenImage:
    """Return the visitor's image: the one in the URL on arrival, a sample photograph at first."""
    visit = state.visit()
    names = names_of_samples()
    asked = visit.link.pop(Key.IMAGE, None) or visit.values.get(Key.IMAGE) or DEFAULT_SAMPLE
    if asked == OWN and visit.own_image is not None:
        state.put(Key.IMAGE, OWN)
        return visit.own_image
    if asked not in names:
        state.notice(
            Key.IMAGE,
            tr(
                "An uploaded picture stays with the visit it was uploaded in, so it cannot "
                "be opened from a link or after a refresh; here is a sample photograph "
                "instead."
            )
            if asked == OWN
            else findings.no_such_image(str(asked), names),
        )
        asked = DEFAULT_SAMPLE
    state.put(Key.IMAGE, asked)
    return of_sample(str(asked))


def choose(name: str) -> None:
    """Switch to a sample photograph, or to the visitor's own image."""
    visit = state.visit()
    state.put(Key.IMAGE, name)
    visit.refusal = ""
    visit.notices.pop(Key.IMAGE, None)


def bring(name: str, data: bytes, origin: str) -> None:
    """Switch to an image the visitor brought; if it cannot be used, say so and change nothing."""
    visit = state.visit()
    try:
        visit.own_image = received(name, data, origin)
    except ImageError as error:
        visit.refusal = str(error)
        return
    choose(OWN)


def received(name: str, data: bytes, origin: str) -> ChosenImage:
    """Check a file that the visitor brought; every such file comes in here.

    Raises:
        ImageError: It cannot be used.
    """
    if len(data) > MAX_MEGABYTES * 2**20:  # of widgets' limits only the browser knows
        raise ImageError(findings.too_large(len(data), MAX_MEGABYTES))
    title = tr("Camera picture") if origin == "camera" else name
    image = ChosenImage.of(name, title, data, origin)
    _ = image.pixels  # what cannot be decoded is refused now
    return image


@cache
def of_sample(name: str) -> ChosenImage:
    """Open a sample photograph; its texts are English, and pages tell them `again`.

    Raises:
        ImageError: There is no such sample.
    """
    sample = open_sample(name)
    with speaking(ENGLISH):
        title, licence = tr(sample.title), tr(sample.licence)
        credit = tr("{credit} ({licence})", credit=tr(sample.credit), licence=licence)
    return ChosenImage.of(name, title, sample.read(), "sample", credit)


def names_of(image: ChosenImage) -> tuple[str, ...]:
    """Return what a sample's class may be called; nothing for an image of the visitor's."""
    return open_sample(image.name).names if image.origin == "sample" else ()


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=IMAGE_KEYS)
def thumbnail(image: ChosenImage) -> bytes:
    """Return the image's centre as a small square, a JPEG file.

    Streamlit passes a file on as it is, and would encode pixels anew in every run. Draw it with
    `width="stretch"` in a container: a number would make Streamlit scale it to that.
    """
    square = ImageOps.fit(image.pixels, (_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
    return jpeg(square, quality=90, full_colour=True)


def panel(image: ChosenImage) -> None:
    """Draw the image small, with its name and what it takes to change it."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="sidebar_image"
    ):
        with st.container(width=72, key="sidebar_thumbnail"):
            st.image(thumbnail(image), width="stretch", alt=again(image.title))
        with st.container(gap=None, width="stretch"):
            width, height = image.pixels.size
            st.markdown(f"**{plain_name(image.title)}**")
            st.caption(tr("{width} × {height} pixels", width=width, height=height))
            menu = st.popover(
                tr("Change image"), key="sidebar_change_image", width="content", on_change="rerun"
            )
            if menu.open:  # nine pictures, which every run would send
                with menu:
                    chooser("side")
    remarks(image)


def remarks(image: ChosenImage) -> None:
    """Say what an image had to go through before it could be shown; mostly nothing."""
    for note in image_findings.notes(image.decoded):
        st.caption(note)


def chooser(key: str, *, wide: bool = False) -> None:
    """Draw the samples, the visitor's own image once there is one, the upload and the camera.

    Args:
        key: Begins the widgets' keys: `{key}_upload`, `{key}_camera`, `{key}_sample_{name}`.
        wide: Whether there is room for the samples beside the upload.
    """
    visit = state.visit()
    refusal = visit.refusal
    ratio = [7, 3] if visit.own_image is None else [7, 2]  # one tile more in the same row
    gallery, upload = st.columns(ratio, gap="large") if wide else (st.container(), st.container())
    with gallery, errors():
        _gallery(key)
    with upload:
        _upload(key)
    if wide and visit.own_image is not None and visit.values.get(Key.IMAGE) == OWN:
        remarks(visit.own_image)  # where there is room, the panel that says it is not there
    if refusal:
        st.error(findings.refused(refusal), icon=":material/error:")


def prepare(image: ChosenImage, network: Network) -> None:
    """Make what the page Home shows of the samples, and of one of them."""
    for sample in gallery():
        thumbnail(of_sample(sample.name))
    weights, how = network.weights, network.spec.interpolation
    _framed(image, weights.input_size, weights.resize)
    grey = len(network.spec.mean) == 1
    _crop(image, weights.input_size, weights.resize, how, grey=grey)


def _gallery(key: str) -> None:
    own = state.visit().own_image
    shown = {sample.name: tr(sample.title) for sample in gallery()}
    chosen = str(state.visit().values.get(Key.IMAGE, DEFAULT_SAMPLE))
    if chosen in names_of_samples():  # a sample that only a link names has its tile while in use
        shown.setdefault(chosen, again(of_sample(chosen).title))
    with st.container(horizontal=True, gap="xsmall", key=f"{key}_samples"):
        for name, title in shown.items():
            with errors():
                _tile(key, name, title, of_sample(name))
        if own is not None:
            with errors():
                _tile(key, OWN, plain_name(own.title), own)


def _tile(key: str, name: str, title: str, image: ChosenImage) -> None:
    """Draw an image that can be chosen, with its title."""
    chosen = state.visit().values.get(Key.IMAGE, DEFAULT_SAMPLE)
    pressed = "chosen" if name == chosen else "other"
    with st.container(key=f"{key}_{pressed}_{name}", width=_TILE_PIXELS, gap=None):
        st.image(thumbnail(image), width="stretch", alt="")
        st.button(
            title,
            key=f"{key}_sample_{name}",
            type="tertiary",
            width="stretch",
            on_click=choose,
            args=(name,),
        )


@fragment
def _upload(key: str) -> None:
    """Draw what takes an image of the visitor's own.

    A browser that is given another file takes the former one out first: the whole page, with the
    former image, would be drawn for that, and the new one would wait for it.
    """
    visit = state.visit()
    brought, visit.brought_image = visit.brought_image, False
    if brought and not visit.running:
        st.rerun()
    image_uploader(
        tr("Your own picture"),
        key=state.fresh(f"{key}_upload"),
        on_change=_take,
        args=(state.fresh(f"{key}_upload"), "upload"),
        most_megabytes=MAX_MEGABYTES,
        help=findings.what_may_come(format_names(), MAX_PIXELS // 1_000_000),
        hint=findings.hint(format_names(), MAX_MEGABYTES),
        refused=state.visit().refused_file,
    )
    if st.toggle(
        tr("Use the camera"),
        key=f"{key}_camera_on",
        help=tr("Browsers allow it only on this machine (localhost) or over https."),
    ):
        st.camera_input(
            tr("Take a picture"),
            key=state.fresh(f"{key}_camera"),
            on_change=_take,
            args=(state.fresh(f"{key}_camera"), "camera"),
            label_visibility="collapsed",
        )


@guarded
def _take(key: str, origin: str) -> None:
    """Take over what a widget received; taking a file out of the widget changes nothing."""
    file = st.session_state.get(key)
    if file is not None:
        visit = state.visit()
        visit.brought_image = True
        bring(PurePath(file.name).name, file.getvalue(), origin)
        visit.refused_file = file.file_id if visit.refusal else ""


def whole(image: ChosenImage, network: Network) -> None:
    """Draw the whole image with a frame around the part that goes into the network."""
    weights = network.weights
    framed = _framed(image, weights.input_size, weights.resize)
    st.image(framed, width="content", alt=tr("{image}, with the crop's frame", image=image.title))
    text = findings.whole(
        again(image.title), *image.pixels.size, image.credit, is_transparent=_is_transparent(image)
    )
    st.caption(text)


def input_crop(image: ChosenImage, network: Network) -> None:
    """Draw exactly what goes into the network, and offer it as a file."""
    size = network.weights.input_size
    how, grey = network.spec.interpolation, len(network.spec.mean) == 1
    crop = _crop(image, size, network.weights.resize, how, grey=grey)
    with st.container(width=max(224, size)):
        st.image(crop, width="stretch", alt=tr("What goes into the network"))
    st.caption(findings.crop(size, network.weights.resize, image.pixels.size))
    name = f"{PurePath(image.name).stem}-{size}.png"
    exports.save_button(tr("Save as PNG"), crop, name, key="sidebar_save_crop")


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs=IMAGE_KEYS)
def _is_transparent(image: ChosenImage) -> bool:
    return is_transparent(image.data)


# Streamlit passes files on as they are, and would encode pixels anew in every run.
@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=IMAGE_KEYS)
def _crop(image: ChosenImage, size: int, resize: int, interpolation: str, *, grey: bool) -> bytes:
    """Cut out what goes into a network, as a PNG file."""
    from convviz.images import preprocess

    crop = preprocess.crop(image.pixels, size=size, resize=resize, interpolation=interpolation)
    return png(preprocess.in_grey(crop) if grey else crop)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=IMAGE_KEYS)
def _framed(image: ChosenImage, size: int, resize: int) -> bytes:
    """Draw the crop's frame on an image that fits into the page, and dim what is left out."""
    small = ImageOps.contain(image.pixels, _WHOLE_PIXELS)
    width, height = small.size
    side = min(width, height) * size / resize
    left, top = (width - side) / 2, (height - side) / 2
    box = (round(left), round(top), round(left + side) - 1, round(top + side) - 1)
    mask = Image.new("L", small.size, 110)
    ImageDraw.Draw(mask).rectangle(box, fill=0)
    framed = Image.composite(Image.new("RGB", small.size, "#101418"), small, mask)
    draw = ImageDraw.Draw(framed)
    draw.rectangle(box, outline="black", width=5)  # seen on bright parts,
    inner = (box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1)
    draw.rectangle(inner, outline="white", width=3)  # and on dark ones
    return jpeg(framed)
