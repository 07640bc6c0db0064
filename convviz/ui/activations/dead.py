"""Which channels are dead over a set of pictures, as far as this visit has looked."""

from __future__ import annotations

from typing import cast

import streamlit as st

from convviz.datasets.image_set import SampleCrops
from convviz.features.dead import DeadChannels, DeadStep
from convviz.features.progress import Run, dead_run
from convviz.features.top_patches import TopPatchesStep
from convviz.jobs.job import JobView
from convviz.networks.network import Network
from convviz.structure.layers import Layer
from convviz.ui.activations import jobs
from convviz.ui.jobs import PageJobs


def known(used: Network, layer: Layer) -> DeadChannels | None:
    """Return the layer's dead channels over the largest set looked through; None before any."""
    source = used.weights.source
    found = [_of_stimuli(run) for run in jobs.every("stimuli", used.name, source, layer.name)]
    found += [_of_layer(run, layer) for run in jobs.every("dead", used.name, source)]
    return max((each for each in found if each), key=lambda each: each.seen, default=None)


def subject(used: Network) -> tuple[str, ...]:
    """Name what is counted: the dead channels of all layers over the samples' crops."""
    return ("dead", used.name, used.weights.source, SampleCrops().name)


def counted(used: Network) -> DeadStep | None:
    """Return the count over all layers of a network; None before it was made."""
    run = jobs.find(subject(used))
    return None if run is None else cast(DeadStep, run.step)


def offer(used: Network, desk: PageJobs, view: JobView | None) -> None:
    """Draw the button that starts the count over all layers of a network."""
    pictures = SampleCrops()
    st.button(
        f"Find dead channels of {used.title}",
        icon=":material/search:",
        key=f"start_dead_{used.name}",
        disabled=view is not None and view.live,
        help=f"Looks through {len(pictures)} crops of the sample photographs, once for all layers.",
        on_click=desk.start,
        args=(dead_run,),
        kwargs={
            "title": f"Dead channels of {used.title}",
            "seconds": None,
            "subject": subject(used),
            "network": used,
            "pictures": pictures,
        },
    )


def _of_stimuli(run: Run) -> DeadChannels | None:
    found = cast(TopPatchesStep, run.step).stimuli
    if not found.seen:
        return None
    return DeadChannels(tuple(found.dead().nonzero().flatten().tolist()), found.seen, _name(run))


def _of_layer(run: Run, layer: Layer) -> DeadChannels | None:
    step = cast(DeadStep, run.step)
    for each in step.layers:
        if each.layer.name == layer.name:
            return DeadChannels(each.numbers, step.seen, _name(run))
    return None


def _name(run: Run) -> str:
    return run.pictures.name if run.pictures else ""
