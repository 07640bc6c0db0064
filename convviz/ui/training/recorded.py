"""The recorded training moment by moment: kernels, the image's feature maps, and the loss."""

from __future__ import annotations

import streamlit as st

from convviz.figures import theme
from convviz.learning import recording
from convviz.learning.guessing import smoothed_floor
from convviz.learning.snapshots import Snapshot
from convviz.sprites.grid import atlas
from convviz.sprites.kernels import kernel_sheet
from convviz.ui import cache, exports, state
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.film import Chart, Line, Still, film
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.training import findings
from convviz.weights import bundled

_FIRST = "conv1"
_IN_A_ROW = 16
_TILE_PIXELS = 64
_KERNEL_PIXELS = 56


def draw(choice: Choice) -> None:
    """Draw the recorded training."""
    log, classes = recording.log(), len(bundled.classes())
    st.markdown(findings.introduction(log, classes, len(recording.steps())))
    _draw_film(choice)
    st.caption(findings.loss_curve(log, classes))
    st.caption(f"{findings.sizes(log)} {findings.validation(log, bundled.about())}")
    how_we_know("recorded_loss", "recorded_accuracy", "empty_while_training")


@state.fragment
def _draw_film(choice: Choice) -> None:
    moments = recording.steps()
    layers = {layer.name: layer for layer in recording.recorded_layers()}
    name = st.selectbox(
        "Feature maps of",
        list(layers),
        format_func=lambda name: layers[name].title,
        key=state.remember(Key.RECORDED_LAYER, _FIRST, allowed=layers),
        width=320,
    )
    step = st.session_state[state.remember(Key.RECORDED_MOMENT, moments[0], allowed=moments)]
    stills = _stills(choice.image, name)
    film(
        stills,
        (_losses(),),
        titles=("What conv1 looks for", findings.answers(layers[name].title)),
        key="training_recorded",
        at=moments.index(step),
        on_rest=lambda number: state.put(Key.RECORDED_MOMENT, moments[number]),
    )
    st.caption("The green line is the moment shown above.")
    kernels, maps = stills[moments.index(step)].pictures
    with st.container(horizontal=True, gap="small", key="training_save_recorded"):
        file = exports.file_name(choice, f"kernels-{step}", ending="png")
        exports.save_button("Kernels (PNG)", kernels, file, key="training_save_kernels")
        file = exports.file_name(choice, name, f"step{step}", ending="png")
        exports.save_button("Maps (PNG)", maps, file, key="training_save_maps")
        file = "googlenet-training.csv"
        exports.save_button("Loss (CSV)", _table(), file, key="training_save_loss")


@st.cache_resource(
    max_entries=12,
    show_spinner="Looking at your image at every moment…",
    hash_funcs=cache.KEYS,
)
def _stills(image: ChosenImage, layer: str) -> tuple[Still, ...]:
    """Make every moment's images; all of them together have 3 MB at most."""
    snapshots = recording.snapshots(image.pixels, layer)
    return tuple(_still(snapshot, image.title) for snapshot in snapshots)


def _still(snapshot: Snapshot, image: str) -> Still:
    step, kernels = snapshot.step, snapshot.kernels
    if kernels is None:
        raise RuntimeError("the recorded network begins with a convolution")
    sheet = cache.once(
        lambda: kernel_sheet(list(kernels), tile=_KERNEL_PIXELS, columns=_IN_A_ROW),
        "recorded kernels",
        step,
    )
    activations = snapshot.maps[0].activations()
    few = activations.channels <= 4 * _IN_A_ROW  # then in as many columns as the kernels
    columns, tile = (_IN_A_ROW, _TILE_PIXELS) if few else (None, None)
    return Still(
        label=f"After {step:,} steps" + ("" if step else ": random numbers"),
        at=step,
        pictures=(sheet.png, atlas(activations, tile=tile, columns=columns).png),
        notes=(
            findings.recorded_kernels(snapshot, sheet.bound),
            findings.recorded_maps(snapshot, image, activations.sentence()),
        ),
    )


def _losses() -> Chart:
    log = recording.log()
    floor = smoothed_floor(log.smoothing, len(bundled.classes()))
    return Chart(
        "Loss and accuracy",
        (
            Line("training loss", [(p.step, p.loss) for p in log.points], theme.BLUE),
            Line("its floor", [(0, floor), (log.steps, floor)], theme.GREY, dash=True),
            Line(
                "validation accuracy",
                [(point.step, accuracy) for point, accuracy in findings.checked(log)],
                theme.VERMILION,
                side="right",
                dash=True,
                marks=True,
            ),
        ),
        left="loss",
        right="accuracy",
        length=log.steps,
    )


def _table() -> str:
    return exports.table(
        ["step", "seconds", "size", "learning_rate", "loss", "auxiliary_1", "auxiliary_2", "top1"],
        (
            [p.step, p.seconds, p.size, p.learning_rate, p.loss, *p.auxiliary, p.accuracy]
            for p in recording.log().points
        ),
    )
