"""Design: a network as a table and as text, what each block costs, and one change to it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from convviz.errors import ConvvizError, DesignError
from convviz.formatting import grouped
from convviz.language import later, numeral, tr, trp
from convviz.networks.design import Design
from convviz.networks.design_changes import CHANGES, change_design
from convviz.networks.design_code import torch_code
from convviz.networks.design_grammar import GRAMMAR
from convviz.networks.design_module import place_blocks
from convviz.networks.design_reading import MOST_CHARACTERS
from convviz.networks.design_starts import STARTS, start, start_text
from convviz.networks.network import is_within
from convviz.structure.design_costs import (
    BlockCost,
    CountedText,
    DesignCosts,
    check_trainable,
    count_text,
)
from convviz.ui import exports, state, tables, widgets
from convviz.ui.components import network_diagram
from convviz.ui.design import compare, cost_findings, sweep, text
from convviz.ui.errors import guarded
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Entry, Key

_MEGABYTES = 1
_VIEWS = {"build": later("Build"), "train": later("Train two"), "sweep": later("Sweep")}
_MOVES = ((later("Up"), "arrow_upward", -1), (later("Down"), "arrow_downward", 1))


def draw() -> None:
    """Draw the design at hand in the view that is chosen."""
    typed = text.current()
    counted = count_text(typed)
    view = widgets.views(tr("View"), _VIEWS, Key.DESIGN_VIEW, "build")
    if view == "train":
        compare.draw(counted.design)
    elif view == "sweep":
        sweep.draw(counted.design)
    else:
        _build(typed, counted)


def _build(typed: str, counted: CountedText) -> None:
    """Draw text and table, the costs, the drawing, and one change."""
    _draw_files(typed, counted)
    whole = counted.costs if counted.error is None else None
    left, right = st.columns([5, 7], gap="large")
    with left:
        _draw_text(typed)
    with right:
        _draw_editing(typed)
        if counted.error is not None:
            st.error(state.plain(str(counted.error)), icon=":material/error:")
        if whole is not None:
            _draw_totals(whole)
    _draw_table(typed, counted)
    _explain_table(counted.costs)
    if whole is not None:
        _draw_diagram(whole)
        _draw_change(typed, whole)
    _draw_grammar()
    how_we_know("parameters", "macs", "training_memory", "receptive_field", "output_size")


def _draw_files(typed: str, counted: CountedText) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="design_files"):
        st.selectbox(
            tr("Begin with"),
            STARTS,
            index=None,
            placeholder=tr("Choose a design"),
            format_func=lambda name: start(name).name,
            key="design_start",
            on_change=_begin,
            width=240,
        )
        st.button(
            tr("Undo"),
            icon=":material/undo:",
            disabled=not text.can_undo(),
            on_click=text.undo,
            key="design_undo",
        )
        with st.popover(tr("Open a file"), icon=":material/folder_open:", key="design_open"):
            st.file_uploader(
                tr("A design, one line a block"),
                type=["txt", "text/plain"],
                key=state.fresh("design_file"),
                on_change=_open,
                max_upload_size=_MEGABYTES,
            )
            if refusal := st.session_state.get(Entry.DESIGN_REFUSAL):
                st.error(state.plain(refusal), icon=":material/error:")
        name = (counted.design.name if counted.design else "") or "design"
        exports.save_button(
            tr("Save the design"),
            typed,
            exports.safe_name(name, ending="txt"),
            key="design_save",
        )
        if counted.design is not None:
            exports.save_button(
                tr("Take it home"),
                partial(_code, typed),
                exports.safe_name(name, ending="py"),
                key="design_code",
                help=tr("The network as a Python file that needs PyTorch alone"),
            )


def _code(typed: str) -> str:
    return torch_code(place_blocks(Design.parse(typed)))


@guarded
def _begin() -> None:
    name = st.session_state.get("design_start")
    if name is not None:
        text.put(start_text(str(name)))
        st.session_state["design_start"] = None


@guarded
def _open() -> None:
    file = st.session_state.get(state.fresh("design_file"))
    st.session_state[Entry.DESIGN_REFUSAL] = ""
    if file is None:
        return
    try:
        text.put(text.from_file(file.name, file.getvalue()))
    except ConvvizError as error:
        st.session_state[Entry.DESIGN_REFUSAL] = str(error)


def _draw_text(typed: str) -> None:
    # Set before the widget is made, so that it shows what the table, a file or the link has put.
    if st.session_state.get("design_text") != typed:
        st.session_state["design_text"] = typed
    st.text_area(
        tr("As text, one line a block"),
        key="design_text",
        on_change=_type,
        height=410,  # 16 lines, none of them cut
        max_chars=MOST_CHARACTERS,
        help=tr("Ctrl and Enter, or a click beside it, counts it anew."),
    )


@guarded
def _type() -> None:
    text.put(str(st.session_state["design_text"]))


def _draw_table(typed: str, counted: CountedText) -> None:
    blocks = {block.line: block for block in counted.costs.blocks} if counted.costs else {}
    wrong = counted.error.line if counted.error else None
    lines = text.block_lines(typed)
    rows = [_row(line, block, blocks.get(line), line == wrong) for line, block in lines.items()]
    columns = rows[0] if rows else _row(1, "", None, False)
    tables.draw(
        {name: [row[name] for row in rows] for name in columns},
        key="design_table",
        height=420,
        on_select=partial(_select, list(lines)),
        selection_mode="single-row",
        config={
            "line": st.column_config.NumberColumn(tr("line"), width=46),
            "block": tr("block"),
            "output": tr("output"),
            "size": st.column_config.TextColumn(tr("size"), width=224),
            "left over": st.column_config.TextColumn(tr("left over"), width=70),
            "parameters": tr("parameters"),
            "MACs": st.column_config.TextColumn(width=98),
            "memory": tr("memory"),
            "field": st.column_config.TextColumn(
                tr("field"), width=48, help=tr("The receptive field")
            ),
            "stride": st.column_config.TextColumn(
                tr("stride"),
                width=54,
                help=tr("How far the fields of neighbours lie apart, in pixels of the image"),
            ),
        },
    )


def _row(line: int, block: str, cost: BlockCost | None, is_wrong: bool) -> dict[str, str | int]:
    row: dict[str, str | int] = {"line": line, "block": f"✗ {block}" if is_wrong else block}
    return row | {
        "output": "×".join(map(str, cost.output)) if cost else "",
        "size": cost.formula if cost else "",
        "left over": cost_findings.left_over(cost) if cost else "",
        "parameters": grouped(cost.parameters) if cost else "",
        "MACs": cost_findings.macs(cost) if cost else "",
        "memory": cost_findings.block_memory(cost) if cost else "",
        "field": str(cost.receptive_field) if cost else "",
        "stride": numeral(f"{cost.jump:g}") if cost else "",
    }


def _explain_table(costs: DesignCosts | None) -> None:
    """Say what stands in the table and does not speak for itself."""
    if costs is not None and (text := cost_findings.table_text(costs)):
        st.caption(text)


@guarded
def _select(lines: list[int]) -> None:
    chosen = st.session_state["design_table"].selection.rows
    if chosen and chosen[0] < len(lines):
        st.session_state["design_line"] = lines[chosen[0]]


def _draw_editing(typed: str) -> None:
    """Draw what changes one line: its text, and buttons that add, move and delete."""
    lines = text.block_lines(typed)
    if not lines:
        _draw_adding(tr("Add the first line"), "input 3x32x32", text.last_line(typed))
        return
    chosen = st.session_state.get("design_line")
    # Set at each run, so that the browser names a line anew whose number stays and whose text does
    # not.
    st.session_state["design_line"] = chosen if chosen in lines else next(iter(lines))
    with st.container(horizontal=True, vertical_alignment="bottom", key="design_editing"):
        line = st.selectbox(
            tr("Line"),
            list(lines),
            format_func=lambda number: f"{number} · {lines[number]}",
            key="design_line",
            width=220,
        )
        st.text_input(
            tr("Block"),
            lines[line],
            key=f"design_block_{line}_{len(typed)}_{lines[line]}",
            on_change=_change,
            args=(line, f"design_block_{line}_{len(typed)}_{lines[line]}"),
            width=240,
        )
        _draw_adding(tr("Add below"), "conv 16 3x3 p1", line)
        for label, icon, step in _MOVES:
            st.button(
                tr(label),
                icon=f":material/{icon}:",
                disabled=text.neighbour(line, step) is None,
                on_click=_move,
                args=(line, step),
                key=f"design_move_{step}",
            )
        st.button(
            tr("Delete"),
            icon=":material/delete:",
            on_click=text.delete,
            args=(line,),
            key="design_delete",
        )


def _draw_adding(label: str, example: str, line: int) -> None:
    """Draw what adds a line below one."""
    st.text_input(
        label, key="design_added", placeholder=example, on_change=_add, args=(line,), width=200
    )


@guarded
def _change(line: int, key: str) -> None:
    text.change(line, str(st.session_state[key]))


@guarded
def _add(line: int) -> None:
    block = str(st.session_state["design_added"]).strip()
    st.session_state["design_added"] = ""
    if block:
        text.add(line, block)
        st.session_state["design_line"] = line + 1


@guarded
def _move(line: int, step: int) -> None:
    other = text.neighbour(line, step)
    text.move(line, step)
    if other is not None:
        st.session_state["design_line"] = other


def _draw_totals(costs: DesignCosts) -> None:
    with st.container(horizontal=True, key="design_totals", gap="medium"):
        st.metric(tr("Parameters"), grouped(costs.parameters), width="content")
        if costs.parameters_with_auxiliary != costs.parameters:
            st.metric(
                tr("With auxiliary classifiers"),
                grouped(costs.parameters_with_auxiliary),
                width="content",
            )
        st.metric(tr("MACs"), grouped(costs.macs), width="content")
        st.metric(
            tr("Memory kept in training"),
            cost_findings.memory(costs.activation_bytes),
            width="content",
        )
        st.metric(tr("Output"), " × ".join(map(grouped, costs.output)), width="content")
    st.markdown(state.plain(cost_findings.heaviest(costs)))
    try:
        check_trainable(costs)
    except DesignError as error:
        st.caption(state.plain(cost_findings.not_trained(error)))


def _draw_diagram(costs: DesignCosts) -> None:
    network = costs.as_network
    line = int(st.session_state.get("design_line", 0))
    rows = {block.line: block.layers for block in costs.blocks if block.layers}
    names = [row.name for row in rows.get(line, ()) if row.executed]
    module = next(
        (block.parts[0] for block in costs.blocks
         if block.line == line and block.text.startswith("inception")), "",
    )  # fmt: skip
    st.caption(
        tr(
            "Each block is a layer: the larger its maps, the higher (by the square root, so "
            "that small maps can be seen), and the more channels, the wider. Click a block "
            "to choose its line."
        )
    )
    network_diagram.diagram(
        network_diagram.message(network),
        selected=names[-1] if names else "",
        open_module=module,
        marks=_heads(costs),
        on_pick=partial(_pick, costs),
        name=exports.safe_name(costs.design.name or "design", ending="svg").removesuffix(".svg"),
        key="design_diagram",
    )


def _heads(costs: DesignCosts) -> dict[str, str]:
    """Return what the auxiliary classifiers are called by the rows that they read."""
    marks, read = {}, ""
    for block in costs.blocks:
        names = [row.name for row in block.layers if row.executed]
        if block.auxiliary:
            marks[read] = tr("auxiliary, line {line}", line=block.line)
        elif names:
            read = names[-1]
    return marks


@guarded
def _pick(costs: DesignCosts, name: str) -> None:
    for block in costs.blocks:
        if any(row.name == name or is_within(row.module, name) for row in block.layers):
            st.session_state["design_line"] = block.line
            return


def _draw_change(typed: str, costs: DesignCosts) -> None:
    """Draw one change to choose, and the design before and after it."""
    st.header(tr("One change"), anchor=False)
    changes = {change.key: change for change in CHANGES}
    key = st.selectbox(
        tr("What is changed"),
        list(changes),
        format_func=lambda key: tr(changes[key].title),
        key=state.remember(Key.DESIGN_CHANGE, CHANGES[0].key, allowed=changes),
        width=380,
    )
    st.caption(tr(changes[key].meaning))
    try:
        changed = change_design(costs.design, key)
    except ConvvizError as error:
        st.info(state.plain(str(error)), icon=":material/block:")
        return
    after = count_text(changed.text).costs
    if after is None:
        return
    st.markdown(cost_findings.compared(costs, after))
    tables.draw(_before_and_after(costs, after), width="content", key="design_before_after")
    st.button(
        tr("Make this change"),
        icon=":material/check:",
        on_click=text.put_blocks,
        args=(typed, costs.design, changed),
        key="design_make_change",
    )


def _before_and_after(before: DesignCosts, after: DesignCosts) -> dict[str, list[str]]:
    return {
        trp("what is counted", "what"): [
            tr("Blocks"),
            tr("Parameters"),
            tr("With auxiliary classifiers"),
            tr("MACs"),
            tr("Memory kept in training"),
            tr("Last map"),
            tr("Its receptive field"),
            tr("Its stride in pixels of the image"),
        ],
        tr("before"): _column(before),
        tr("after"): _column(after),
    }


def _column(costs: DesignCosts) -> list[str]:
    last = costs.last_map
    return [
        str(len(costs.blocks)),
        grouped(costs.parameters),
        grouped(costs.parameters_with_auxiliary),
        grouped(costs.macs),
        cost_findings.memory(costs.activation_bytes),
        " × ".join(map(grouped, last.output)),
        grouped(last.receptive_field),
        numeral(f"{last.jump:g}"),
    ]


def _draw_grammar() -> None:
    with st.expander(tr("What a line may be"), icon=":material/menu_book:"):
        st.markdown(
            tr(
                "Options stand in any order; x and × are the same; padding is 0 and the "
                "stride 1 unless said, and a pooling's stride is its window. # begins a "
                "comment."
            )
        )
        rows = [f"| `{form.example}` | {state.plain(tr(form.meaning))} |" for form in GRAMMAR]
        titles = f"| {tr('line')} | {tr('what it does')} |"
        st.markdown("\n".join((titles, "| --- | --- |", *rows)))
