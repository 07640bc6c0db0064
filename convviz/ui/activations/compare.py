"""The view “Compare”: two images, layers, networks or checkpoints side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels
from convviz.features.effective_field import map_box
from convviz.language import again, later, tr
from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.sprites.grid import Atlas, Section
from convviz.sprites.overlay import overlay
from convviz.structure.layers import Layer
from convviz.structure.trunk import comparable, encoder_depth, in_branch
from convviz.ui import cache, state
from convviz.ui.activations import checkpoints, grid, second_image
from convviz.ui.activations import dead as dead_channels
from convviz.ui.activations.display import (
    STRETCHED,
    DisplayOptions,
    atlas_of,
    legend_html,
    legends_html,
)
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.channel_grid import channel_grid
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Entry, Key
from convviz.ui.sidebar import layer as sidebar_layer

_IMAGES, _LAYERS, _NETWORKS, _CHECKPOINTS = _SUBJECTS = (
    later("Two images"),
    later("Two layers"),
    later("Two networks"),
    later("Two checkpoints"),
)
_HEIGHT = 460  # pixels of a grid, which scrolls
_PIXELS = 320  # of the enlarged map
_NOTHING = {
    "hide": later("Every channel is empty."),
    "only": later("No channel is empty."),
}
CHANNEL_WISE = ("ReLU", "max pooling", "average pooling", "batch norm", "dropout")


@dataclass(frozen=True)
class Side:
    """One of the two sides.

    Attributes:
        key: "left" or "right".
        image: What its network looks at.
        network: The network.
        activations: What the layer's channels answer.
        dead: What is known of its dead channels.
        atlas: All its channels as one image.
        weights: Title of the network's weights, where they tell the sides apart.
    """

    key: str
    image: ChosenImage
    network: Network
    activations: Activations
    dead: DeadChannels | None
    atlas: Atlas
    weights: str = ""

    @classmethod
    def of(
        cls,
        key: str,
        image: ChosenImage,
        network: Network,
        activations: Activations,
        options: DisplayOptions,
        ends: tuple[float, float] | None = None,
    ) -> Side:
        """Add what is known of dead channels, and the image of all channels.

        Args:
            key: As above.
            image: As above.
            network: As above.
            activations: As above.
            options: How the channels are drawn.
            ends: Ends of the colour scale; None for the layer's own.
        """
        dead = dead_channels.known(network, activations.layer)
        atlas = atlas_of(image, network, activations, options, ends)
        return cls(key, image, network, activations, dead, atlas)

    @property
    def layer(self) -> Layer:
        """The layer that is shown."""
        return self.activations.layer

    def on_scale(self, ends: tuple[float, float], options: DisplayOptions) -> Side:
        """Return the same side, drawn on a scale with these ends."""
        return Side.of(self.key, self.image, self.network, self.activations, options, ends)


def draw(choice: Choice, activations: Activations, options: DisplayOptions) -> None:
    """Draw both sides with the same display options."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_compare_controls"
    ):
        subject = str(
            st.segmented_control(
                tr("Compare"),
                _SUBJECTS,
                format_func=tr,
                required=True,
                key=state.remember(Key.ACTIVATIONS_COMPARE, _IMAGES, allowed=_SUBJECTS),
                wrap=True,
            )
        )
        image, network, layer = _choose_right(choice, activations.layer, subject)
    if subject == _CHECKPOINTS and (network is None or layer is None):
        st.info(
            tr(
                "There is nothing to compare with: train this network, open another file of "
                "its weights in the sidebar, or choose a layer that both have."
            )
        )
    elif network is None or layer is None:
        st.info(
            tr("The weights of that network are not here: choose it in the sidebar to fetch them.")
        )
    elif image is None:
        st.info(tr("Bring a second picture to compare it with this one."))
    else:
        other = cache.activations(image, network, layer)
        left = Side.of("left", choice.image, choice.network, activations, options)
        right = Side.of("right", image, network, other, options)
        if options.contrast == "shared" and subject in (_IMAGES, _CHECKPOINTS):
            ends = min(left.atlas.low, right.atlas.low), max(left.atlas.high, right.atlas.high)
            left, right = (side.on_scale(ends, options) for side in (left, right))
        if subject == _CHECKPOINTS:
            left, right = (
                replace(side, weights=side.network.weights.title) for side in (left, right)
            )
        legends = (
            legend_html(side.atlas, options, side.activations, side.dead) for side in (left, right)
        )
        st.html(legends_html(*legends))
        grid.remember_channel(choice, activations)
        same_channels = (
            subject == _IMAGES
            or (subject == _CHECKPOINTS and activations.channels == other.channels)
            or (
                subject == _LAYERS
                and have_same_channels(cache.layers(network), activations.layer, layer)
            )
        )
        _draw_sides(left, right, options, same_channels)
        if subject == _CHECKPOINTS:
            checkpoints.draw(choice.image, (choice.network, network), (activations, other))
    how_we_know(
        "empty channels",
        "maximum and rank",
        "map on the image",
        "dead channels",
        "channel changes",
    )


