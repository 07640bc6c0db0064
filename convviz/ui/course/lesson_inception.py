"""Lesson: an Inception module, with its real numbers and on the visitor's image."""

from __future__ import annotations

import streamlit as st

from convviz.formatting import grouped
from convviz.language import tr
from convviz.lessons.inception import InceptionModule, inception_modules
from convviz.networks.network import Network
from convviz.sprites.grid import branch_sections, grid_picture
from convviz.sprites.overlay import heatmap
from convviz.structure.layers import layer as layer_named
from convviz.ui import cache, exports, glossary
from convviz.ui.choice import Choice
from convviz.ui.components import network_diagram
from convviz.ui.course import findings, lesson_network
from convviz.ui.formulas import ledger
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_STRONGEST = 8  # channels of each branch
_TILE = 104  # pixels


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    costs = cache.costs("googlenet")
    modules = {module.name: module for module in inception_modules(costs)}
    with st.container(key="course_point_inception"):
        point = tr(
            "**Why choose a kernel size? An Inception module looks with all of them at "
            "once and lays the results on top of each other.** All branches keep height "
            "and width, so their channels can be joined: the output has as many as the "
            "branches together."
        )
        st.markdown(glossary.mark(point))
    titles = {name: name.removeprefix("inception") for name in modules}
    name = one_of(tr("Module"), titles, Key.INCEPTION_MODULE, "inception4a", hidden=False)
    module = modules[name]
    network_diagram.diagram(
        network_diagram.message(costs),
        selected="",
        open_module=name,
        only_module=True,
        key="course_module",
    )
    _draw_numbers(module)
    _draw_maps(choice, lesson_network.googlenet(choice), module, costs.input_size)
    how_we_know("parameters", "macs", "bottleneck")


def _draw_numbers(module: InceptionModule) -> None:
    rows = [
        (tr("Channels"), module.depth_formula, tr("channels of the branches, joined")),
        (
            tr("Parameters"),
            " + ".join(grouped(branch.cost.parameters) for branch in module.branches)
            + f" = {grouped(module.cost.parameters)}",
            tr("branch by branch"),
        ),
        (
            "MACs",
            " + ".join(grouped(branch.cost.macs) for branch in module.branches)
            + f" = {grouped(module.cost.macs)}",
            module.saving_sentence,
        ),
    ]
    ledger(rows)
    st.caption(
        tr(
            "torchvision's third branch, called “5×5” as in the paper, has a 3×3 kernel where the "
            "paper has 5×5; the lesson on the 1×1 bottleneck shows both."
        )
    )


def _draw_maps(choice: Choice, network: Network, module: InceptionModule, counted: int) -> None:
    layer = layer_named(network, module.name)
    activations = cache.activations(choice.image, network, layer)
    st.header(tr("What the branches make of your image"), anchor=False)
    channels, height, width = activations.maps.shape
    about = lesson_network.about(choice, network)
    st.caption(findings.branches_text(about, (channels, height, width), _STRONGEST))
    if sizes := findings.sizes_text(counted, network.input_size):
        st.caption(sizes)
    by_strength = activations.order("strength").tolist()
    is_empty = activations.empty()
    for title, branch in zip(findings.BRANCHES.values(), layer.branches, strict=True):
        in_branch = range(branch.start, branch.stop)
        strongest = [channel for channel in by_strength if channel in in_branch][:_STRONGEST]
        empty = int(is_empty[branch.start : branch.stop].sum())
        st.markdown(findings.branch_text(tr(title), branch, channels, empty))
        with st.container(horizontal=True, gap="small", key=f"course_maps_{branch.name}"):
            for channel in strongest:
                tile = heatmap(activations.maps[channel], _TILE, "viridis", None, None)
                st.image(
                    tile,
                    width=_TILE,
                    output_format="PNG",
                    caption=tr("channel {channel}", channel=channel),
                    alt=tr("Map of channel {channel}", channel=channel),
                )
    exports.save_button(
        tr("Save all channels as PNG"),
        lambda: grid_picture(
            activations,
            title=f"{choice.image.title}, {network.title}",
            sections=branch_sections(activations, by_strength),
        ),
        exports.file_name(choice, layer.name, ending="png", network=network.name),
        key="course_save_module",
    )
