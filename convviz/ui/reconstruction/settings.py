"""The settings: from which layers to reconstruct, for how long, and how to optimise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz import limits
from convviz.errors import ConvvizError
from convviz.language import again, later, tr
from convviz.networks import device
from convviz.networks.catalogue import COURSE
from convviz.networks.device import PRECISIONS, Precision
from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.reconstruction import findings
from convviz.reconstruction.config import (
    MOST_STEPS,
    STARTS,
    ReconstructionConfig,
    preset,
)
from convviz.reconstruction.optimizers import OPTIMIZERS
from convviz.reconstruction.progress import Plan, plan
from convviz.reconstruction.step_time import DEEP, seconds_per_step, usual_seconds
from convviz.structure.layers import Layer
from convviz.structure.trunk import comparable, encoder_depth, one_per_stage
from convviz.ui import cache, jobs, state
from convviz.ui.choice import Choice
from convviz.ui.keys import Entry, Key
from convviz.ui.reconstruction.view import DEPTH, ONE
from convviz.ui.sidebar import layer as sidebar_layer
from convviz.weights.load import source_statuses
from convviz.weights.source import AUTO_ORDER

MOST_SECONDS = 270  # for all images of a job together; the runner ends a job after 300
MOST_IMAGES = 10

_SECONDS = (4, 8, 12, 20, 30, 60, 120, 240)
_USUAL_SECONDS = 12, 60  # at least and at most; between them, what the measured step asks for
_LARGEST_SEED = 2**31 - 1
_START_TITLES = {"noise": later("Noise"), "grey": later("Plain grey")}
_PRECISION_TITLES = {"auto": later("Automatic"), "float32": "float32", "bfloat16": "bfloat16"}


def plans(choice: Choice, mode: str) -> tuple[tuple[Plan, ...], DeltaGenerator]:
    """Draw the settings.

    Args:
        choice: The sidebar's choices.
        mode: One of `view.MODES`.

    Returns:
        The runs to be done, and a row of widgets to which the button that starts them is added.
    """
    if choice.layer is None:
        raise RuntimeError("the page was opened without a layer")
    if mode == ONE:
        pairs: tuple[tuple[Network, Layer], ...] = ((choice.network, choice.layer),)
    elif mode == DEPTH:
        pairs = tuple((choice.network, layer) for layer in _layers(choice.network))
    else:
        pairs = _networks(choice.network, choice.layer)
    row = st.container(
        horizontal=True, vertical_alignment="bottom", gap="medium", key="reconstruction_settings"
    )
    below = st.empty()
    configs = _adjusted([preset(network.name, layer.name) for network, layer in pairs], pairs)
    step_seconds = _step_seconds(pairs, configs)
    is_deep = any(_is_deep(*pair) for pair in pairs)
    with row:
        most = seconds(len(pairs), step_seconds if is_deep else None)
    configs = tuple(replace(config, seconds=most) for config in configs)
    if step_seconds is not None and not any(config.steps for config in configs):
        below.caption(
            findings.what_time_buys(
                most,
                step_seconds,
                _choices(len(pairs)),
                len(pairs),
                deep=is_deep,
                most=limits.RUN_SECONDS.value,
            )
        )
    image = choice.image
    runs = (
        plan(network, layer, image.pixels, image.title, config)
        for (network, layer), config in zip(pairs, configs, strict=True)
    )
    return tuple(runs), row


def _layers(network: Network) -> tuple[Layer, ...]:
    """Choose the layers of a depth series, from shallow to deep."""
    layers = cache.layers(network)
    by_name = {layer.name: layer for layer in sidebar_layer.choices(layers)}
    stages = [layer.name for layer in one_per_stage(layers)]
    names = st.multiselect(
        tr("Layers"),
        list(by_name),
        default=stages,
        format_func=lambda name: again(by_name[name].title),
        key=f"reconstruction_layers:{network.name}:{network.weights.source}",
        max_selections=MOST_IMAGES,
        help=tr(
            "At first the last layer of each stage. They are done one after the other, from "
            "shallow to deep."
        ),
    )
    return tuple(by_name[name] for name in sorted(names, key=lambda name: by_name[name].index))


def _networks(network: Network, layer: Layer) -> tuple[tuple[Network, Layer], ...]:
    """Choose the networks to compare; in each, take the layer about as deep as the chosen one.

    Args:
        network: The network in the sidebar.
        layer: Its layer that is chosen there.
    """
    sources = {name: source for name in available() if (source := _best_source(name))}
    sources[network.name] = network.weights.source
    missing = [spec(name).title for name in COURSE if name not in sources]
    names = st.multiselect(
        tr("Networks"),
        list(sources),
        default=[name for name in sources if name in (*COURSE, network.name)],
        format_func=lambda name: spec(name).title,
        key=f"reconstruction_networks:{','.join(sources)}",
        max_selections=MOST_IMAGES,
    )
    depth = encoder_depth(cache.layers(network), layer)
    pairs = []
    for name in names:
        if name == network.name:
            pairs.append((network, layer))
        else:
            other = cache.network(name, sources[name])
            pairs.append((other, comparable(cache.layers(other), depth)))
    st.caption(findings.compared_layers(pairs))
    if missing:
        st.caption(findings.weights_missing(missing))
    return tuple(pairs)


def _best_source(name: str) -> str | None:
    """Return the best trained weights of a network that are on this machine."""
    statuses = {status.source: status for status in source_statuses(name)}
    for source in AUTO_ORDER:
        if source in statuses and (statuses[source].here or source == "own"):
            return source
    return None


def _choices(images: int) -> tuple[int, ...]:
    """Return the times that so many images may take each, so that all of them fit into one job."""
    most = MOST_SECONDS // max(1, images)
    return tuple(seconds for seconds in _SECONDS if seconds <= most)


def _step_seconds(
    pairs: Sequence[tuple[Network, Layer]], configs: Sequence[ReconstructionConfig]
) -> float | None:
    """Return how long a step takes on this machine, of the image whose steps take longest.

    It is measured once for each layer and precision, of each network at the deepest one. None where
    there is no image to make or no step to take, and where other machines do the runs.
    """
    threads = jobs.threads_of_run()
    if threads is None:
        return None
    deepest: dict[str, tuple[Network, Layer, Precision]] = {}
    for (network, layer), config in zip(pairs, configs, strict=True):
        if network.name not in deepest or deepest[network.name][1].index < layer.index:
            deepest[network.name] = network, layer, config.precision
    measured = [_measured_step(*each, threads) for each in deepest.values()]
    return max((each for each in measured if each is not None), default=None)


def _is_deep(network: Network, layer: Layer) -> bool:
    return encoder_depth(cache.layers(network), layer) >= DEEP


def _measured_step(
    network: Network, layer: Layer, precision: Precision, threads: int
) -> float | None:
    """Measure a step once; None where the layer allows none, which a run will say better."""

    def measure() -> float | None:
        try:
            return seconds_per_step(network, layer.name, precision=precision, threads=threads)
        except ConvvizError:
            return None

    return cache.once(measure, "step", network, layer, precision, threads)


def seconds(images: int, step_seconds: float | None = None) -> float:
    """Choose how long each image may take, so that all of them fit into one job.

    Args:
        images: How many images there are.
        step_seconds: How long a step takes where it takes longest; None where that is not known.
    """
    choices = _choices(images)
    least, most = _USUAL_SECONDS
    usual = least
    if step_seconds is not None:
        usual = int(usual_seconds(step_seconds, choices, least=least, most=most))
    key = state.remember(Key.SECONDS, usual, allowed=_SECONDS)
    # The usual time that nobody has changed yet follows the layer; None once somebody has.
    before = st.session_state.get(Entry.USUAL_SECONDS, usual)
    if st.session_state[key] == before:
        state.put(key, usual, in_url=False)
        st.session_state[Entry.USUAL_SECONDS] = usual
    else:
        st.session_state[Entry.USUAL_SECONDS] = None
    if st.session_state[key] > choices[-1]:  # chosen for fewer images
        state.put(key, choices[-1])
    chosen = st.select_slider(
        tr("Seconds") if images == 1 else tr("Seconds for each picture"),
        choices,
        key=key,
        help=tr(
            "More steps come closer. A run can be stopped at any time, and one picture continued."
        ),
        width=320,
    )
    return float(chosen)


def _adjusted(
    configs: Sequence[ReconstructionConfig], pairs: Sequence[tuple[Network, Layer]]
) -> tuple[ReconstructionConfig, ...]:
    """Draw the advanced settings and return the changed settings of each run.

    Args:
        configs: Each run's presets.
        pairs: Each run's network and layer.
    """
    with st.expander(tr("Advanced"), icon=":material/tune:"):
        st.caption(findings.what_settings([network for network, _ in pairs]))
        values = _advanced_widgets()
    changes = {name: value for name, value in values.items() if value is not None}
    return tuple(_changed(config, changes) for config in configs)


def _advanced_widgets() -> dict[str, Any]:
    first, second = st.columns(2, gap="large")
    with first:
        optimizer = st.selectbox(
            tr("Optimiser"),
            list(OPTIMIZERS),
            index=None,
            placeholder=tr("preset"),
            format_func=lambda name: OPTIMIZERS[name].title,
            key=state.remember(Key.OPTIMIZER, None, allowed=OPTIMIZERS, in_url=False),
            help="; ".join(tr(row.help) for row in OPTIMIZERS.values()) + ".",
        )
        learning_rate = _number(
            tr("Learning rate"),
            Key.LEARNING_RATE,
            tr(
                "Length of a step: {rates}.",
                rates=", ".join(tr(row.rate_help, rate=row.rate) for row in OPTIMIZERS.values()),
            ),
            above=1e-6,
            format="%g",
        )
        decay = _number(
            tr("Decay"),
            Key.DECAY,
            tr(
                "p in learning rate · (1 − t)^p, with t going from 0 to 1 over the run: 0 "
                "keeps the rate, 1 lets it fall to zero evenly."
            ),
            most=10.0,
        )
        variation = _number(
            tr("Total variation"),
            Key.TOTAL_VARIATION,
            tr(
                "Weight of a penalty on differences between neighbouring pixels: more makes "
                "smoother images."
            ),
            most=1e6,
            format="%g",
        )
    with second:
        start = st.selectbox(
            tr("Start from"),
            STARTS,
            format_func=lambda name: tr(_START_TITLES[name]),
            key=state.remember(Key.START_FROM, STARTS[0], allowed=STARTS, in_url=False),
        )
        chosen_seed = seed(tr("Chooses the noise: the same seed gives the same start."))
        steps = st.number_input(
            tr("Steps at most"),
            min_value=1,
            max_value=MOST_STEPS,
            value=None,
            placeholder=tr("no limit but the time"),
            key=state.remember(Key.MOST_STEPS, None, in_url=False),
        )
        precision = st.selectbox(
            tr("Precision"),
            PRECISIONS,
            format_func=lambda name: tr(_PRECISION_TITLES[name]),
            key=state.remember(Key.PRECISION, PRECISIONS[0], allowed=PRECISIONS, in_url=False),
            help=tr(
                "bfloat16 has 8 bits of precision instead of 24; processors with "
                "instructions for it take several times as many steps. The last steps are in "
                "float32 either way."
            ),
        )
        if jobs.threads_of_run() is not None:  # else on a machine that this one does not know
            st.caption(tr("Runs on {device}.", device=device.title(device.best_device())))
    return {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "decay": decay,
        "tv": variation,
        "start": start,
        "seed": chosen_seed,
        "steps": steps,
        "precision": precision,
    }


def seed(help: str) -> int:
    """Choose what random numbers begin with.

    Args:
        help: What it chooses.
    """
    number = st.number_input(
        tr("Seed"),
        min_value=0,
        max_value=_LARGEST_SEED,
        key=state.remember(Key.SEED, 0, allowed=range(_LARGEST_SEED + 1), in_url=False),
        help=help,
    )
    return int(number)


def _number(
    label: str,
    key: Key,
    help: str,
    *,
    above: float = 0.0,
    most: float | None = None,
    format: str | None = None,
) -> float | None:
    value: float | None = st.number_input(
        label,
        min_value=above,
        max_value=most,
        value=None,
        format=format,
        placeholder=tr("preset"),
        key=state.remember(key, None, in_url=False),
        help=help,
    )
    return value


def _changed(config: ReconstructionConfig, changes: dict[str, Any]) -> ReconstructionConfig:
    """Change some settings; another optimiser drops the rate and decay preset for the first."""
    if changes.get("optimizer", config.optimizer) != config.optimizer:
        config = replace(config, learning_rate=None, decay=None)
    return replace(config, **changes)
