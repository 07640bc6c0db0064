"""Layer by layer: the network as a diagram, and the chosen layer's row written out."""

from __future__ import annotations

import streamlit as st

from convviz.formatting import percent, size_text
from convviz.images.preprocess import crop
from convviz.lessons.inception import inception_modules
from convviz.lessons.worked_row import write_out
from convviz.networks.network import is_within
from convviz.networks.registry import spec
from convviz.structure.costs import Costs, LayerCost
from convviz.ui import cache, exports, state
from convviz.ui.choice import Choice
from convviz.ui.components import network_diagram
from convviz.ui.components.network_diagram import diagram
from convviz.ui.components.receptive_field import field_on_image
from convviz.ui.formulas import ledger
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_SIDES = (63, 96, 128, 160, 192, 224, 227, 256, 277, 320, 384, 448, 512)


def draw(choice: Choice) -> None:
    """Draw the diagram of the network chosen in the sidebar, and the chosen layer below it."""
    form, size = _controls(choice.network_name)
    found = cache.costs(form.name, size)
    row = _chosen(found)
    st.caption(
        "Each block is a layer: as high as its maps, as wide as it has channels. A vector stands "
        "upright. Click a block, or move with the arrow keys."
        + (" A module with branches unfolds below." if inception_modules(found) else "")
    )
    diagram(
        _drawing(form.name, size),
        selected=row.name,
        open_module=_module_of(found, row),
        on_pick=lambda name: state.put(Key.ROW, name),
        name=f"{form.name}-{size}",
    )
    _steps(found, row)
    _written(choice, found, row)
    differences = spec(choice.network_name).differences
    if form.key == "torchvision" and differences:
        with st.expander("How this differs from the paper"):
            st.markdown("\n".join(f"- {sentence}" for sentence in differences))


def _controls(name: str) -> tuple[cache.NetworkForm, int]:
    known = {form.key: form for form in cache.forms(name)}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        form = known["torchvision"]
        if len(known) > 1:
            titles = {key: each.title for key, each in known.items()}
            title = spec(name).title
            form = known[one_of(title, titles, Key.FORM, "torchvision", hidden=False)]
        sides = sorted({*_SIDES, form.input_size})
        size = st.selectbox(
            "Image side, in pixels",
            sides,
            key=state.remember(f"{Key.FORM_SIDE}{form.key}", form.input_size, allowed=sides),
            width=200,
        )
    return form, int(size)


@st.cache_data(max_entries=64, show_spinner=False)
def _drawing(name: str, size: int) -> dict[str, object]:
    return network_diagram.message(cache.costs(name, size))


def _chosen(found: Costs) -> LayerCost:
    rows = {row.name: row for row in found.layers if row.executed}
    first = next(row.name for row in found.layers if row.window)
    key = state.remember(Key.ROW, first, allowed=rows)
    return rows[str(st.session_state[key])]


def _module_of(found: Costs, row: LayerCost) -> str:
    """Return the module with branches that a row belongs to, or nothing."""
    modules = [module.name for module in inception_modules(found)]
    return next((name for name in modules if is_within(row.module, name)), "")


def _steps(found: Costs, row: LayerCost) -> None:
    """Draw two buttons that go from row to row, for those who cannot hit a thin block."""
    names = [each.name for each in found.layers if each.executed]
    place = names.index(row.name)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="row_steps"):
        st.button(
            "Previous",
            icon=":material/arrow_back:",
            key="row_back",
            disabled=place == 0,
            on_click=state.put,
            args=(Key.ROW, names[max(place - 1, 0)]),
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            icon_position="right",
            key="row_on",
            disabled=place == len(names) - 1,
            on_click=state.put,
            args=(Key.ROW, names[min(place + 1, len(names) - 1)]),
        )
        st.caption(f"Row {place + 1} of {len(names)}")


def _written(choice: Choice, found: Costs, row: LayerCost) -> None:
    written = write_out(row)
    text, seen = st.columns([7, 5], gap="large")
    with text:
        st.subheader(row.title, anchor=False)
        st.caption(f"`{row.name}` · {row.kind} · part of the {row.part}")
        ledger(
            [
                ("In", _shapes(row), ""),
                ("Out", _shape(row.output_shape), written.depth),
                ("Kernel", _kernel(row), ""),
                ("How often it fits", written.output, written.dropped),
                ("Parameters", written.parameters, _of_parameters(row, found)),
                ("MACs", written.macs, _share(row.macs, found.macs, "MACs")),
                (
                    "Memory",
                    written.memory,
                    f"{size_text(row.activation_bytes, 1)}"
                    + (", in the memory of its input" if row.shares_memory else ""),
                ),
                ("Receptive field", _field(row, written.field), ""),
                ("Jump", written.jump or _jump(row), "input pixels between two neighbours"),
            ]
        )
    with seen:
        _on_image(choice, found, row)


def _on_image(choice: Choice, found: Costs, row: LayerCost) -> None:
    st.subheader("What one position sees", anchor=False)
    if row.field is None:
        st.caption("What this layer's positions see cannot be followed.")
        return
    size = found.input_size
    cut = crop(choice.image.pixels, size=size, resize=max(size * 8 // 7, size))
    field_on_image(
        cut,
        row.field,
        name=exports.file_name(choice, row.name, ending="field"),
        title=row.title,
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{number:,}" for number in shape)


def _shapes(row: LayerCost) -> str:
    shapes = [_shape(shape) for shape in row.input_shapes]
    return " and ".join(shapes)


def _kernel(row: LayerCost) -> str:
    if row.window is None:
        return ""
    window = row.window
    text = f"{window.kernel[0]} × {window.kernel[1]}, stride {window.stride[0]}"
    if max(window.padding):
        text += f", padding {window.padding[0]}"
    if max(window.dilation) > 1:
        text += f", dilation {window.dilation[0]}"
    return text + (f", in {window.groups} groups" if window.groups > 1 else "")


def _of_parameters(row: LayerCost, found: Costs) -> str:
    if not row.parameters:
        return "nothing to learn here"
    main = found.parameters - found.part("auxiliary").parameters
    kinds = {
        "convolution": "kernel · channels in · channels out, and a bias for each channel out",
        "linear": "values in · units out, and a bias for each unit",
        "batch norm": "a scale and a shift for each channel",
    }
    meaning = kinds.get(row.kind, "")
    if row.kind == "convolution" and not row.biases:
        meaning = "kernel · channels in · channels out; no bias, since batch norm follows"
    return "; ".join(filter(None, (meaning, _share(row.parameters, main, "the parameters"))))


def _share(part: int, whole: int, what: str) -> str:
    return f"{percent(part / whole, 1)} of {what}" if part and whole else ""


def _field(row: LayerCost, formula: str) -> str:
    if row.field is None:
        return ""
    sizes = f"{row.field.size} × {row.field.size} pixels"
    return f"{formula}: {sizes}" if formula else sizes


def _jump(row: LayerCost) -> str:
    return f"{row.jump:g}" if row.jump else ""
