"""One channel, enlarged over the image, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st
from PIL import Image

from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.sprites.grid import Atlas
from convviz.sprites.overlay import heatmap, overlay
from convviz.ui import exports, state
from convviz.ui.activations.display import DisplayOptions
from convviz.ui.choice import Choice
from convviz.ui.keys import Key

_PIXELS = 448  # of the enlarged map: sharp on a projector, and a multiple of common map sizes


def draw(
    choice: Choice,
    shown: Activations,
    looks: DisplayOptions,
    atlas: Atlas,
    channel: int,
    listed: Sequence[int],
    dead: DeadChannels | None = None,
) -> None:
    """Draw the panel of the picked channel.

    Args:
        choice: The image and the network.
        shown: The layer's activations.
        looks: How the grid is drawn; the panel uses the same colours and scale.
        atlas: The grid's picture, for its scale.
        channel: The picked channel.
        listed: The channels that the grid shows, in its order: what previous and next step through.
        dead: What is known of the layer's dead channels.
    """
    values = shown.maps[channel]
    has_map = values.numel() > 1
    with st.container(key="activations_channel_main"):
        _heading(channel, listed)
        with st.container(key="activations_channel_look"):
            picture = st.container(key="activations_channel_image") if has_map else None
            numbers(shown, looks.threshold, channel, choice.network.weights.classes, dead)
    with st.container(key="activations_channel_details"):
        _look_closer()
        if picture is None:
            st.caption("Each channel of this layer is a single number: there is no map to enlarge.")
            return
        blend = st.slider(
            "Map over image",
            0,
            100,
            step=5,
            format="%d %%",
            key=state.remember(Key.BLEND, 75, allowed=range(101), in_url=False),
            help="How much the map covers the image. Each value of the map is drawn over the part "
            "of the image at the same place; the layer has looked at a larger part to compute it.",
        )
        scale = (atlas.low, atlas.high) if atlas.contrast == "shared" else (None, None)
        over = overlay(choice.crop(enlarged=_PIXELS), values, blend / 100, looks.colours, *scale)
        alone = heatmap(values, _PIXELS, looks.colours, *scale)
        with picture:
            said = f"Channel {channel} over the image"
            st.image(over, width="stretch", output_format="PNG", alt=said)
        height, width = values.shape
        st.caption(f"The map alone, {height} × {width} values:")
        with st.container(key="activations_channel_map"):
            said = f"Map of channel {channel}"
            st.image(alone, width="stretch", output_format="PNG", alt=said)
        _save(choice, shown, channel, over, alone)


def _heading(channel: int, listed: Sequence[int]) -> None:
    place = listed.index(channel) if channel in listed else -1
    with st.container(
        horizontal=True, vertical_alignment="center", key="activations_channel_heading"
    ):
        st.subheader(f"Channel {channel}", anchor=False, width="stretch")
        st.button(
            "Previous",
            icon=":material/arrow_back:",
            key="activations_channel_previous",
            disabled=place <= 0,
            on_click=_step,
            args=(listed, place - 1),
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            key="activations_channel_next",
            disabled=place == len(listed) - 1,
            on_click=_step,
            args=(listed, place + 1),
        )


def _look_closer() -> None:
    """Offer the view of one channel; the page must run anew, not this fragment alone."""
    pressed = st.button(
        "Look closer",
        icon=":material/frame_inspect:",
        key="activations_look_closer",
        type="primary",
        width="stretch",
        on_click=state.open_view,
        args=("One channel",),
        help="Its values, what each can see, what stimulates it, its arithmetic, and what "
        "happens when it is switched off.",
    )
    if pressed:
        st.rerun()


def _step(listed: Sequence[int], place: int) -> None:
    state.pick_channel(listed[place])


def numbers(
    shown: Activations,
    threshold: float,
    channel: int,
    classes: Sequence[str],
    dead: DeadChannels | None = None,
) -> None:
    """Draw a channel's numbers: maximum, mean, share of active positions, rank, class, branch."""
    rank = shown.order("strength").tolist().index(channel) + 1
    branch = [each.title for each in shown.layer.branches if each.start <= channel < each.stop]
    values = shown.maps[channel]
    if values.numel() == 1:
        rows = [("Value", f"{float(values):.3g}")]
    else:
        rows = [
            ("Maximum", f"{float(shown.maximum[channel]):.3g}"),
            ("Mean", f"{float(shown.mean[channel]):.3g}"),
            ("Active share", f"{float(shown.active_share[channel]):.0%}"),
        ]
    rows.append(("Rank", f"{rank} of {shown.channels}"))
    if len(classes) == shown.channels and not shown.layer.in_encoder:
        rows.append(("Class", escape(classes[channel].split(",")[0])))
    if branch:
        rows.append(("Branch", branch[0]))
    cells = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    if bool(shown.empty(threshold)[channel]):
        cells += '<dd class="whole">Empty for this image</dd>'
    if dead is not None and channel in dead.numbers:
        cells += f'<dd class="whole">Dead over N = {dead.seen} pictures</dd>'
    st.html(f'<dl class="convviz-numbers">{cells}</dl>')


def _save(
    choice: Choice, shown: Activations, channel: int, over: Image.Image, alone: Image.Image
) -> None:
    name = (shown.layer.name, f"channel{channel}")
    with st.container(horizontal=True, key="activations_save_channel_buttons"):
        for title, picture, kind in (("Save over image", over, "over"), ("Save map", alone, "map")):
            exports.save_button(
                title,
                picture,
                exports.file_name(choice, *name, kind, ending="png"),
                key=f"activations_save_channel_{kind}",
            )
