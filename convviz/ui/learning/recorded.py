"""Scrub through a recorded training: kernels, the image's feature maps, and the loss."""

from __future__ import annotations

from itertools import pairwise

import streamlit as st

from convviz import features, networks, sprites
from convviz.features.activations import Activations
from convviz.features.filters import filters
from convviz.figures import learning as figures
from convviz.figures import theme
from convviz.learning import recording
from convviz.networks import Network, bundled
from convviz.networks.lessons.auxiliary import WEIGHT
from convviz.sprites.kernels import KernelSheet, kernel_sheet
from convviz.ui import export, state
from convviz.ui.pictures import ChosenImage
from convviz.ui.shell import Choice

_FIRST = "conv1"


def draw(choice: Choice) -> None:
    """Draw the recorded training."""
    log = recording.log()
    st.markdown(
        f"GoogLeNet learned {len(bundled.classes())} classes from {log.images:,} looks at "
        f"photographs, in {log.steps:,} steps and {log.seconds / 60:.0f} minutes on two processor "
        f"cores. Its first layers were kept at {len(recording.steps())} moments. Move the slider, "
        "and watch noise become edges."
    )
    _scrub(choice)


@st.fragment
def _scrub(choice: Choice) -> None:
    moments = recording.steps()
    layers = {each.name: each for each in recording.recorded_layers()}
    left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    with left:
        step = st.select_slider(
            "Steps of training behind it",
            moments,
            format_func=lambda number: f"{number:,}",
            key=state.remember("moment", moments[0], allowed=moments),
        )
    with right:
        name = st.selectbox(
            "Feature maps of",
            list(layers),
            format_func=lambda each: layers[each].title,
            key=state.remember("recorded_layer", _FIRST, allowed=layers),
        )
    sheet = _kernels(step)
    shown = _maps(choice.image.sha256, step, name, choice.image)
    picture = _atlas(choice.image.sha256, step, name, shown)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What conv1 looks for", anchor=False)
        st.image(sheet.png, width="stretch", output_format="PNG", alt="The 64 kernels of conv1")
        st.caption(
            f"Its 64 kernels of 7 × 7 pixels after {step:,} steps, in colour: grey is 0, and the "
            f"strongest colour is a weight of {sheet.bound:.3g}."
        )
    with right:
        st.subheader(f"What {layers[name].title} answers to your image", anchor=False)
        st.image(picture, width="stretch", output_format="PNG", alt="All channels' maps")
        st.caption(
            f"{choice.image.title} through the same weights, each of {shown.channels} channels on "
            f"its own scale. {shown.sentence()}"
        )
    _loss(step)
    with st.container(horizontal=True, gap="small", key="save_recorded"):
        _save("Kernels (PNG)", sheet.png, export.file_name(choice, f"kernels-{step}", ending="png"))
        _save("Maps (PNG)", picture, export.file_name(choice, name, f"step{step}", ending="png"))
        _save("Loss (CSV)", _table(), "googlenet-training.csv")


def _loss(step: int) -> None:
    points = recording.log().points
    st.plotly_chart(
        figures.recorded_loss(
            [point.step for point in points],
            [point.loss for point in points],
            [(p.step, p.accuracy) for p in points if p.accuracy is not None],
            at=step,
        ),
        config=theme.CONFIG,
        key="recorded_loss",
    )
    grown = [b for a, b in pairwise(points) if b.size != a.size]
    sizes = " and ".join(f"{p.size} pixels before step {p.step:,}" for p in grown)
    st.caption(
        "The green line is the moment shown above. The loss is that of the main classifier, "
        "averaged over the last steps; while it trained, two auxiliary classifiers added theirs, "
        f"each multiplied with {WEIGHT:g}. The training pictures grew from {points[0].size} to "
        f"{sizes}."
    )


def _save(label: str, data: bytes | str, name: str) -> None:
    st.download_button(
        label,
        data,
        file_name=name,
        icon=":material/download:",
        on_click="ignore",
        key=f"save_{name}",
    )


def _table() -> str:
    return export.table(
        ["step", "seconds", "size", "learning_rate", "loss", "auxiliary_1", "auxiliary_2", "top1"],
        (
            [p.step, p.seconds, p.size, p.learning_rate, p.loss, *p.auxiliary, p.accuracy]
            for p in recording.log().points
        ),
    )


# Each shares everything but its first layers, about 1 MB, with the bundled network.
@st.cache_resource(max_entries=8, show_spinner=False)
def _network(step: int) -> Network:
    return recording.network_at(step)


@st.cache_resource(max_entries=8, show_spinner=False)
def _kernels(step: int) -> KernelSheet:
    network = _network(step)
    found = filters(network, networks.layer(network, _FIRST))
    return kernel_sheet(list(found.kernels), tile=56, columns=16)


@st.cache_resource(max_entries=24, show_spinner=False)
def _maps(sha256: str, step: int, layer: str, _image: ChosenImage) -> Activations:
    return features.activations(_network(step), _image.image, layer)


@st.cache_resource(max_entries=48, show_spinner=False)
def _atlas(sha256: str, step: int, layer: str, _shown: Activations) -> bytes:
    return sprites.atlas(_shown).png
