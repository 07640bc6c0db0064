"""The two sides: on each the picked channel, and a grid of all channels that scrolls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.images.preprocess import crop
from convviz.networks.network import Network
from convviz.sprites.grid import Atlas, Section, grid_picture
from convviz.sprites.overlay import overlay
from convviz.structure.layers import Layer
from convviz.ui import activations_view as view
from convviz.ui import channel_panel, export, state
from convviz.ui.channel_grid import channel_grid
from convviz.ui.keys import Entry, Key
from convviz.ui.looks import Looks
from convviz.ui.pictures import ChosenImage

_HEIGHT = 460  # pixels of a grid, which scrolls
_PIXELS = 320
_NOTHING = {"all": "", "hide": "Every channel is empty.", "only": "No channel is empty."}


@dataclass(frozen=True)
class Side:
    """One of the two sides.

    Attributes:
        key: "left" or "right".
        image: What its network looks at.
        network: The network.
        shown: What the layer's channels answer.
        dead: What is known of its dead channels.
        atlas: All its channels as one picture.
    """

    key: str
    image: ChosenImage
    network: Network
    shown: Activations
    dead: DeadChannels | None
    atlas: Atlas

    @property
    def layer(self) -> Layer:
        """The layer that is shown."""
        return self.shown.layer


@state.fragment
def draw(left: Side, right: Side, looks: Looks, same: bool) -> None:
    """Draw both sides; a click draws only these again.

    Args:
        left: The layer and the image of the sidebar.
        right: What it is compared with.
        looks: How both are drawn.
        same: Whether both show the same channels, so that picking one picks the other too.
    """
    first = view.sections_of(left.shown, looks)
    second = _in_step(left, right, looks) if same else view.sections_of(right.shown, looks)
    if same:
        first = second
        st.caption("Both sides show the same channels: pick one, and it is picked on both.")
    link = "compare" if same else ""
    picked = state.channel()
    for column, side, sections in zip(
        st.columns(2, gap="large"), (left, right), (first, second), strict=True
    ):
        with column:
            right_alone = side is right and not same
            channel = _right_channel(right) if right_alone else picked
            _detail(side, looks, channel)
            with st.container(height=_HEIGHT, key=f"compare_{side.key}"):
                channel_grid(
                    view.picture_of(side.atlas, side.shown, looks.threshold, side.dead),
                    sections,
                    selected=channel,
                    on_pick=_pick_right(right) if right_alone else state.pick_channel,
                    nothing=_NOTHING[looks.show],
                    key=f"compare_grid_{side.key}",
                    link=link,
                    label=f"Channels of {side.layer.title}, {side.image.title}",
                )
            _save(side, looks, sections)


def _in_step(left: Side, right: Side, looks: Looks) -> tuple[Section, ...]:
    """List the same channels for both sides, in the order of the left one.

    A channel is hidden where it is empty on both sides; “only empty” lists what is empty on one.
    """
    both = [side.shown.empty(looks.threshold) for side in (left, right)]
    somewhere, everywhere = (both[0] | both[1]).tolist(), (both[0] & both[1]).tolist()
    order = left.shown.order(looks.order).tolist()
    if looks.show == "hide":
        order = [channel for channel in order if not everywhere[channel]]
    elif looks.show == "only":
        order = [channel for channel in order if somewhere[channel]]
    return (Section("", tuple(order)),)


def _detail(side: Side, looks: Looks, channel: int) -> None:
    """Draw the picked channel of a side: its map over the image, its numbers, and the way in."""
    layer, shown = side.layer, side.shown
    title = state.plain(state.shorten(side.image.title, 40))
    st.markdown(f"**{title}**, {layer.title} of {side.network.title}")
    said = shown.sentence(looks.threshold)
    if side.dead is not None:
        said += f" {len(side.dead.numbers) or 'None'} dead over N = {side.dead.seen} pictures."
    st.caption(said)
    with st.container(key=f"compare_detail_{side.key}"):
        weights = side.network.weights
        cut = crop(side.image.image, size=weights.input_size, resize=weights.resize)
        if shown.maps[channel].numel() > 1:
            shared = looks.contrast == "shared"
            scale = (side.atlas.low, side.atlas.high) if shared else (None, None)
            large = cut.resize((_PIXELS, _PIXELS))
            over = overlay(large, shown.maps[channel], 0.75, looks.colours, *scale)
        else:
            over = cut
        said = f"Channel {channel} over {side.image.title}"
        st.image(over, width="stretch", output_format="PNG", alt=said)
        with st.container(gap="small"):
            st.markdown(f"**Channel {channel}**")
            channel_panel.numbers(shown, looks.threshold, channel, weights.classes, side.dead)
            if st.button(
                "Look closer",
                icon=":material/frame_inspect:",
                key=f"compare_closer_{side.key}",
                help="Opens this channel in the view “One channel”.",
                on_click=_look_closer,
                args=(side, channel),
            ):
                st.rerun()


def _look_closer(side: Side, channel: int) -> None:
    """Open a channel in the view of one channel; the sidebar follows to its network and layer."""
    state.ask(
        {
            Key.NETWORK: side.network.name,
            Key.LAYER: side.layer.name,
            Key.CHANNEL: str(channel),
            Key.ACTIVATIONS_VIEW: "One channel",
        }
    )


def _right_channel(right: Side) -> int:
    """Return the picked channel of the right side, at first its strongest."""
    held = st.session_state.get(Entry.COMPARE_RIGHT)
    if isinstance(held, tuple) and held[0] == _place(right) and held[1] < right.shown.channels:
        return int(held[1])
    return int(right.shown.maximum.argmax())


def _pick_right(right: Side) -> Callable[[int], None]:
    def pick(channel: int) -> None:
        st.session_state[Entry.COMPARE_RIGHT] = (_place(right), channel)

    return pick


def _place(side: Side) -> str:
    return f"{side.network.name}/{side.layer.name}"


def _save(side: Side, looks: Looks, sections: Sequence[Section]) -> None:
    def picture() -> bytes:
        shared = looks.contrast == "shared"
        return export.png(
            grid_picture(
                side.shown,
                title=f"{side.image.title}, {side.network.title}",
                sections=sections,
                contrast=looks.contrast,
                threshold=looks.threshold,
                colormap=looks.colours,
                dead=side.dead,
                ends=(side.atlas.low, side.atlas.high) if shared else None,
            )
        )

    st.download_button(
        "Save as PNG",
        picture,
        file_name=f"{side.network.name}-{side.layer.name}-{side.key}.png",
        mime="image/png",
        key=f"save_compare_{side.key}",
        icon=":material/download:",
        on_click="ignore",
    )
