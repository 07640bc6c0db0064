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
)
from convviz.ui.choice import Choice
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_VIEWS = {
    "compare": "Compare",
    "layers": "Layer by layer",
    "lessons": "Lessons",
    "papers": "Papers",
}
_LESSONS: dict[str, tuple[str, Callable[[Choice], None]]] = {
    "size": ("Output size", lesson_sliding.draw),
    "stack": ("Stacking 3×3", lesson_stacking.draw),
    "bottleneck": ("1×1 bottleneck", lesson_bottleneck.draw),
    "inception": ("Inception", lesson_inception.draw),
    "gap": ("Global average pooling", lesson_pooling.draw),
    "auxiliary": ("Auxiliary classifiers", lesson_auxiliary.draw),
}


def draw(choice: Choice) -> None:
    """Draw the chosen view of the page."""
    view = one_of("View", _VIEWS, Key.ARCHITECTURES_VIEW, "compare", formerly=Key.ACTIVATIONS_VIEW)
    if view == "compare":
        compare.draw()
    elif view == "layers":
        by_layer.draw(choice)
    elif view == "lessons":
        _draw_lesson(choice)
    else:
        papers.draw()


def _draw_lesson(choice: Choice) -> None:
    titles = {key: title for key, (title, _) in _LESSONS.items()}
    lesson = one_of("Lesson", titles, Key.LESSON, "size", pills=True)
    _, draw_lesson = _LESSONS[lesson]
    draw_lesson(choice)
