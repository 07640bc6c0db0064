"""The view “Where it looks”: a method's map, and the channels that carry it."""

from __future__ import annotations

from typing import cast

import streamlit as st

from convviz.errors import NetworkError
from convviz.features import findings as feature_findings
from convviz.features import grad_cam
from convviz.features.ablation import ablate_each
from convviz.features.activations import judged
from convviz.features.class_evidence import ClassActivationMap, class_activation_map
from convviz.features.class_target import ClassTarget
from convviz.features.grad_cam import ClassMap
from convviz.features.saliency import SaliencyMethod, randomised, saliency, similarity
from convviz.formatting import digits_of
from convviz.language import again, tr
from convviz.sprites.overlay import heatmap
from convviz.structure.layers import Layer
from convviz.structure.layers import layer as find_layer
from convviz.structure.trunk import stepping_stones
from convviz.ui import cache, exports, predictions, state
from convviz.ui.choice import Choice
from convviz.ui.evidence import findings, maps
from convviz.ui.evidence.jobs import Runs
from convviz.ui.evidence.maps import EvidenceMap
from convviz.ui.evidence.target import ABOUT, AT_A_LAYER, METHODS
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key

_CHANNELS = 10
_DRAWS = 8  # of random decoders at most, of which the first is shown that has a map
_TILE = 152  # side of a channel's map, in pixels
_SCRUB = "evidence_scrub"
_TESTED = (*AT_A_LAYER, "gradient", "guided")  # methods that take a pass or two


def draw(choice: Choice, target: ClassTarget, method: str, runs: Runs) -> None:
    """Draw the map, the test with a randomised decoder, and the channels."""
    if method in AT_A_LAYER:
        _scrub(choice)
    shown = maps.find(choice, target, method, runs)
    runs.draw()
    if shown is None:
        st.caption(tr(ABOUT[method]))
        _how_we_know()
        return
    if shown.class_map is not None and not shown.class_map.is_reached:
        maps.draw_not_reached(choice, shown.class_map)
        _how_we_know()
        return
    _maps(choice, target, method, shown)
    if shown.saliency is not None and shown.saliency.method == "integrated":
        st.caption(feature_findings.completeness(shown.saliency))
    if method in _TESTED:
        _randomise(choice, target, method, shown)
    if shown.class_map is not None:
        averaged = _averaged(choice, target, shown.class_map.layer)
        if averaged is not None and method == "gradcam":
            st.caption(findings.cam(averaged, shown.class_map))
        bias = None if averaged is None else averaged.bias
        _channels(choice, target, shown.class_map, bias)
    _how_we_know()


def _how_we_know() -> None:
    how_we_know("class map", "class_score", "pixel saliency", "randomised decoder", "channel share")


def _scrub(choice: Choice) -> None:
    """Draw a slider through the layers; the sidebar's choice follows it."""
    if choice.layer is None:
        return
    network = choice.network
    offered = grad_cam.layers_with_grids(grad_cam.as_decoder_sees(network))
    stones = {each.name for each in stepping_stones(network.module, offered)}
    names = [each.name for each in offered if each.name in stones | {choice.layer.name}]
    if len(names) < 2 or choice.layer.name not in names:
        return
    titles = {each.name: again(each.title) for each in offered}
    st.session_state[_SCRUB] = choice.layer.name
    st.select_slider(
        tr("From the image to the classes"),
        names,
        format_func=titles.__getitem__,
        key=_SCRUB,
        on_change=_go,
        help=tr("Drag through the layers and watch the evidence move from edges to objects."),
    )
    number = names.index(choice.layer.name) + 1
    if number <= len(names) / 2:
        st.caption(findings.early(titles[choice.layer.name], number, len(names), titles[names[-1]]))


def _go() -> None:
    st.session_state[Key.LAYER] = st.session_state[_SCRUB]


def _maps(choice: Choice, target: ClassTarget, method: str, shown: EvidenceMap) -> None:
    blend = st.slider(
        tr("Map over image"),
        0,
        100,
        step=5,
        format="%d %%",
        key=state.remember(Key.BLEND, 75, allowed=range(101), in_url=False),
        help=tr("How much the map covers the image."),
        width=320,
    )
    height, width = shown.values.shape
    with st.container(key="evidence_maps"):
        with st.container(key="evidence_over_column", gap="small"):
            maps.draw_over(choice.image, choice.network, shown, blend / 100, "evidence_over")
            maps.scale(shown)
            st.caption(findings.over(tr(ABOUT[method]), shown.box))
        with st.container(key="evidence_alone_column", gap="small"):
            maps.draw_alone(shown, "evidence_alone")
            seen = predictions.seen_at(choice.network, shown.side)
            st.caption(f"{findings.alone(height, width)} {seen}")
            maps.save_buttons(choice, target, method, shown, blend / 100)


