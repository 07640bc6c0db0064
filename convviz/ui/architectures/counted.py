"""Costs, counted once and shared by all visitors."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from convviz.networks.paper_designs import DESIGNS, describe, published_form_of
from convviz.networks.registry import available
from convviz.networks.registry import spec as network_spec
from convviz.structure import costs
from convviz.structure.costs import Costs

_FIRST = ("alexnet", "vgg16", "googlenet")


# A network's costs take a few hundred kilobytes, most of it receptive fields.
@st.cache_resource(max_entries=160, show_spinner=False)
def of(name: str, input_size: int | None = None) -> Costs:
    """Count a network, or a published design, by its name.

    Raises:
        NetworkError: There is none of that name.
        SettingError: It cannot take a picture of that size.
    """
    design = next((one for one in DESIGNS if one.name == name), None)
    spec = describe(design) if design else network_spec(name)
    return costs.count(spec, input_size)


def names() -> tuple[str, ...]:
    """Name every network, the three of the course first."""
    known = available()
    first = tuple(name for name in _FIRST if name in known)
    return first + tuple(name for name in known if name not in first)


@dataclass(frozen=True)
class Form:
    """One form of a network: torchvision's, or the one its paper describes.

    Attributes:
        key: "torchvision" or "paper".
        name: What `of` counts it by.
        title: For people.
        input_size: Its usual picture, in pixels.
    """

    key: str
    name: str
    title: str
    input_size: int


def forms(name: str) -> tuple[Form, ...]:
    """Return the forms in which a network can be looked at, the built one first."""
    spec = network_spec(name)
    built = Form("torchvision", name, "As built by torchvision", spec.input_size)
    if not spec.torchvision_weights:
        return (Form("torchvision", name, "As built", spec.input_size),)
    design = published_form_of(name)
    # VGG is built as published: there is no second form to show.
    if design is None or not design.differences:
        return (built,)
    return built, Form("paper", design.name, "As published", design.input_size)
