"""The view “Compare”: two images, layers or networks side by side, with linked controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.sprites.grid import Atlas, Section, grid_picture
from convviz.sprites.overlay import overlay
from convviz.structure import layers as structure_layers
from convviz.structure.layers import Layer
from convviz.ui import cache, exports, state
from convviz.ui.activations import channel as channel_panel
from convviz.ui.activations import compare_table, second_image
from convviz.ui.activations import dead as dead_channels
from convviz.ui.activations import grid as view
from convviz.ui.activations.display import DisplayOptions, controls, legend
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.channel_grid import channel_grid
from convviz.ui.keys import Entry, Key
from convviz.ui.sidebar import layer as sidebar_layer

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
def draw_sides(left: Side, right: Side, looks: DisplayOptions, same: bool) -> None:
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
            with st.container(height=_HEIGHT, key=f"activations_compare_{side.key}"):
                channel_grid(
                    view.picture_of(side.atlas, side.shown, looks.threshold, side.dead),
                    sections,
                    selected=channel,
                    on_pick=_pick_right(right) if right_alone else state.pick_channel,
                    nothing=_NOTHING[looks.show],
                    key=f"activations_compare_grid_{side.key}",
                    link=link,
                    label=f"Channels of {side.layer.title}, {side.image.title}",
                )
            _save(side, looks, sections)


def _in_step(left: Side, right: Side, looks: DisplayOptions) -> tuple[Section, ...]:
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


def _detail(side: Side, looks: DisplayOptions, channel: int) -> None:
    """Draw the picked channel of a side: its map over the image, its numbers, and the way in."""
    layer, shown = side.layer, side.shown
    title = state.plain(state.shorten(side.image.title, 40))
    st.markdown(f"**{title}**, {layer.title} of {side.network.title}")
    said = shown.sentence(looks.threshold)
    if side.dead is not None:
        said += f" {len(side.dead.numbers) or 'None'} dead over N = {side.dead.seen} pictures."
    st.caption(said)
    with st.container(key=f"activations_compare_detail_{side.key}"):
        weights = side.network.weights
        if shown.maps[channel].numel() > 1:
            shared = looks.contrast == "shared"
            scale = (side.atlas.low, side.atlas.high) if shared else (None, None)
            large = side.image.crop(side.network, enlarged=_PIXELS)
            over = overlay(large, shown.maps[channel], 0.75, looks.colours, *scale)
        else:
            over = side.image.crop(side.network)
        said = f"Channel {channel} over {side.image.title}"
        st.image(over, width="stretch", output_format="PNG", alt=said)
        with st.container(gap="small"):
            st.markdown(f"**Channel {channel}**")
            channel_panel.numbers(shown, looks.threshold, channel, weights.classes, side.dead)
            if st.button(
                "Look closer",
                icon=":material/frame_inspect:",
                key=f"activations_compare_closer_{side.key}",
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


def _save(side: Side, looks: DisplayOptions, sections: Sequence[Section]) -> None:
    def picture() -> bytes:
        shared = looks.contrast == "shared"
        return exports.png(
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

    exports.save_button(
        "Save as PNG",
        picture,
        f"{side.network.name}-{side.layer.name}-{side.key}.png",
        key=f"activations_save_compare_{side.key}",
    )


TITLE = "Compare"


_WHAT = ("Two images", "Two layers", "Two networks")


_HANDED_ON = ("ReLU", "max pooling", "average pooling", "batch norm", "dropout")


def draw(choice: Choice, shown: Activations, threshold: float) -> None:
    """Draw both sides with the same controls, and the table."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_compare_controls"
    ):
        what = str(
            st.segmented_control(
                "Compare",
                _WHAT,
                required=True,
                key=state.remember(Key.ACTIVATIONS_COMPARE, _WHAT[0], allowed=_WHAT),
            )
        )
        image, network, layer = _other(choice, shown.layer, what)
    if network is None or layer is None:
        st.info("The weights of that network are not here: choose it in the sidebar to fetch them.")
    elif image is None:
        st.info("Bring a second picture to compare it with this one.")
    else:
        scale, looks = controls(threshold)
        other = cache.activations(image, network, layer)
        left = _side("left", choice.image, choice.network, shown, looks)
        right = _side("right", image, network, other, looks)
        if looks.contrast == "shared" and what == _WHAT[0]:
            left, right = _on_one_scale(left, right, looks)
        with scale:
            legend(left.atlas, looks, shown, left.dead)
        place = f"{choice.network_name}/{shown.layer.name}"
        state.remember_channel(int(shown.maximum.argmax()), shown.channels, place)
        same = what == _WHAT[0] or (
            what == _WHAT[1] and handed_on(cache.layers(network), shown.layer, layer)
        )
        draw_sides(left, right, looks, same)
    st.subheader("Empty and dead channels by layer and network", anchor=False)
    compare_table.draw(choice, threshold, load)


