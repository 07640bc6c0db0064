"""Marks the glossary's words in the sentences that are sent, each where a view shows it first.

A view is what can be looked at together: the page, its sidebar, and each part that opens by itself.
Texts that mark their words themselves count as well; what a part of the page draws anew, it
marks anew.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Markdown_pb2 import Markdown

from convviz.language import speaking
from convviz.ui import glossary
from convviz.ui.glossary import Term

Path = tuple[int, ...]

_SENTENCES = (Markdown.UNSPECIFIED, Markdown.NATIVE, Markdown.CAPTION)
_OPENED = ("expandable", "popover", "dialog", "tab")
# Keys of boxes whose texts do not depend on what stands above: a step to another layer is drawn in
# this one before the server answers, with the same marks.
ALONE = ("activations_headline",)
# The list of words itself explains them already.
UNMARKED = "glossary_words"


class SentWords:
    """What one browser shows marked, so that each view marks a word once."""

    def __init__(self) -> None:
        self._views: set[Path] = set()
        self._unmarked: set[Path] = set()
        self._shown: dict[Path, dict[Term, Path]] = {}
        self._at: dict[Path, str] = {}  # which fragment has drawn the marked text there

    def mark(self, frame: ForwardMsg, language: str) -> bool:
        """Mark the words of a frame that draws a text; tell whether it has changed.

        Args:
            frame: Anything that is sent.
            language: The language of its texts.
        """
        if frame.HasField("new_session"):
            self._begin(frame.metadata.run.fragment_ids)
        path = tuple(frame.metadata.delta_path)
        if frame.delta.HasField("add_block"):
            self._note_block(path, frame.delta.add_block)
        if not frame.delta.HasField("new_element"):
            return False
        if path in self._at:
            self._let_go(path)
        element = frame.delta.new_element
        text: Markdown | Alert
        if element.HasField("markdown") and element.markdown.element_type in _SENTENCES:
            text = element.markdown
        elif element.HasField("alert"):
            text = element.alert
        else:
            return False
        marked = self._marked(path, frame.delta.fragment_id, text.body, language)
        if marked == text.body:
            return False
        text.body = marked
        frame.hash += "m"  # browsers tell what they have by it
        return True

    def _begin(self, fragments: Collection[str]) -> None:
        """Begin a run of the page, or of some of its fragments, which draw their texts anew."""
        if not fragments:
            self._views.clear()
            self._unmarked.clear()
            self._shown.clear()
            self._at.clear()
            return
        for path in [path for path, drawn_by in self._at.items() if drawn_by in fragments]:
            self._let_go(path)

    def _note_block(self, path: Path, block: Block) -> None:
        inside = [each for each in self._at if each[: len(path)] == path]
        for each in inside:
            self._let_go(each)
        self._views = {each for each in self._views if each[: len(path)] != path}
        self._unmarked = {each for each in self._unmarked if each[: len(path)] != path}
        if UNMARKED in block.id:
            self._unmarked.add(path)
        if (
            path in self._unmarked
            or block.WhichOneof("type") in _OPENED
            or any(name in block.id for name in ALONE)
        ):
            self._views.add(path)

    def _marked(self, path: Path, fragment: str, text: str, language: str) -> str:
        view = self._view_of(path)
        if view in self._unmarked:
            return text
        shown = self._shown.setdefault(view, {})
        marked, terms = _mark(text, frozenset(shown), language)
        for term in terms:
            shown.setdefault(term, path)
            self._at[path] = fragment
        return marked

    def _view_of(self, path: Path) -> Path:
        """Find the innermost view that holds a place; the root of the page or its sidebar."""
        for length in range(len(path) - 1, 1, -1):
            if path[:length] in self._views:
                return path[:length]
        return path[:1]

    def _let_go(self, path: Path) -> None:
        """Forget what is marked at a place: something else is drawn there."""
        del self._at[path]
        for shown in self._shown.values():
            for term in [term for term, at in shown.items() if at == path]:
                del shown[term]


@lru_cache(maxsize=2048)  # the same texts are sent again with every click
def _mark(text: str, shown: frozenset[Term], language: str) -> tuple[str, tuple[Term, ...]]:
    with speaking(language):
        return glossary.mark_but(text, shown)
