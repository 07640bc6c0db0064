"""The glossary's words in what is sent: each is marked once where it is looked at together."""

from collections.abc import Sequence

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Markdown_pb2 import Markdown

from convviz.language import speaking, tr
from convviz.ui import sent_frames, sent_words
from convviz.ui.activations import ahead
from convviz.ui.glossary import TERMS
from convviz.ui.sent_words import SentWords


def begun(*fragments: str) -> ForwardMsg:
    frame = ForwardMsg()
    frame.new_session.name = "app"
    frame.metadata.run.fragment_ids.extend(fragments)
    return frame


def text(body: str, path: Sequence[int], fragment: str = "", *, caption: bool = True) -> ForwardMsg:
    frame = ForwardMsg(hash="h")
    frame.metadata.delta_path.extend(path)
    frame.delta.fragment_id = fragment
    frame.delta.new_element.markdown.body = body
    kind = Markdown.CAPTION if caption else Markdown.NATIVE
    frame.delta.new_element.markdown.element_type = kind
    return frame


def block(kind: str, path: Sequence[int], key: str = "") -> ForwardMsg:
    frame = ForwardMsg()
    frame.metadata.delta_path.extend(path)
    getattr(frame.delta.add_block, kind).SetInParent()
    frame.delta.add_block.id = key
    return frame


def sent(words: SentWords, *frames: ForwardMsg, language: str = "en") -> list[str]:
    """Send frames; return the texts that are drawn, with "[…]" around what is marked."""
    for frame in frames:
        words.mark(frame, language)
    texts = [frame.delta.new_element.markdown.body for frame in frames]
    return [each.replace(":primary[", "[") for each in texts if each]


def test_a_word_is_marked_where_the_page_shows_it_first() -> None:
    words = SentWords()
    first, again = text("A layer.", (0, 1)), text("Layers of filters.", (0, 2), caption=False)
    assert sent(words, begun(), first, again) == ["A [layer].", "Layers of [filters]."]
    assert first.hash != "h"  # the browser has the text without marks under that name
    alert = ForwardMsg()
    alert.metadata.delta_path.extend((0, 3))
    alert.delta.new_element.alert.body = "No ReLU follows this layer."
    words.mark(alert, "en")
    assert alert.delta.new_element.alert.body == "No :primary[ReLU] follows this layer."


def test_a_page_that_runs_again_marks_the_same_again() -> None:
    words = SentWords()
    for _ in range(2):
        frames = begun(), text("A layer.", (0, 1)), text("A layer.", (0, 2))
        assert sent(words, *frames) == ["A [layer].", "A layer."]


def test_the_sidebar_and_what_opens_by_itself_are_looked_at_alone() -> None:
    frames = [
        *(begun(), text("A layer.", (1, 0)), text("A layer.", (0, 0)), text("A layer.", (0, 1))),
        *(block("expandable", (0, 2)), block("flex_container", (0, 2, 0))),
        *(text("A layer.", (0, 2, 0, 0)), text("A layer.", (0, 2, 1)), text("A layer.", (0, 3))),
    ]
    marked, unmarked = "A [layer].", "A layer."
    assert sent(SentWords(), *frames) == [marked, marked, unmarked, marked, unmarked, unmarked]


def test_what_is_drawn_anew_in_one_place_is_marked_anew() -> None:
    words = SentWords()
    sent(words, begun(), text("A layer.", (0, 0), "live"), text("A layer.", (0, 1)))
    # A fragment runs: its text stands where the word was marked, and no longer has it.
    assert sent(words, begun("live"), text("A filter.", (0, 0), "live")) == ["A [filter]."]
    assert sent(words, begun("other"), text("One layer.", (0, 2), "other")) == ["One [layer]."]
    # A placeholder is filled again in the same run.
    assert sent(words, text("Two filters.", (0, 0), "live")) == ["Two [filters]."]
    # A block that is drawn again takes what was in it with it.
    sent(words, text("A kernel, a channel.", (0, 4, 0)), block("flex_container", (0, 4)))
    assert sent(words, text("A channel.", (0, 5))) == ["A [channel]."]


def test_what_marks_its_words_itself_counts() -> None:
    frames = begun(), text(":primary[layer] and layer", (0, 0)), text("A layer.", (0, 1))
    assert sent(SentWords(), *frames) == ["[layer] and layer", "A layer."]


def test_code_headings_and_the_list_of_words_stay_as_they_are() -> None:
    heading = ForwardMsg()
    heading.delta.new_element.heading.body = "A layer"
    words = SentWords()
    assert not words.mark(heading, "en")
    assert not words.mark(text("`layer`", (0, 0)), "en")
    listed = block("expandable", (0, 1), f"$$ID-{sent_words.UNMARKED}-None")
    assert sent(words, listed, text("- **layer**: one", (0, 1, 0))) == ["- **layer**: one"]
    assert sent(words, text("A layer.", (0, 2))) == ["A [layer]."]


def test_the_headline_that_a_step_draws_ahead_is_marked_whatever_stands_above() -> None:
    (key,) = sent_words.ALONE
    assert key == ahead.HEADLINE
    box = block("flex_container", (0, 1), f"$$ID-{key}-None")
    frames = begun(), text("A layer.", (0, 0)), box, text("A layer.", (0, 1, 0))
    assert sent(SentWords(), *frames) == ["A [layer].", "A [layer]."]


def test_danish_texts_are_marked_in_danish() -> None:
    frames = begun(), text("Et lag, en layer.", (0, 0))
    assert sent(SentWords(), *frames, language="da") == ["Et [lag], en layer."]


def test_every_word_of_the_glossary_is_marked_in_both_languages() -> None:
    for language in ("en", "da"):
        for term in TERMS:
            with speaking(language):
                title = tr(term.forms).partition("|")[0]
            frames = begun(), text(f"({title})", (0, 0))
            assert sent(SentWords(), *frames, language=language) == [f"([{title}])"]


def test_marks_go_through_the_server() -> None:
    from tests.ui.test_sent_frames import through

    frames = [begun(), text("A layer.", (0, 0)), text("x" * sent_frames._LONGEST_TEXT, (0, 1))]
    got, _ = through([frame.SerializeToString() for frame in frames])
    bodies = [ForwardMsg.FromString(data).delta.new_element.markdown.body for data in got[1:]]
    assert bodies == ["A :primary[layer].", "x" * sent_frames._LONGEST_TEXT]
