"""The laboratory of the sliding kernel: where it stops, and what it leaves over."""

from __future__ import annotations

from convviz.lessons.sliding import Sliding
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component


def sliding_kernel(slid: Sliding, *, name: str, key: str = "sliding") -> None:
    """Draw a square picture with a kernel that slides over it, and the output that it fills.

    Args:
        slid: The kernel; the same on both axes.
        name: What the saved picture is called, without its ending.
        key: The widget's key.
    """
    _sliding(
        key=key,
        data={
            "length": slid.length,
            "kernel": slid.kernel,
            "span": slid.span,
            "stride": slid.stride,
            "padding": slid.padding,
            "dilation": slid.dilation,
            "output": slid.output,
            "dropped": slid.dropped,
            "name": name,
        },
    )


_sliding = declare(Component.SLIDING_KERNEL)
