"""Which channels are dead over a set of pictures, as far as this visit has looked."""

from __future__ import annotations

import streamlit as st

from convviz.datasets.image_set import SampleCrops
from convviz.features.dead import DeadChannels, DeadStep, count_dead
from convviz.features.top_patches import TopPatches, TopPatchesStep
from convviz.jobs.job import JobView
from convviz.networks.network import Network
from convviz.structure.layers import Layer
from convviz.ui.activations import jobs
from convviz.ui.activations.jobs import About
from convviz.ui.jobs import PageJobs


def known(network: Network, layer: Layer) -> DeadChannels | None:
    """Return the layer's dead channels over the largest set looked through; None before any."""
    counts: list[DeadChannels | None] = []
    for about, step in jobs.results().items():
        if (about.network, about.weights) != (network.name, network.weights.source):
            continue
        if isinstance(step, TopPatchesStep) and about.layer == layer.name:
            counts.append(_of_patches(step.stimuli, about.images))
        elif isinstance(step, DeadStep):
            counts.append(_of_layer(step, layer, about.images))
    return max(filter(None, counts), key=lambda dead: dead.seen, default=None)


def counted(network: Network) -> DeadStep | None:
    """Return the count over all layers of a network; None before it was made."""
    return jobs.find(_about(network, SampleCrops()), DeadStep)


def offer(network: Network, page_jobs: PageJobs, view: JobView | None) -> None:
    """Draw the button that starts the count over all layers of a network."""
    pictures = SampleCrops()
    st.button(
        f"Find dead channels of {network.title}",
        icon=":material/search:",
        key=f"activations_start_dead_{network.name}",
        disabled=view is not None and view.live,
        help=f"Looks through {len(pictures)} crops of the sample photographs, once for all layers.",
        on_click=page_jobs.start,
        args=(count_dead,),
        kwargs={
            "title": f"Dead channels of {network.title}",
            "about": _about(network, pictures),
            "network": network,
            "pictures": pictures,
        },
    )


def _about(network: Network, pictures: SampleCrops) -> About:
    """Name what is counted: the dead channels of all layers over the samples' crops."""
    name = pictures.name
    return About("dead", network.name, network.weights.source, settings=(name,), images=name)


def _of_patches(patches: TopPatches, pictures: str) -> DeadChannels | None:
    if not patches.seen:
        return None
    numbers = tuple(patches.dead().nonzero().flatten().tolist())
    return DeadChannels(numbers, patches.seen, pictures)


def _of_layer(step: DeadStep, layer: Layer, pictures: str) -> DeadChannels | None:
    for count in step.layers:
        if count.layer.name == layer.name:
            return DeadChannels(count.numbers, step.seen, pictures)
    return None