def _randomise(choice: Choice, target: ClassTarget, method: str, shown: EvidenceMap) -> None:
    """Draw the same method's map for the network with a decoder of random numbers."""
    is_on = st.toggle(
        tr("Randomise the decoder"),
        key="evidence_randomised",
        help=tr(
            "Draws the weights behind the encoder anew. A picture that stays the same does "
            "not show why the trained network decides (Adebayo et al. 2018)."
        ),
    )
    if not is_on:
        return
    network = choice.network
    key = (method, shown.name, choice.image, network, target.index, target.against)

    def drawn(seed: int) -> EvidenceMap:
        other = randomised(network, seed)
        if shown.class_map is not None:
            found = grad_cam.grad_cam(
                other,
                choice.image.pixels,
                shown.class_map.layer.name,
                target,
                shown.class_map.method,
            )
            return EvidenceMap(found.map, shown.box, shown.side, shown.name)
        made = saliency(other, choice.image.pixels, target, cast("SaliencyMethod", method))
        return EvidenceMap(made.map, None, shown.side, shown.name)

    def make() -> tuple[EvidenceMap, int]:
        tried: list[EvidenceMap] = []
        for seed in range(_DRAWS):  # with some numbers everything speaks against the class
            tried.append(drawn(seed))
            if similarity(shown.values, tried[-1].values) is not None:
                return tried[-1], seed
        return tried[0], 0

    try:
        other, before = cache.once(make, "randomised", *key)
    except NetworkError as error:  # it has no decoder of its own, or puts out no finite numbers
        st.info(str(error), icon=":material/block:")
        return
    with st.container(key="evidence_randomised_column", width=420, gap="small"):
        maps.draw_over(choice.image, network, other, 0.75, "evidence_randomised_over")
        maps.scale(other)
    alike = similarity(shown.values, other.values)
    st.markdown(findings.randomised(alike, tr(METHODS[method])))
    if before:
        st.caption(findings.drawn_anew(before))


def _averaged(choice: Choice, target: ClassTarget, layer: Layer) -> ClassActivationMap | None:
    """Return the class activation map if it applies to a layer's maps."""
    found = cache.once(
        lambda: class_activation_map(choice.network, choice.image.pixels, target),
        *("class activation map", choice.image, choice.network, target.index, target.against),
    )
    return found if found is not None and found.layer.name == layer.name else None


def _channels(choice: Choice, target: ClassTarget, class_map: ClassMap, bias: float | None) -> None:
    """Draw the channels that add most to the score, and what switching each off does."""
    layer, listed = class_map.layer, class_map.strongest(_CHANNELS)
    st.header(tr("Which channels"), anchor=False)
    st.caption(findings.channels(class_map, len(listed), bias))
    if layer.pre_relu not in (None, layer.name):
        behind = find_layer(choice.network, judged(layer))
        st.caption(findings.switched_off(layer, behind))
    measured = _measured(choice, target, layer, listed)
    largest = max(float(class_map.of_channel(channel).max()) for channel in listed)
    if largest <= 0:
        st.caption(tr("At no place does any of these channels speak for the class: all are dark."))
    else:
        maps.scale_to(largest)
        st.caption(findings.one_scale(len(listed)))
    shares = {channel: float(class_map.contributions[channel]) for channel in listed}
    digits = digits_of(*shares.values(), *measured.values())
    with st.container(key="evidence_channels"):
        for channel in listed:
            with st.container(key=f"evidence_channel_{channel}", gap="small"):
                st.image(
                    heatmap(class_map.of_channel(channel), _TILE, maps.COLOURS, 0.0, largest),
                    width="stretch",
                    output_format="PNG",
                    alt=tr("Channel {channel}, by place", channel=channel),
                )
                text = findings.channel(channel, shares[channel], measured[channel], digits)
                st.caption(text)
                if st.button(
                    tr("Look closer"),
                    icon=":material/frame_inspect:",
                    key=f"evidence_look_closer_{channel}",
                ):
                    _look_closer(layer, channel)
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.table(
            ["channel", "estimated_share", "measured_fall"],
            [[each, shares[each], measured[each]] for each in listed],
        ),
        exports.file_name(choice, layer.name, "channels", ending="csv"),
        key="evidence_save_channels",
    )


def _measured(
    choice: Choice, target: ClassTarget, layer: Layer, channels: tuple[int, ...]
) -> dict[int, float]:
    """Measure by how much the score falls when each channel is switched off by itself."""

    def make() -> dict[int, float]:
        network = choice.network
        before, after = ablate_each(network, choice.image.pixels, layer.name, channels)
        falls = target.score(before[None]) - target.score(after)
        return dict(zip(channels, falls.tolist(), strict=True))

    key = (choice.image, choice.network, layer.name, target.index, target.against)
    return cache.once(make, "channels off", *key)


def _look_closer(layer: Layer, channel: int) -> None:
    """Open a channel on Activations."""
    state.ask(
        {
            Key.LAYER: layer.name,
            Key.CHANNEL: str(channel),
            Key.ACTIVATIONS_VIEW: "One channel",
        }
    )
    st.switch_page("pages/1_Activations.py")
