"""What a network makes of an image."""

from convviz.features.capture import capture, input_for, observe, truncated

__all__ = [
    "capture",
    "input_for",
    "observe",
    "truncated",
]
