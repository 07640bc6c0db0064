"""What is said of networks that a user registers; the sentences alone."""

from __future__ import annotations

from convviz.language import tr
from convviz.networks.network import NetworkSpec


def replaces_built_in(spec: NetworkSpec) -> str:
    """Say that a user's network has taken the place of a built-in one.

    Args:
        spec: The user's network.
    """
    return tr(
        "{name} is {title} from your own file; it takes the place of torchvision's "
        "network of this name.",
        name=spec.name,
        title=spec.title,
    )
