"""The recorded training moment by moment: kernels, the image's feature maps, and the loss."""

from __future__ import annotations

import streamlit as st

from convviz.figures import theme
from convviz.language import again, tr
from convviz.learning import recording
from convviz.learning.guessing import smoothed_floor
from convviz.learning.snapshots import Snapshot
from convviz.sprites.grid import atlas
from convviz.sprites.kernels import kernel_sheet
from convviz.ui import cache, exports, state
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.film import Chart, Line, Still, film
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Entry, Key
from convviz.ui.training import findings
from convviz.weights import bundled

_FIRST = "conv1"
_IN_A_ROW = 8
_TILE_PIXELS = 64
_KERNEL_PIXELS = 56


def prepare(image: ChosenImage) -> None:
    """Make what the recorded training begins with."""
    moments = recording.steps()
    for step in moments:
        _still(image, _FIRST, step, with_maps=step == moments[0])
    _losses()


def draw(choice: Choice) -> None:
    """Draw the recorded training."""
    log, classes = recording.log(), len(bundled.classes())
    st.markdown(findings.introduction(log, classes, len(recording.steps())))
    _draw_film(choice)
    st.caption(findings.loss_curve(log, classes))
    with st.expander(tr("Image sizes, and the accuracy on images it never saw")):
        st.caption(f"{findings.sizes(log)} {findings.validation(log, bundled.about())}")
    how_we_know("recorded_loss", "recorded_accuracy", "empty_while_training")


@state.fragment
def _draw_film(choice: Choice) -> None:
    moments = recording.steps()
    layers = {layer.name: layer for layer in recording.recorded_layers()}
    name = st.selectbox(
        tr("Feature maps of"),
        list(layers),
        format_func=lambda name: again(layers[name].title),
        key=state.remember(Key.RECORDED_LAYER, _FIRST, allowed=layers),
        width=320,
    )
    step = st.session_state[state.remember(Key.RECORDED_MOMENT, moments[0], allowed=moments)]
    # The maps of the other moments are made as soon as somebody reaches for the slider.
    wanted = st.session_state.get(Entry.RECORDING_WANTED, False)
    stills = [
        _still(choice.image, name, moment, with_maps=wanted or moment == step) for moment in moments
    ]
    film(
        stills,
        (_losses(),),
        titles=(tr("What conv1 looks for"), findings.answers(layers[name].title)),
        key="training_recorded",
        at=moments.index(step),
        on_rest=lambda number: state.put(Key.RECORDED_MOMENT, moments[number]),
        on_reach=_wanted,
    )
    st.caption(tr("The green line is the moment shown above."))
    kernels, maps = stills[moments.index(step)].pictures
    with st.container(horizontal=True, gap="small", key="training_save_recorded"):
        file = exports.file_name(choice, f"kernels-{step}", ending="png", network=bundled.NETWORK)
        exports.save_button(tr("Kernels (PNG)"), kernels, file, key="training_save_kernels")
        file = exports.file_name(choice, name, f"step{step}", ending="png", network=bundled.NETWORK)
        exports.save_button(tr("Maps (PNG)"), maps, file, key="training_save_maps")
        file = "googlenet-training.csv"
        exports.save_button(tr("Loss (CSV)"), _table(), file, key="training_save_loss")


def _wanted() -> None:
    st.session_state[Entry.RECORDING_WANTED] = True


def _still(image: ChosenImage, layer: str, step: int, *, with_maps: bool) -> Still:
    """Make one moment's images; without maps where nobody has reached for the slider yet."""
    sheet, about_kernels = cache.once(lambda: _kernels(step), "recorded kernels", step)
    maps, about_maps = b"", tr("Looking at your image…")
    if with_maps:
        maps, about_maps = _maps(image, image.title, layer, step)
    label = (
        tr("After {step:,} steps", step=step)
        if step
        else tr("After {step:,} steps: random numbers", step=step)
    )
    return Still(label, step, (sheet, maps), (again(about_kernels), again(about_maps)))


def _kernels(step: int) -> tuple[bytes, str]:
    """Draw the first kernels at one moment, and say what the drawing shows."""
    kernels = recording.kernels(step)
    sheet = kernel_sheet(list(kernels), tile=_KERNEL_PIXELS, columns=_IN_A_ROW)
    moment = Snapshot(step, 0, 0.0, kernels, ())
    return sheet.png, findings.recorded_kernels(moment, sheet.bound)


# At most 400 kB each.
@st.cache_resource(max_entries=140, show_spinner=False, hash_funcs=cache.KEYS)
def _maps(image: ChosenImage, title: str, layer: str, step: int) -> tuple[bytes, str]:
    """Draw the image's maps at one moment, and say what the drawing shows.

    Visitors who bring the same file may call it differently, so its title is part of the key.
    """
    snapshot = recording.snapshot(image.pixels, layer, step)
    activations = snapshot.maps[0].activations()
    few = activations.channels <= 8 * _IN_A_ROW  # then in as many columns as the kernels
    columns, tile = (_IN_A_ROW, _TILE_PIXELS) if few else (None, None)
    drawing = atlas(activations, tile=tile, columns=columns).png
    return drawing, findings.recorded_maps(snapshot, title, activations.sentence())


def _losses() -> Chart:
    log = recording.log()
    floor = smoothed_floor(log.smoothing, len(bundled.classes()))
    return Chart(
        tr("Loss and accuracy"),
        (
            Line(tr("training loss"), [(p.step, p.loss) for p in log.points], theme.BLUE),
            Line(tr("its floor"), [(0, floor), (log.steps, floor)], theme.GREY, dash=True),
            Line(
                tr("validation accuracy"),
                [(point.step, accuracy) for point, accuracy in findings.checked(log)],
                theme.VERMILION,
                side="right",
                dash=True,
                marks=True,
            ),
        ),
        left=tr("loss"),
        right=tr("accuracy"),
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
