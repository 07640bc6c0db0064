"""A kernel that slides over an image: where it stops, and what it leaves over."""

from __future__ import annotations

from convviz.lessons.sliding import Sliding
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component


def sliding_kernel(sliding: Sliding, *, name: str, key: str) -> None:
    """Draw a square image with a kernel that slides over it, and the output that it fills.

    Args:
        sliding: The kernel; the same on both axes.
        name: What the saved image is called, without its ending.
        key: The widget's key.
    """
    _component(
        key=key,
        data={
            "length": sliding.length,
            "kernel": sliding.kernel,
            "span": sliding.span,
            "stride": sliding.stride,
            "padding": sliding.padding,
            "dilation": sliding.dilation,
            "output": sliding.output,
            "dropped": sliding.dropped,
            # Where no tap ever falls, from the padding's edge on: the first pixel, and how many.
            "unseen": [[first + sliding.padding, count] for first, count in sliding.unseen_bands],
            "name": name,
            "texts": texts.told(Component.SLIDING_KERNEL),
        },
    )


_component = declare(Component.SLIDING_KERNEL, "buttons")
