"""The parts of the page Activations: headline, grid, chart, and what can be saved."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from convviz.features.activations import Activations, depth_trend
from convviz.features.dead import DeadChannels
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.sprites.grid import Atlas, Section, branch_sections, grid_picture
from convviz.structure.layers import Layer
from convviz.ui import cache as shared
from convviz.ui import channel_panel, export, state
from convviz.ui import dead as dead_channels
from convviz.ui.channel_grid import Picture, channel_grid
from convviz.ui.inspector import progress
from convviz.ui.inspector.desk import open_desk
from convviz.ui.keys import Key
from convviz.ui.legend import legend
from convviz.ui.looks import Looks, controls
from convviz.ui.shell import Choice

FIRST_VIEW = "This layer"

_NOTHING = {
    "all": "",
    "hide": "Every channel is empty for this image, so none is left to show.",
    "only": "No channel is empty for this image, so there is none to show.",
}


def headline(choice: Choice, shown: Activations, threshold: float) -> None:
    """Say how many channels are empty, in which layer, and what counts as empty."""
    st.subheader(shown.sentence(threshold), anchor=False)
    layer = shown.layer
    channels, height, width = shown.maps.shape
    of = "" if height == width == 1 else f" maps of {height} × {width}"
    size = f"{channels}{of or ' numbers'}"
    dotted = "" if layer.name == layer.title else f" (`{layer.name}`)"
    said = [f"{layer.title}{dotted} of {choice.network.title}, {layer.kind}: {size}."]
    most = threshold * float(shown.maximum.max())
    if threshold > 0:
        said.append(f"Empty: no activation beyond {most:.3g}, which is τ times the strongest.")
    elif layer.gate is None:
        said.append("Empty: every activation is 0.")
    else:
        said.append("Empty: no activation above 0.")
    if layer.gate is not None:
        said.append("The ReLU after this layer is still to come: what it would let through counts.")
    st.caption(" ".join(said))


def depth(choice: Choice, layer: Layer, threshold: float) -> None:
    """Draw how the share of empty channels changes from the first layer to the last."""
    summaries = shared.empty_by_depth(choice.image, choice.network, threshold)
    st.markdown(depth_trend(summaries))
    figure = figures.empty_by_depth(summaries, layer.name)
    st.plotly_chart(
        figure,
        config=theme.CONFIG,
        key="depth_chart",
        on_select=lambda: _open_layer([each.layer.name for each in summaries]),
        selection_mode="points",
    )
    st.caption("Click a bar to open its layer.")
    st.download_button(
        "Save as CSV",
        lambda: export.depth(summaries),
        file_name=export.file_name(choice, "empty-by-depth", ending="csv"),
        mime="text/csv",
        key="save_depth",
        icon=":material/download:",
        on_click="ignore",
    )


def _open_layer(names: Sequence[str]) -> None:
    """Open the layer whose bar was clicked."""
    points = st.session_state["depth_chart"]["selection"]["points"]
    if points:
        st.session_state[Key.LAYER] = names[points[0]["point_index"]]
        state.open_view(FIRST_VIEW)


def explorer(choice: Choice, shown: Activations, threshold: float) -> None:
    """Draw the grid and, beside it, the picked channel; a click draws only these again."""
    scale, looks = controls(threshold)
    dead = _dead(choice, shown)
    place = f"{choice.network_name}/{shown.layer.name}"
    state.remember_channel(int(shown.maximum.argmax()), shown.channels, place)
    atlas = shared.atlas(
        choice.image, choice.network, shown, looks.contrast, threshold, looks.colours, dead
    )
    with scale:
        legend(atlas, looks, shown, dead)
    _explore(choice, shown, looks, atlas, dead)


def _dead(choice: Choice, shown: Activations) -> DeadChannels | None:
    """Return what is known of dead channels; offer to find out, and say what the marks leave out.

    A set that was looked through wakes some of this image's empty channels up, so there are fewer
    dead ones than empty ones; and this image may wake up a channel that slept through the set.
    """
    desk, view = open_desk()
    found = dead_channels.known(choice.network, shown.layer)
    if found is None:
        if len(shown.layer.shape) == 3 and not (view and view.live):
            with st.container(horizontal=True, vertical_alignment="center", key="dead_or_silent"):
                st.caption(
                    "Empty here may be dead, or only silent for this image: other pictures tell."
                )
                dead_channels.offer(choice.network, desk, view)
        progress.draw(desk, view)
        return None
    progress.draw(desk, view)
    woken = len(found.numbers) - len(found.of(shown))
    if woken:
        st.caption(
            f"{woken} of the {len(found.numbers)} channels that are dead over {found.pictures} "
            "answer to this image: another set would not call them dead."
        )
    return found


@state.fragment
def _explore(
    choice: Choice,
    shown: Activations,
    looks: Looks,
    atlas: Atlas,
    dead: DeadChannels | None,
) -> None:
    sections = sections_of(shown, looks)
    listed = [channel for section in sections for channel in section.indices]
    channel = state.channel()
    # shell.css lays these out: side by side, or on a phone the picked channel above the grid.
    with st.container(key="explorer"):
        with st.container(key="explorer_grid"):
            channel_grid(
                picture_of(atlas, shown, looks.threshold, dead),
                sections,
                selected=channel,
                on_pick=state.pick_channel,
                nothing=_NOTHING[looks.show],
            )
            _save_grid(choice, shown, looks, sections, dead)
        with st.container(key="explorer_panel"):
            channel_panel.draw(choice, shown, looks, atlas, channel, listed, dead)


def sections_of(shown: Activations, looks: Looks) -> tuple[Section, ...]:
    """Group the channels that are to be shown by branch, each group in the order chosen."""
    empty = shown.empty(looks.threshold).tolist()
    wanted = {"all": (True, False), "hide": (False,), "only": (True,)}[looks.show]
    order = [channel for channel in shown.order(looks.order).tolist() if empty[channel] in wanted]
    return branch_sections(shown, order, looks.threshold)


def picture_of(
    atlas: Atlas,
    shown: Activations,
    threshold: float,
    dead: DeadChannels | None = None,
) -> Picture:
    """Put together what the browser needs to draw and name every channel."""
    rows = -(-atlas.count // atlas.columns)
    pitch = atlas.tile + atlas.gap
    return Picture(
        png=atlas.png,
        width=atlas.columns * pitch - atlas.gap,
        height=rows * pitch - atlas.gap,
        columns=atlas.columns,
        rows=rows,
        tile=atlas.tile,
        gap=atlas.gap,
        empty=shown.empty(threshold).tolist(),
        maximum=[f"{value:.3g}" for value in shown.maximum.tolist()],
        active=[f"{value:.0%}" for value in shown.active_share.tolist()],
        dead=dead.of(shown) if dead else (),
        dead_over=dead.seen if dead else 0,
    )


def _save_grid(
    choice: Choice,
    shown: Activations,
    looks: Looks,
    sections: Sequence[Section],
    dead: DeadChannels | None,
) -> None:
    def picture() -> bytes:
        return export.png(
            grid_picture(
                shown,
                title=f"{choice.image.title}, {choice.network.title}",
                sections=sections,
                contrast=looks.contrast,
                threshold=looks.threshold,
                colormap=looks.colours,
                dead=dead,
            )
        )

    with st.container(horizontal=True, key="save_grid_buttons"):
        st.download_button(
            "Save the grid as PNG",
            picture,
            file_name=export.file_name(choice, shown.layer.name, ending="png"),
            mime="image/png",
            key="save_grid",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Save the numbers as CSV",
            lambda: export.statistics(shown, looks.threshold, dead),
            file_name=export.file_name(choice, shown.layer.name, ending="csv"),
            mime="text/csv",
            key="save_numbers",
            icon=":material/download:",
            on_click="ignore",
        )


def words() -> None:
    """Explain the page's words."""
    with st.expander("Words"):
        st.markdown(
            "- **Layer**: one step of the network; it turns a stack of maps into another.\n"
            "- **Channel**: one map of that stack. It is made by one filter that looks for the "
            "same pattern everywhere.\n"
            "- **Activation**: one number of a map: how well the pattern fits at this place.\n"
            "- **ReLU**: the step that sets every negative number to 0.\n"
            "- **Batch norm**: a step that shifts and scales each channel, so that the next layer "
            "gets numbers of a familiar size.\n"
            "- **Concatenation**: the maps of several branches, one behind the other.\n"
            "- **Empty channel**: a channel with no activation left after the ReLU, for this "
            "image. Another image may wake it up.\n"
            "- **Dead channel**: a channel that is empty for every picture of a set. How many "
            "pictures that were, N, always stands beside it: a larger set may wake it up."
        )
