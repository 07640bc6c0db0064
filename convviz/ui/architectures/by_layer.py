"""Layer by layer: the network as a diagram, and the chosen layer's row written out."""

from __future__ import annotations

import streamlit as st

from convviz.errors import ConvvizError
from convviz.formatting import grouped
from convviz.images.preprocess import crop
from convviz.language import again, later, numeral, tr
from convviz.lessons.inception import inception_modules
from convviz.lessons.worked_row import write_out
from convviz.networks.network import is_within
from convviz.networks.registry import spec
from convviz.structure.costs import Costs, LayerCost, heads
from convviz.structure.findings import on_zeros_sentence, whole_image_sentence
from convviz.structure.ops import kind_text
from convviz.ui import cache, exports, state
from convviz.ui.architectures import findings
from convviz.ui.choice import Choice
from convviz.ui.components import network_diagram
from convviz.ui.components.receptive_field import field_on_image
from convviz.ui.formulas import ledger
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of
from convviz.weights import bundled

_PARTS = {
    "encoder": later("part of the encoder"),
    "decoder": later("part of the decoder"),
    "auxiliary": later("part of the auxiliary"),
}
_SIDES = (63, 96, 128, 160, 192, 224, 227, 256, 277, 320, 384, 448, 512)


def draw(choice: Choice) -> None:
    """Draw the diagram of the network chosen in the sidebar, and the chosen layer below it."""
    form, size = _choose_form(choice.network_name)
    costs = cache.costs(form.name, size)
    row = _chosen_row(costs)
    if costs.on_zeros:
        st.caption(on_zeros_sentence(state.plain(costs.title)))
    st.caption(
        tr(
            "Each block is a layer: the larger its maps, the higher (by the square root, so "
            "that small maps can be seen), and the more channels, the wider. A vector stands "
            "upright. Click a block, or move with the arrow keys."
        )
        + (" " + tr("A module with branches unfolds below.") if inception_modules(costs) else "")
    )
    network_diagram.diagram(
        _diagram_message(form.name, size),
        selected=row.name,
        open_module=_module_of(costs, row),
        marks=_heads(form.name, size),
        on_pick=lambda name: state.put(Key.ROW, name),
        name=f"{form.name}-{size}",
        key="architectures_diagram",
    )
    _draw_row_buttons(costs, row)
    _draw_row(choice, costs, row)
    differences = spec(choice.network_name).differences
    if form.key == "torchvision" and differences:
        with st.expander(tr("How this differs from the paper")):
            st.markdown("\n".join(f"- {state.plain(tr(sentence))}" for sentence in differences))
    how_we_know("parameters", "macs", "training_memory", "receptive_field", "output_size")


def _choose_form(network_name: str) -> tuple[cache.NetworkForm, int]:
    """Draw the choice of the network's form and of its image's side, and return both."""
    forms = {form.key: form for form in cache.forms(network_name)}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        form = forms["torchvision"]
        if len(forms) > 1:
            titles = {key: form.title for key, form in forms.items()}
            title = again(spec(network_name).title)
            form = forms[one_of(state.plain(title), titles, Key.FORM, "torchvision", hidden=False)]
        sides = sorted({*_SIDES, form.input_size})
        size = st.selectbox(
            tr("Image side, in pixels"),
            sides,
            key=state.remember(f"{Key.FORM_SIDE}{form.key}", form.input_size, allowed=sides),
            width=200,
        )
    if form.name == bundled.NETWORK:
        text = findings.other_size_text(int(size), bundled.about().input_size)
        if text:
            st.caption(text)
    return form, int(size)


@st.cache_data(max_entries=64, show_spinner=False)
def _diagram_message(name: str, size: int) -> dict[str, object]:
    return network_diagram.message(cache.costs(name, size))


