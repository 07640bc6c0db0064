"""Architectures: what networks cost, layer by layer, in lessons, and against their papers."""

from __future__ import annotations

from collections.abc import Callable

from convviz.ui.architectures import (
    by_layer,
    compare,
    lesson_auxiliary,
    lesson_bottleneck,
    lesson_inception,
    lesson_pooling,
    lesson_sliding,
    lesson_stacking,
    papers,
    views,
)
from convviz.ui.choice import Choice

_LESSONS: dict[str, Callable[[Choice], None]] = {
    "size": lesson_sliding.draw,
    "stack": lesson_stacking.draw,
    "bottleneck": lesson_bottleneck.draw,
    "inception": lesson_inception.draw,
    "gap": lesson_pooling.draw,
    "auxiliary": lesson_auxiliary.draw,
}


def draw(choice: Choice) -> None:
    """Draw the chosen view of the page."""
    view = views.choose_view()
    if view == "compare":
        compare.draw()
    elif view == "layers":
        by_layer.draw(choice)
    elif view == "lessons":
        _LESSONS[views.choose_lesson()](choice)
    else:
        papers.draw()
