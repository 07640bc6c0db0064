"""A design as a network like every other: its name, and its entry beside the registry's list.

The name is made of the design's own and of its text's checksum, so that two designs of one name
are two networks, and the same design is the same network wherever it is opened.
"""

from __future__ import annotations

import hashlib
import re
from functools import partial

from convviz.networks import registry
from convviz.networks.design import Design
from convviz.networks.design_module import DesignNetwork, build, place_blocks
from convviz.networks.network import NetworkSpec

PREFIX = "design-"
"""The beginning of a design's name as a network."""


def design_spec(design: Design) -> NetworkSpec:
    """Describe a design as a network, so that `registry.spec` finds it by its name.

    Raises:
        DesignError: A block does not fit what comes to it.
    """
    placed = place_blocks(design)
    _, height, width = design.input.shape
    slug = re.sub(r"[^a-z0-9]+", "-", design.name.lower()).strip("-")
    checksum = hashlib.sha256(design.text.encode()).hexdigest()[:8]
    spec = NetworkSpec(
        name="-".join(filter(None, (PREFIX.rstrip("-"), slug, checksum))),
        title=design.name or "Design",
        build=partial(_build, design),
        input_size=max(height, width),
        resize="none",
        auxiliary=placed.module.auxiliary,
    )
    return registry.add_unlisted(spec)


def design_of(spec: NetworkSpec) -> Design | None:
    """Return the design that a network is built from; None for a network that is none."""
    build_design = spec.build
    if isinstance(build_design, partial) and build_design.func is _build:
        design: Design = build_design.args[0]
        return design
    return None


def _build(design: Design) -> DesignNetwork:
    return build(design, None)