def handed_on(layers: Sequence[Layer], one: Layer, other: Layer) -> bool:
    """Tell whether two layers have the same channels: nothing between them mixes channels.

    Args:
        layers: The network's layers, in order.
        one: A layer.
        other: Another layer; which one comes first does not matter.
    """
    first, last = sorted((one, other), key=lambda each: each.index)
    if first.shape[0] != last.shape[0] or structure_layers.in_branch(layers, last):
        return False
    between = [each for each in layers if first.index < each.index <= last.index]
    return all(each.kind in _HANDED_ON for each in between)


def load(name: str) -> Network | None:
    """Load a network from the best weights that are here; None if there are none."""
    try:
        return cache.network(name, "auto")
    except ConvvizError:
        return None


def _other(
    choice: Choice, layer: Layer, what: str
) -> tuple[ChosenImage | None, Network | None, Layer | None]:
    """Draw the choice of what stands on the right."""
    used = choice.network
    if what == _WHAT[0]:
        return second_image.choose(choice.image, "With", 260), used, layer
    if what == _WHAT[1]:
        listed = {each.name: each for each in sidebar_layer.choices(cache.layers(used))}
        names = [name for name in listed if name != layer.name]
        key = state.remember(Key.COMPARE_LAYER, names[-1], allowed=names, in_url=False)
        name = st.selectbox(
            "With",
            names,
            format_func=sidebar_layer.titles(tuple(listed.values())).__getitem__,
            key=key,
            width=320,
        )
        return choice.image, used, listed[name]
    names = [name for name in available() if name != used.name]
    usual = next(name for name in ("googlenet", "alexnet") if name != used.name)
    key = state.remember(Key.COMPARE_NETWORK, usual, allowed=names, in_url=False)
    name = st.selectbox(
        "With", names, format_func=lambda name: spec(name).title, key=key, width=220
    )
    found = load(name)
    if found is None:
        return choice.image, None, None
    mine = [each for each in cache.layers(used) if each.in_encoder]
    depth = mine.index(layer) / max(len(mine) - 1, 1) if layer in mine else 1.0
    return choice.image, found, structure_layers.comparable(cache.layers(found), depth)


def _side(
    key: str, image: ChosenImage, network: Network, shown: Activations, looks: DisplayOptions
) -> Side:
    dead = dead_channels.known(network, shown.layer)
    atlas = cache.atlas(image, network, shown, looks.contrast, looks.threshold, looks.colours, dead)
    return Side(key, image, network, shown, dead, atlas)


def _on_one_scale(left: Side, right: Side, looks: DisplayOptions) -> tuple[Side, Side]:
    """Draw the same layer's maps for two images on one scale."""
    ends = min(left.atlas.low, right.atlas.low), max(left.atlas.high, right.atlas.high)
    looked = looks.contrast, looks.threshold, looks.colours
    one, two = (
        replace(
            side,
            atlas=cache.atlas(side.image, side.network, side.shown, *looked, side.dead, ends),
        )
        for side in (left, right)
    )
    return one, two