def have_same_channels(layers: Sequence[Layer], one: Layer, other: Layer) -> bool:
    """Tell whether two layers have the same channels: nothing between them mixes channels.

    Args:
        layers: The network's layers, in order.
        one: A layer.
        other: Another layer; which one comes first does not matter.
    """
    first, last = sorted((one, other), key=lambda layer: layer.index)
    if first.shape[0] != last.shape[0] or in_branch(layers, last):
        return False
    between = [layer for layer in layers if first.index < layer.index <= last.index]
    return all(layer.kind in CHANNEL_WISE for layer in between)


def neighbour(steps: sidebar_layer.Steps, name: str) -> str:
    """Return the layer or module that comes next, or the one before where none does."""
    following = steps.target(name, 1)
    return following if following != name else steps.target(name, -1)


def _choose_right(
    choice: Choice, layer: Layer, subject: str
) -> tuple[ChosenImage | None, Network | None, Layer | None]:
    """Draw the choice of what stands on the right; None for what is not here."""
    network = choice.network
    if subject == _IMAGES:
        return second_image.choose(choice.image, tr("With"), 260), network, layer
    if subject == _LAYERS:
        by_name = {layer.name: layer for layer in sidebar_layer.choices(cache.layers(network))}
        names = [name for name in by_name if name != layer.name]
        usual = neighbour(sidebar_layer.steps(network, cache.layers(network)), layer.name)
        key = state.remember(Key.COMPARE_LAYER, usual, allowed=names, in_url=False)
        titles = sidebar_layer.titles(tuple(by_name.values()))
        name = st.selectbox(tr("With"), names, format_func=titles.__getitem__, key=key, width=320)
        return choice.image, network, by_name[name]
    if subject == _CHECKPOINTS:
        other = checkpoints.choose(network)
        listed = () if other is None else cache.layers(other)
        same = next((each for each in listed if each.name == layer.name), None)
        return choice.image, other, same
    names = [name for name in available() if name != network.name]
    usual = next(name for name in ("googlenet", "alexnet") if name != network.name)
    key = state.remember(Key.COMPARE_NETWORK, usual, allowed=names, in_url=False)
    name = st.selectbox(
        tr("With"), names, format_func=lambda name: again(spec(name).title), key=key, width=220
    )
    other = load(name)
    if other is None:
        return choice.image, None, None
    depth = encoder_depth(cache.layers(network), layer)
    return choice.image, other, comparable(cache.layers(other), depth)


def load(name: str) -> Network | None:
    """Load a network from the best weights that are here; None if there are none."""
    try:
        return cache.network(name, "auto")
    except ConvvizError:
        return None


@state.fragment
def _draw_sides(left: Side, right: Side, options: DisplayOptions, same_channels: bool) -> None:
    """Draw both sides; a click draws only these again.

    Args:
        left: The layer and the image of the sidebar.
        right: What it is compared with.
        options: How both are drawn.
        same_channels: Whether both have the same channels, so that picking one picks the other.
    """
    if same_channels:
        left_sections = right_sections = _same_sections(left, right, options)
        st.caption(tr("Both sides show the same channels: pick one, and it is picked on both."))
    else:
        left_sections = grid.sections_of(left.activations, options)
        right_sections = grid.sections_of(right.activations, options)
    channel = state.channel()
    on_pick: Callable[[int], None] = state.pick_channel
    with st.container(key="activations_compare_sides"):
        left_column, right_column = st.columns(2, gap="large")
    with left_column:
        _draw_side(left, left_sections, options, channel, on_pick, same_channels)
    if not same_channels:
        channel, on_pick = _right_channel(right), _pick_right(right)
    with right_column:
        _draw_side(right, right_sections, options, channel, on_pick, same_channels)


def _same_sections(left: Side, right: Side, options: DisplayOptions) -> tuple[Section, ...]:
    """List the same channels for both sides, in the order of the left one.

    A channel is hidden where it is empty on both sides; “only empty” lists what is empty on one.
    """
    one, other = (side.activations.empty(options.threshold) for side in (left, right))
    channels = left.activations.order(options.order).tolist()
    if options.show == "hide":
        on_both = (one & other).tolist()
        channels = [channel for channel in channels if not on_both[channel]]
    elif options.show == "only":
        on_one = (one | other).tolist()
        channels = [channel for channel in channels if on_one[channel]]
    return (Section("", tuple(channels)),)


