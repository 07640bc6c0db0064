"""A second image beside the one in the sidebar: a sample photograph, or a file of the visitor's."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

import streamlit as st

from convviz.errors import ImageError
from convviz.images.decode import MAX_PIXELS
from convviz.images.formats import format_names
from convviz.images.samples import samples
from convviz.language import tr
from convviz.ui import state
from convviz.ui.choice import ChosenImage
from convviz.ui.errors import guarded
from convviz.ui.keys import Entry, Key
from convviz.ui.sidebar import findings
from convviz.ui.sidebar import image as sidebar_image
from convviz.ui.sidebar.image import OWN
from convviz.ui.widgets import image_uploader


def choose(first: ChosenImage, label: str, width: int | Literal["stretch"]) -> ChosenImage | None:
    """Draw the choice; every view shares it.

    Args:
        first: The image in the sidebar, which is not offered again.
        label: What the choice is called.
        width: Of the list, in pixels.

    Returns:
        The second image; None while the visitor has not brought one.
    """
    titles = {sample.name: tr(sample.title) for sample in samples()}
    names = [*(name for name in titles if name != first.name), OWN]
    titles[OWN] = tr("Your own picture")
    key = state.remember(Key.SECOND_IMAGE, names[0], allowed=names)
    name = st.selectbox(label, names, format_func=titles.__getitem__, key=key, width=width)
    if name != OWN:
        return sidebar_image.of_sample(name)
    refusal, refused_file = st.session_state.get(Entry.SECOND_IMAGE_REFUSAL, ("", ""))
    image_uploader(
        tr("Your second picture"),
        key=state.fresh("activations_second_image_upload"),
        on_change=_take,
        most_megabytes=sidebar_image.MAX_MEGABYTES,
        width=width,
        help=findings.what_may_come(format_names(), MAX_PIXELS // 1_000_000),
        hint=findings.hint(format_names(), sidebar_image.MAX_MEGABYTES),
        refused=refused_file,
    )
    own: ChosenImage | None = st.session_state.get(Entry.SECOND_IMAGE)
    if refusal:
        sentences = [state.plain(refusal)]
        if own is not None:
            sentences.append(tr("The picture in use has not changed."))
        st.error(" ".join(sentences), icon=":material/error:")
    if own is not None:
        sidebar_image.remarks(own)
    return own


@guarded
def _take() -> None:
    """Take over what was brought; taking the file away again changes nothing."""
    file = st.session_state.get(state.fresh("activations_second_image_upload"))
    if file is None:
        return
    name = PurePath(file.name).name
    try:
        image = sidebar_image.received(name, file.getvalue(), "upload")
    except ImageError as error:
        st.session_state[Entry.SECOND_IMAGE_REFUSAL] = (str(error), file.file_id)
    else:
        st.session_state[Entry.SECOND_IMAGE] = image
        st.session_state[Entry.SECOND_IMAGE_REFUSAL] = ("", "")