@st.cache_data(max_entries=64, show_spinner=False)
def _heads(name: str, size: int) -> dict[str, str]:
    """Return the auxiliary heads' names by the rows that they read."""
    try:
        return {f"{head.after}.cat()": head.name for head in heads(spec(name), size)}
    except ConvvizError:  # a paper's design has none; and an image may be too small for them alone
        return {}


def _chosen_row(costs: Costs) -> LayerCost:
    rows = {row.name: row for row in costs.layers if row.executed}
    first = next((row.name for row in costs.layers if row.window), next(iter(rows)))
    key = state.remember(Key.ROW, first, allowed=rows)
    return rows[str(st.session_state[key])]


def _module_of(costs: Costs, row: LayerCost) -> str:
    """Return the module with branches that a row belongs to, or nothing."""
    modules = [module.name for module in inception_modules(costs)]
    return next((name for name in modules if is_within(row.module, name)), "")


def _draw_row_buttons(costs: Costs, row: LayerCost) -> None:
    """Draw two buttons that go from row to row, for those who cannot hit a thin block."""
    names = [row.name for row in costs.layers if row.executed]
    index = names.index(row.name)
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", key="architectures_row_buttons"
    ):
        st.button(
            tr("Previous"),
            icon=":material/arrow_back:",
            key="architectures_previous_row",
            disabled=index == 0,
            on_click=state.put,
            args=(Key.ROW, names[max(index - 1, 0)]),
        )
        st.button(
            tr("Next"),
            icon=":material/arrow_forward:",
            icon_position="right",
            key="architectures_next_row",
            disabled=index == len(names) - 1,
            on_click=state.put,
            args=(Key.ROW, names[min(index + 1, len(names) - 1)]),
        )
        st.caption(tr("Layer {number} of {count}", number=index + 1, count=len(names)))


def _draw_row(choice: Choice, costs: Costs, row: LayerCost) -> None:
    """Draw the row's numbers as formulas, and its receptive field on the image."""
    numbers, image = st.columns([7, 5], gap="large")
    with numbers:
        _draw_numbers(costs, row)
    with image:
        _draw_field(choice, costs, row)


def _draw_numbers(costs: Costs, row: LayerCost) -> None:
    formulas = write_out(row)
    st.header(state.plain(row.title), anchor=False)
    st.caption(
        " · ".join((state.code(row.name), state.plain(kind_text(row.kind)), tr(_PARTS[row.part])))
    )
    parameters = findings.parameters_text(costs)
    st.caption(tr("Of the whole network: {parameters}.", parameters=parameters))
    ledger(
        [
            (tr("In"), tr(" and ").join(map(_shape, row.input_shapes)), ""),
            (tr("Out"), _shape(row.output_shape), formulas.depth),
            (tr("Kernel"), findings.kernel_text(row), ""),
            (tr("Output size"), formulas.output, formulas.dropped),
            (tr("Parameters"), formulas.parameters, findings.parameters_remark(row, costs)),
            (tr("MACs"), formulas.macs, findings.share_text(row.macs, costs.macs, tr("MACs"))),
            (tr("Memory"), formulas.memory, findings.memory_remark(row)),
            (
                tr("Receptive field"),
                findings.field_text(row, formulas.field),
                whole_image_sentence(row.field) if row.field else "",
            ),
            (
                tr("Stride in pixels of the image"),
                formulas.jump or _jump(row),
                tr("between two neighbours"),
            ),
        ]
    )


def _draw_field(choice: Choice, costs: Costs, row: LayerCost) -> None:
    st.header(tr("What one position sees"), anchor=False)
    if row.field is None:
        st.caption(findings.no_field_text(row))
        return
    size = costs.input_size
    field_on_image(
        crop(choice.image.pixels, size=size, resize=max(size * 8 // 7, size)),
        row.field,
        name=exports.file_name(choice, row.name, ending="field"),
        title=row.title,
        key="architectures_field",
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(grouped, shape))


def _jump(row: LayerCost) -> str:
    return numeral(f"{row.jump:g}") if row.jump else ""
