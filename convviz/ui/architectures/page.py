"""Lessons: one small laboratory for each idea."""

from __future__ import annotations

from collections.abc import Callable

from convviz.ui.architectures import (
    lesson_auxiliary,
    lesson_bottleneck,
    lesson_inception,
    lesson_pooling,
    lesson_sliding,
    lesson_stacking,
)
from convviz.ui.choice import Choice
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_LESSONS: dict[str, tuple[str, Callable[[Choice], None]]] = {
    "size": ("Output size", lesson_sliding.draw),
    "stack": ("Stacking 3×3", lesson_stacking.draw),
    "bottleneck": ("1×1 bottleneck", lesson_bottleneck.draw),
    "inception": ("Inception", lesson_inception.draw),
    "gap": ("Global average pooling", lesson_pooling.draw),
    "auxiliary": ("Auxiliary classifiers", lesson_auxiliary.draw),
}


def draw(choice: Choice) -> None:
    """Draw the chosen lesson."""
    titles = {key: title for key, (title, _) in _LESSONS.items()}
    lesson = one_of("Lesson", titles, Key.LESSON, "size", pills=True)
    _LESSONS[lesson][1](choice)
