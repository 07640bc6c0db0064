"""convviz.ui.activations.grid."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.sprites.grid import Atlas, Section, branch_sections, grid_picture
from convviz.ui import cache as shared
from convviz.ui import exports, state
from convviz.ui.activations import channel as channel_panel
from convviz.ui.activations import dead as dead_channels
from convviz.ui.activations import jobs
from convviz.ui.activations.display import DisplayOptions, controls, legend
from convviz.ui.activations.page import _NOTHING
from convviz.ui.choice import Choice
from convviz.ui.components.channel_grid import Picture, channel_grid


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
    page_jobs, view = jobs.open_jobs()
    found = dead_channels.known(choice.network, shown.layer)
    if found is None:
        if len(shown.layer.shape) == 3 and not (view and view.live):
            with st.container(
                horizontal=True, vertical_alignment="center", key="activations_dead_or_silent"
            ):
                st.caption(
                    "Empty here may be dead, or only silent for this image: other pictures tell."
                )
                dead_channels.offer(choice.network, page_jobs, view)
        jobs.draw(page_jobs, view)
        return None
    jobs.draw(page_jobs, view)
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
    looks: DisplayOptions,
    atlas: Atlas,
    dead: DeadChannels | None,
) -> None:
    sections = sections_of(shown, looks)
    listed = [channel for section in sections for channel in section.indices]
    channel = state.channel()
    # style.css lays these out: side by side, or on a phone the picked channel above the grid.
    with st.container(key="activations_explorer"):
        with st.container(key="activations_explorer_grid"):
            channel_grid(
                picture_of(atlas, shown, looks.threshold, dead),
                sections,
                selected=channel,
                on_pick=state.pick_channel,
                nothing=_NOTHING[looks.show],
            )
            _save_grid(choice, shown, looks, sections, dead)
        with st.container(key="activations_explorer_panel"):
            channel_panel.draw(choice, shown, looks, atlas, channel, listed, dead)


def sections_of(shown: Activations, looks: DisplayOptions) -> tuple[Section, ...]:
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
    return Picture(
        tiles=atlas,
        empty=shown.empty(threshold).tolist(),
        maximum=[f"{value:.3g}" for value in shown.maximum.tolist()],
        active=[f"{value:.0%}" for value in shown.active_share.tolist()],
        dead=dead.of(shown) if dead else (),
        dead_over=dead.seen if dead else 0,
    )


def _save_grid(
    choice: Choice,
    shown: Activations,
    looks: DisplayOptions,
    sections: Sequence[Section],
    dead: DeadChannels | None,
) -> None:
    def picture() -> bytes:
        return exports.png(
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

    with st.container(horizontal=True, key="activations_save_grid_buttons"):
        exports.save_button(
            "Save the grid as PNG",
            picture,
            exports.file_name(choice, shown.layer.name, ending="png"),
            key="activations_save_grid",
        )
        exports.save_button(
            "Save the numbers as CSV",
            lambda: exports.statistics(shown, looks.threshold, dead),
            exports.file_name(choice, shown.layer.name, ending="csv"),
            key="activations_save_numbers",
        )
