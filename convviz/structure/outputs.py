"""Which output of which module is looked at, by its name.

A layer is named as its module is, ``layer1.0.relu``. A module that is called several times in one
pass counts by its last call; ``layer1.0.relu:1`` is what it returned the first time. Of a module
that returns tokens, ``encoder.ln:class`` is the class token, which belongs to no place of the
image; of an attention, ``….self_attention:heads`` is where each head looks: how much it takes from
each place of the image for the class token (the mean over all places, where there is none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from convviz.networks.clone import per_module
from convviz.structure.layout import Layout, layouts_in
from convviz.structure.trace import aliases, trace_for

CLASS_PART = "class"
HEADS_PART = "heads"

_ARGUMENTS = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")


@dataclass(frozen=True)
class OutputName:
    """The name of an output, taken apart.

    Attributes:
        module: Dotted name of the module.
        use: Which of its calls, from 1; None for the last.
        part: What of it: "" for maps or a vector, "class" for the class token, "heads" for where
            the heads of an attention look.
    """

    module: str
    use: int | None = None
    part: str = ""

    @classmethod
    def of(cls, name: str) -> OutputName:
        """Take a name apart; what is no use and no part counts as the module's name."""
        module, _, suffix = name.rpartition(":")
        if module and suffix in {CLASS_PART, HEADS_PART}:
            return cls(module, part=suffix)
        if module and suffix.isdecimal() and int(suffix) > 0:
            return cls(module, int(suffix))
        return cls(name)


@per_module(key=lambda batch: tuple(batch.shape[1:]))
def layouts(module: nn.Module, batch: Tensor) -> Mapping[str, tuple[Layout | None, ...]]:
    """Find how the outputs of every module are turned into maps, one layout for each call.

    Args:
        module: The network; it is not changed, and its structure must not change later.
        batch: An input, shape (N, C, H, W). Its numbers are not used, unless the network reads
            them.

    Returns:
        By all names of the modules that are called. None stands for what is neither maps nor a
        vector.
    """
    trace, names = trace_for(module, batch), aliases(module)
    by_position = layouts_in(trace)
    found: dict[str, tuple[Layout | None, ...]] = {}
    for call in trace.calls:
        for name in names[call.name]:
            found[name] = (*found.get(name, ()), by_position[call.position])
    return found


def has_heads(module: nn.Module, layout: Layout | None) -> bool:
    """Whether a module is an attention whose heads look at the places of an image."""
    return (
        isinstance(module, nn.MultiheadAttention)
        and layout is not None
        and layout.words == "tokens"
    )


def heads_maps(
    attention: nn.Module, layout: Layout, args: Any, kwargs: Mapping[str, Any]
) -> Tensor:
    """Compute where the heads of an attention look, (N, heads, H, W), as shares of all tokens.

    Args:
        attention: The module.
        layout: Of its output.
        args: What it was called with.
        kwargs: The same by name.
    """
    called_with = dict(zip(_ARGUMENTS, args, strict=False)) | dict(kwargs)
    wanted = called_with | {"need_weights": True, "average_attn_weights": False}
    # forward() itself, so that no hook is called a second time.
    weights: Tensor = attention.forward(**wanted)[1]
    asking: Tensor = weights[:, :, 0] if layout.before else weights.mean(2)
    _, height, width = layout.shape
    places = asking[:, :, layout.before : layout.before + height * width]
    if layout.by_columns:
        return places.reshape(*places.shape[:2], width, height).mT
    return places.reshape(*places.shape[:2], height, width)
