"""Which channels are dead over a set of images, as far as this visit has looked."""

from __future__ import annotations

import streamlit as st

from convviz.datasets.image_set import ImageSet, origins, seen_text
from convviz.datasets.stimuli import CropsAndPatterns
from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.dead import DeadChannels, DeadStep, count_dead
from convviz.features.top_patches import TopPatchesStep
from convviz.jobs.job import JobView
from convviz.language import tr
from convviz.networks.network import Network
from convviz.plain_text import plain
from convviz.structure.layers import Layer
from convviz.ui.activations import jobs
from convviz.ui.activations.jobs import About
from convviz.ui.jobs import PageJobs


def known(network: Network, layer: Layer) -> DeadChannels | None:
    """Return the layer's dead channels over the largest set looked through; None before any."""
    counts = []
    for about, step in jobs.results().items():
        if not about.is_about(network):
            continue
        if isinstance(step, TopPatchesStep) and about.layer == layer.name and step.stimuli.seen:
            numbers = tuple(step.stimuli.dead().nonzero().flatten().tolist())
            top = step.stimuli
            counts.append(DeadChannels(numbers, top.seen, about.images, top.seen_images))
        elif isinstance(step, DeadStep):
            counts += [
                DeadChannels(count.numbers, step.seen, about.images, step.seen_images)
                for count in step.layers
                if count.layer.name == layer.name
            ]
    return max(counts, key=lambda dead: dead.seen, default=None)


def sentence(network: Network, activations: Activations, channel: int) -> str:
    """Say whether the channel is dead, as far as this visit has looked."""
    return findings.dead_channel(activations, channel, known(network, activations.layer))


def count_of(network: Network) -> DeadStep | None:
    """Return the count over all layers of a network; None before it was made."""
    return jobs.find(_about(network, CropsAndPatterns()), DeadStep)


def count_button(network: Network, page_jobs: PageJobs, job: JobView | None) -> None:
    """Draw the button that starts the count over all layers of a network."""
    images = CropsAndPatterns()
    st.button(
        tr("Find dead channels of {network}", network=plain(network.title)),
        icon=":material/search:",
        key=f"activations_start_dead_{network.name}",
        disabled=page_jobs.is_busy(job),
        help=count_help(images),
        on_click=page_jobs.start,
        args=(count_dead,),
        kwargs={
            "title": tr("Dead channels of {network}", network=network.title),
            "about": _about(network, images),
            "images": (),
            "network": network,
            "pictures": images,
        },
    )


def count_help(images: ImageSet) -> str:
    """Say what the count over all layers looks through."""
    seen = seen_text(images, len(images), len(set(origins(images))))
    return tr("Looks through {images}, once for all layers of the network.", images=seen)


def _about(network: Network, images: ImageSet) -> About:
    return About.of("dead", network, None, images.name, images=images.name)