def _draw_side(
    side: Side,
    sections: Sequence[Section],
    options: DisplayOptions,
    channel: int,
    on_pick: Callable[[int], None],
    is_linked: bool,
) -> None:
    """Draw a side: its picked channel, its grid, and the button that saves the grid."""
    _draw_channel(side, options, channel)
    with st.container(height=_HEIGHT, key=f"activations_compare_{side.key}"):
        channel_grid(
            grid.picture_of(side.atlas, side.activations, options.threshold, side.dead),
            sections,
            selected=channel,
            on_pick=on_pick,
            nothing=tr(_NOTHING[options.show]) if options.show in _NOTHING else "",
            key=f"activations_compare_grid_{side.key}",
            link="compare" if is_linked else "",
            label=tr(
                "Channels of {layer}, {image}", layer=side.layer.title, image=side.image.title
            ),
        )
    is_shared = options.contrast == "shared"
    grid.save_grid(
        tr("Save as PNG"),
        f"{side.network.name}-{side.layer.name}-{side.key}.png",
        key=f"activations_save_compare_{side.key}",
        title=tr("{image}, {network}", image=side.image.title, network=side.network.title),
        activations=side.activations,
        sections=sections,
        options=options,
        dead=side.dead,
        ends=(side.atlas.low, side.atlas.high) if is_shared else None,
    )


def _draw_channel(side: Side, options: DisplayOptions, channel: int) -> None:
    """Draw the picked channel of a side: its map over the image, its numbers, and the way in."""
    activations = side.activations
    title = state.plain(state.shorten(side.image.title, 40))
    weights = f", {state.plain(side.weights)}" if side.weights else ""
    shown = tr(
        "**{image}**, {layer} of {network}",
        image=title,
        layer=state.plain(side.layer.title),
        network=state.plain(side.network.title),
    )
    st.markdown(f"{shown}{weights}")
    st.caption(findings.dead_beside(activations, options.threshold, side.dead))
    with st.container(key=f"activations_compare_detail_{side.key}"):
        values = activations.maps[channel]
        box = map_box(side.network, side.layer.name, channel)
        if values.numel() > 1:
            is_shared = options.contrast == "shared"
            scale = (side.atlas.low, side.atlas.high) if is_shared else (None, None)
            crop = side.image.crop(side.network, enlarged=_PIXELS)
            size = side.network.input_size
            image = overlay(crop, values, 0.75, options.colours, *scale, box=box, side=size)
        else:
            image = side.image.crop(side.network)
        alt = tr("Channel {channel} over {image}", channel=channel, image=side.image.title)
        st.image(image, width="stretch", output_format="PNG", alt=alt)
        with st.container(gap="small"):
            if values.numel() > 1 and box is None:
                st.caption(tr(STRETCHED))
            st.markdown(tr("**Channel {channel}**", channel=channel))
            classes = side.network.weights.classes
            grid.numbers(activations, options.threshold, channel, classes, side.dead)
            if st.button(
                tr("Look closer"),
                icon=":material/frame_inspect:",
                key=f"activations_compare_closer_{side.key}",
                help=tr("Opens this channel in the view “One channel”."),
                on_click=_look_closer,
                args=(side, channel),
            ):
                st.rerun()


def _look_closer(side: Side, channel: int) -> None:
    """Open a channel in the view of one channel; the sidebar follows to its network and layer."""
    asked: dict[str, str] = {
        Key.NETWORK: side.network.name,
        Key.LAYER: side.layer.name,
        Key.CHANNEL: str(channel),
        Key.ACTIVATIONS_VIEW: "One channel",
    }
    if side.weights:
        asked[Key.WEIGHTS] = checkpoints.source_of(side.network)
    state.ask(asked)


def _right_channel(right: Side) -> int:
    """Return the picked channel of the right side, at first its strongest."""
    pick = st.session_state.get(Entry.COMPARE_RIGHT)
    if isinstance(pick, tuple):
        context, channel = pick
        if context == _context(right) and channel < right.activations.channels:
            return int(channel)
    return right.activations.most_salient


def _pick_right(right: Side) -> Callable[[int], None]:
    def pick(channel: int) -> None:
        st.session_state[Entry.COMPARE_RIGHT] = (_context(right), channel)

    return pick


def _context(side: Side) -> str:
    """Name what a channel's number belongs to."""
    return f"{side.network.name}/{side.layer.name}"
