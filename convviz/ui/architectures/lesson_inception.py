"""Lesson: an Inception module, with its real numbers and on the visitor's image."""

from __future__ import annotations

import streamlit as st

from convviz.features.activations import Activations
from convviz.formatting import percent
from convviz.lessons.inception import InceptionModule, inception_modules
from convviz.networks.network import Network
from convviz.sprites.grid import branch_sections, grid_picture
from convviz.sprites.overlay import heatmap
from convviz.structure.layers import layer as layer_named
from convviz.ui import cache, exports
from convviz.ui.architectures import lesson_network
from convviz.ui.choice import Choice
from convviz.ui.components import network_diagram
from convviz.ui.components.network_diagram import diagram
from convviz.ui.formulas import ledger
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_SHOWN, _TILE = 8, 104  # channels of each branch, and pixels of each


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    used = lesson_network.googlenet(choice)
    found = cache.costs("googlenet")
    modules = {module.name: module for module in inception_modules(found)}
    with st.container(key="architectures_point_inception"):
        st.markdown(
            "**Why choose a kernel size? An Inception module looks with all of them at once and "
            "lays the results on top of each other.** All branches keep height and width, so their "
            "channels can be joined: the output is as deep as the branches together."
        )
    titles = {name: name.removeprefix("inception") for name in modules}
    name = one_of("Module", titles, Key.INCEPTION_MODULE, "inception4a", hidden=False)
    module = modules[name]
    diagram(
        network_diagram.message(found),
        selected="",
        open_module=name,
        only_module=True,
        key="module_diagram",
    )
    _numbers(module)
    _on_image(choice, used, module)


def _numbers(module: InceptionModule) -> None:
    rows = [
        ("Depth", module.depth_formula, "channels of the branches, joined"),
        (
            "Parameters",
            " + ".join(f"{branch.cost.parameters:,}" for branch in module.branches)
            + f" = {module.cost.parameters:,}",
            "branch by branch",
        ),
        (
            "MACs",
            " + ".join(f"{branch.cost.macs:,}" for branch in module.branches)
            + f" = {module.cost.macs:,}",
            module.saving_sentence,
        ),
    ]
    ledger(rows)
    st.caption(
        "torchvision's third branch has a 3×3 kernel where the paper has 5×5; the lesson on "
        "the 1×1 bottleneck shows both."
    )


def _on_image(choice: Choice, used: Network, module: InceptionModule) -> None:
    layer = layer_named(used, module.name)
    shown = cache.activations(choice.image, used, layer)
    st.subheader("What the branches make of your image", anchor=False)
    channels, height, width = shown.maps.shape
    st.caption(
        f"{lesson_network.about(choice, used)} Each branch answers with maps of {height} × "
        f"{width}; here "
        f"are the strongest {_SHOWN} of each, and the joined output has all {channels}."
    )
    strongest = shown.order("strength").tolist()
    empty = shown.empty()
    for branch in layer.branches:
        here = [channel for channel in strongest if branch.start <= channel < branch.stop]
        silent = int(empty[branch.start : branch.stop].sum())
        count = branch.stop - branch.start
        st.markdown(
            f"**{branch.title}**: channels {branch.start} to {branch.stop - 1} of the output, "
            f"{percent(count / channels, 1)} of its depth, {silent} of {count} empty"
        )
        with st.container(horizontal=True, gap="small", key=f"maps_{branch.name}"):
            for channel in here[:_SHOWN]:
                picture = heatmap(shown.maps[channel], _TILE, "viridis", None, None)
                st.image(picture, width=_TILE, output_format="PNG", caption=f"channel {channel}")
    _save(choice, used, shown)


def _save(choice: Choice, used: Network, shown: Activations) -> None:
    def picture() -> bytes:
        order = shown.order("strength").tolist()
        return exports.png(
            grid_picture(
                shown,
                title=f"{choice.image.title}, {used.title}",
                sections=branch_sections(shown, order),
            )
        )

    exports.save_button(
        "Save all channels as PNG",
        picture,
        exports.file_name(choice, shown.layer.name, ending="png"),
        key="save_module",
    )
