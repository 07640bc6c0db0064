"""Live: the grid, the picked channel and the classes for what the browser's camera shows."""

from __future__ import annotations

import streamlit as st

from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.effective_field import map_box
from convviz.language import tr
from convviz.ui import camera, state, visitor
from convviz.ui.activations.display import DisplayOptions
from convviz.ui.activations.grid import remember_channel
from convviz.ui.camera import Through
from convviz.ui.choice import Choice
from convviz.ui.components.camera import LiveView
from convviz.ui.components.camera import camera as draw_camera
from convviz.ui.components.channel_map import shares
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Entry
from convviz.ui.sidebar import image

_SWITCH = "activations_live"
_BLEND = 0.75


def switch() -> bool:
    """Draw the switch, and tell whether it is on."""
    return st.toggle(
        tr("Live"),
        key=_SWITCH,
        help=tr(
            "Shows what this layer answers to your camera. Frames go to this server, pass "
            "through the network and are gone: nothing of them is stored. Browsers allow the "
            "camera only on this machine (localhost) or over https."
        ),
    )


def end() -> None:
    """End what this page has live."""
    secret = st.session_state.pop(Entry.LIVE_CAMERA, "")
    if secret:
        camera.end(str(secret))


def headline(choice: Choice, activations: Activations) -> None:
    """Say which layer the camera is seen by; what each frame excites stands over its maps."""
    st.header(tr("Live: what this layer answers to your camera"), anchor=False)
    below = tr(
        "What is said below is of the newest frame; the questions at the "
        "end of the page are about the image in the sidebar."
    )
    st.caption(f"{findings.which_layer(activations, choice.network.title)} {below}")


def draw(choice: Choice, activations: Activations, options: DisplayOptions) -> None:
    """Draw the camera in the place of the grid."""
    network, layer = choice.network, activations.layer
    remember_channel(choice, activations)
    through = Through(network, layer.name, options.contrast, options.threshold)
    secret = camera.live(st.session_state.get(Entry.LIVE_CAMERA, ""), visitor.owner(), through)
    st.session_state[Entry.LIVE_CAMERA] = secret
    channel, size = state.channel(), network.weights.input_size
    view = LiveView(
        path=camera.path(),
        secret=secret,
        network=network.name,
        layer=layer.name,
        channel=channel,
        side=network.weights.resize,
        margin=(network.weights.resize - size) / (2 * size),
        box=shares(map_box(network, layer.name, channel), network.input_size),
        blend=_BLEND,
        label=tr("The camera's frame with the picked map over it"),
        grid_label=tr("Channels: the arrow keys pick one"),
    )
    draw_camera(
        view,
        key="activations_camera",
        colours=options.colours,
        on_pick=state.pick_channel,
        on_freeze=_keep,
    )
    st.caption(
        tr(
            "What moves is your camera, not the image in the sidebar; Freeze makes the frame "
            "that image. All channels are shown, in the order of their numbers."
        )
    )
    how_we_know("empty channels", "map on the image")


def _keep(data: bytes) -> None:
    """Make a frame the current image, as if it had been uploaded."""
    image.bring("camera.jpg", data, "camera")
    st.session_state[_SWITCH] = False
