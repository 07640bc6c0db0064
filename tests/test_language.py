"""The reader's language: how texts are told and kept, and the catalogues that they come from."""

import copy
import gettext
import io
import pickle
import re
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convviz import formatting, language
from convviz.errors import SettingError
from convviz.language import Told, again, current, later, numeral, speaking, tr, trn, trp
from tests import project_scripts

CATALOGUES = sorted(language.CATALOGUES.glob("*/LC_MESSAGES/convviz.po"))
BY_HAND: Mapping[Any, Any] = {
    "{count:,} of {total:,} channels are empty": "{count:,} af {total:,} kanaler er tomme",
    ("{count:,} map", "{count:,} maps"): ("{count:,} kort", "{count:,} kort i alt"),
    ("{layer} has one map", "{layer} has {count} maps"): (
        *("{layer} har ét kort", "{layer} har {count} kort"),
    ),
    "The loss is {loss}.": "Tabet er {loss}.",
    "{first} {second}": "{first} {second}",
    "by {change:+.1f}": "med {change:+.1f}",
    "file {name!r}": "filen {name!r}",
    "a {set} of {{braces}}": "et {set} af {{tuborgklammer}}",
    "One channel": "Én kanal",
    "the whole layer": "hele laget",
}
EXAMPLES = {"cats", "dogs", "katte", "hunde"}  # folders that a text thinks up
IN_CONTEXT = {("of the course", "Step"): "Trin", ("of a run", "Step"): "Skridt"}


@pytest.fixture
def danish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tell texts in Danish, from a catalogue of a few messages."""
    catalogue = Catalog(locale="da")
    for message, text in BY_HAND.items():
        catalogue.add(message, text)
    for (context, message), text in IN_CONTEXT.items():
        catalogue.add(message, text, context=context)
    file = io.BytesIO()
    write_mo(file, catalogue)
    file.seek(0)
    compiled = gettext.GNUTranslations(file)
    monkeypatch.setattr(language, "_catalogue", lambda code: compiled)
    with speaking("da"):
        yield


# ---- messages and their values -------------------------------------------------------------------


def test_a_message_is_told_with_its_values(danish: None) -> None:
    message = "{count:,} of {total:,} channels are empty"
    assert tr(message, count=1234, total=61_100_840) == "1.234 af 61.100.840 kanaler er tomme"
    with speaking("en"):
        assert tr(message, count=1234, total=61_100_840) == "1,234 of 61,100,840 channels are empty"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 kort i alt"), (1, "1 kort"), (2, "2 kort i alt")]
)
def test_the_number_chooses_between_one_and_many(danish: None, count: int, text: str) -> None:
    assert trn("{count:,} map", "{count:,} maps", count) == text


def test_one_and_many_name_other_values_too(danish: None) -> None:
    one, many = "{layer} has one map", "{layer} has {count} maps"
    assert trn(one, many, 1, layer="conv1") == "conv1 har ét kort"
    assert trn(one, many, 64, layer="conv1") == "conv1 har 64 kort"
    with speaking("en"):
        assert trn(one, many, 1, layer="conv1") == "conv1 has one map"
        assert trn(one, many, 0, layer="conv1") == "conv1 has 0 maps"


def test_a_word_of_several_meanings_is_told_in_each(danish: None) -> None:
    assert (trp("of the course", "Step"), trp("of a run", "Step")) == ("Trin", "Skridt")
    with speaking("en"):
        assert trp("of the course", "Step") == "Step"


def test_a_constant_is_told_where_it_is_shown(danish: None) -> None:
    title = later("One channel")
    assert (title, tr(title)) == ("One channel", "Én kanal")


def test_what_the_catalogue_has_not_stays_english_with_danish_numbers(danish: None) -> None:
    assert tr("about {share:.1f} of it", share=0.5) == "about 0,5 of it"
    assert trn("{count:,} pixel", "{count:,} pixels", 50_176) == "50.176 pixels"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.5, "0,5"),
        (-0.25, "-0,25"),
        (-1234.5, "-1234,5"),
        (3, "3"),
        (True, "True"),
        (float("inf"), "inf"),
        (np.float32(0.5), "0,5"),
        (np.float64(-2.75), "-2,75"),
        (np.int64(7), "7"),
        ("0.5", "0.5"),
        ("features.3,x", "features.3,x"),
        (Path("a.b"), "a.b"),
    ],
)
def test_numbers_get_danish_signs_and_texts_stay(danish: None, number: Any, text: str) -> None:
    assert tr("The loss is {loss}.", loss=number) == f"Tabet er {text}."


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_a_format_is_followed(danish: None, kind: Callable[[float], Any]) -> None:
    assert tr("by {change:+.1f}", change=kind(1.25)) == "med +1,2"
    assert tr("{share:.1%} of {all:,.2f}", share=kind(0.125), all=-1234.5) == "12,5% of -1.234,50"


def test_a_converted_value_is_text(danish: None) -> None:
    assert tr("file {name!r}", name="a.b") == "filen 'a.b'"


def test_braces_are_doubled_where_there_are_values_and_nowhere_else(danish: None) -> None:
    assert tr("a {set} of {{braces}}", set="par") == "et par af {tuborgklammer}"
    assert tr("{not} {{filled}}") == "{not} {{filled}}"
    assert tr("The loss is {loss}.", loss="{count}") == "Tabet er {count}."


def test_a_value_without_a_number_or_a_text_is_told_as_its_text(danish: None) -> None:
    assert tr("The loss is {loss}.", loss=[0.5]) == "Tabet er [0.5]."


def test_a_numeral_has_danish_signs(danish: None) -> None:
    assert numeral("61,100,840.5") == "61.100.840,5"
    assert numeral("−1,234.5 MB") == "−1.234,5 MB"
    with speaking("en"):
        assert numeral("61,100,840.5") == "61,100,840.5"


# ---- in English as str.format does it ------------------------------------------------------------

_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_TEXT = st.text("ab {}[]%:!.,0\\\n'åτ−“💡")
_PLAIN = _TEXT.map(lambda text: text.replace("{", "{{").replace("}", "}}"))
_FORMATS = {
    "count": (st.integers(), ["", ":,", ":>9", ":+d", "!r"]),
    "share": (st.floats(), ["", ":.3f", ":,.1f", ":.1%", ":g", "!s"]),
    "name": (_TEXT, ["", "!r", ":>8", "!r:<20"]),
}


@st.composite
def _messages(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(sorted(_FORMATS)), min_size=1))
    message = draw(_PLAIN)
    for name in names:
        message += f"{{{name}{draw(st.sampled_from(_FORMATS[name][1]))}}}" + draw(_PLAIN)
    return message, {name: draw(_FORMATS[name][0]) for name in names}


@_UNHURRIED  # at first Hypothesis looks for constants in all that is imported
@given(_messages())
def test_english_is_what_str_format_makes(case: tuple[str, dict[str, Any]]) -> None:
    message, values = case
    expected = message.format(**values)
    assert tr(message, **values) == again(tr(message, **values)) == expected
    assert trp("context", message, **values) == expected
    del_count = {name: value for name, value in values.items() if name != "count"}
    count = values.get("count", 7)
    assert trn(message, message, count, **del_count) == message.format(**{"count": count} | values)


@_UNHURRIED
@given(_TEXT)
def test_english_without_values_is_the_message(message: str) -> None:
    assert tr(message) == later(message) == numeral(message) == message


# ---- told again ----------------------------------------------------------------------------------


def test_what_was_told_in_english_is_told_again(danish: None) -> None:
    with speaking("en"):
        told = [
            tr("{count:,} of {total:,} channels are empty", count=3, total=1000),
            trn("{count:,} map", "{count:,} maps", 2),
            trp("of a run", "Step"),
            numeral("1,000.5"),
        ]
    assert [again(text) for text in told] == [
        *("3 af 1.000 kanaler er tomme", "2 kort i alt", "Skridt", "1.000,5"),
    ]
    with speaking("en"):
        assert [again(again(text)) for text in told] == told


def test_told_values_are_told_again_at_every_depth(danish: None) -> None:
    with speaking("en"):
        loss = tr("The loss is {loss}.", loss=numeral("0.5"))
        inner = tr("{first} {second}", first=tr("the whole layer"), second=loss)
        outer = tr(
            "{first} {second}", first=inner, second=trn("{count:,} map", "{count:,} maps", 2)
        )
    assert outer == "the whole layer The loss is 0.5. 2 maps"
    assert again(outer) == "hele laget Tabet er 0,5. 2 kort i alt"


def test_other_texts_stay(danish: None) -> None:
    assert again("One channel") == "One channel"
    assert again("1,000.5") == "1,000.5"


def test_an_error_knows_how_it_was_told(danish: None) -> None:
    with speaking("en"):
        error = SettingError(tr("The loss is {loss}.", loss=0.5))
    assert str(error) == "The loss is 0.5."
    assert again(str(error)) == "Tabet er 0,5."


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_told_text_keeps_what_it_knows(danish: None, copied: Callable[[str], str]) -> None:
    with speaking("en"):
        text = tr("{first} {second}", first=tr("the whole layer"), second=0.5)
    sent = copied(text)
    assert (sent, type(sent)) == (text, Told)
    assert again(sent) == "hele laget 0,5"


def test_what_cannot_be_sent_is_kept_as_text(danish: None) -> None:
    kept = tr("The loss is {loss}.", loss=threading.Lock())
    assert again(pickle.loads(pickle.dumps(kept))) == kept


# ---- who reads -----------------------------------------------------------------------------------


def test_nobody_asked_is_english() -> None:
    assert current() == "en"


def test_the_innermost_language_counts_and_goes_when_something_fails() -> None:
    with speaking("da"):
        with speaking("en"):
            assert current() == "en"
        assert current() == "da"
        with pytest.raises(SettingError), speaking("en"):
            raise SettingError("x")
        assert current() == "da"
    assert current() == "en"


def test_who_is_followed_is_asked_unless_something_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(language, "_ask", language._ask)  # put back in the end
    language.follow(lambda: "da")
    assert current() == "da"
    with speaking("en"):
        assert current() == "en"


def test_a_language_is_that_of_its_thread() -> None:
    heard: list[str] = []
    with speaking("da"):
        thread = threading.Thread(target=lambda: heard.append(current()))
        thread.start()
        thread.join()
    assert heard == ["en"]


# ---- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "danish_text"),
    [
        (lambda: formatting.percent(0.3333), "33 %"),
        (lambda: formatting.percent(0.0412), "4,1 %"),
        (lambda: formatting.percent(-0.25, 1), "−25,0 %"),
        (lambda: formatting.signed_percent(-0.0031), "−0,3 %"),
        (lambda: formatting.probability(0.2134), "21,3 %"),
        (lambda: formatting.probability(0.00001), "< 0,1 %"),
        (lambda: formatting.probability(0.9999), "> 99,9 %"),
        (lambda: formatting.size_text(1_234_567), "1,2 MB"),
        (lambda: formatting.size_text(12_345_678_901), "12.346 MB"),
        (lambda: formatting.times(2.34), "2,3"),
        (lambda: formatting.times(1250.4), "1.250"),
        (lambda: formatting.grouped(61_100_840), "61.100.840"),
        (lambda: formatting.short(138_357_544), "138,4 M"),
        (lambda: formatting.significant(0.1234), "0,123"),
        (lambda: formatting.significant(15_432), "1,54e4"),
        (lambda: formatting.in_words(1.18e-11), "1,18 × 10⁻¹¹"),
        (lambda: formatting.decimals(-0.126), "−0,13"),
        (lambda: formatting.signed(-0.12), " − 0,120"),
        (lambda: formatting.product(3, 3, 64, 1024), "3·3·64·1.024"),
    ],
)
def test_numbers_as_danish_writes_them(text: Callable[[], str], danish_text: str) -> None:
    with speaking("da"):
        assert text() == danish_text
    english = text()
    with speaking("da"):
        assert str(again(english)) == danish_text or "·" in english  # a product is joined


# ---- the catalogues ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script() -> Any:
    return project_scripts.script("catalogues")


@pytest.fixture(scope="module")
def found(script: Any) -> Catalog:
    messages: Catalog = script.messages()
    return messages


def forms(message: Message) -> list[tuple[str, str]]:
    """A message's forms, each beside its translation."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return list(zip(message.id, message.string, strict=True))


def fields(text: str) -> set[tuple[str, str, str | None]] | None:
    """What is filled in: names, formats and conversions; None where braces are no such thing."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return None
    return {(name, spec or "", how) for _, name, spec, how in parts if name and name.isidentifier()}


def parts(pattern: str, text: str) -> list[str]:
    """What of a text is like a pattern, but for names that are examples."""
    return sorted(part for part in re.findall(pattern, text) if part.strip("`") not in EXAMPLES)


def in_catalogue(script: Any, path: Path) -> list[Message]:
    return [message for message in script.read(path) if message.id]


def translated(script: Any, path: Path) -> list[Message]:
    return [m for m in in_catalogue(script, path) if all(text for _, text in forms(m))]


def test_every_language_but_english_has_a_catalogue() -> None:
    assert {path.parts[-3] for path in CATALOGUES} == set(language.LANGUAGES) - {language.ENGLISH}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
class TestCatalogue:
    """What holds for each catalogue; `make catalogues` mends the first two."""

    def test_it_has_exactly_the_messages_of_the_code(
        self, path: Path, script: Any, found: Catalog
    ) -> None:
        has = {(message.id, message.context) for message in in_catalogue(script, path)}
        of_code = {(message.id, message.context) for message in found if message.id}
        assert (sorted(map(str, of_code - has)), sorted(map(str, has - of_code))) == ([], [])
        file = io.BytesIO()
        current = script.brought_up_to_date(script.read(path), found)
        write_po(file, current, width=100, sort_by_file=True, include_lineno=False)
        assert path.read_bytes() == file.getvalue()

    def test_what_is_compiled_is_what_is_written(self, path: Path, script: Any) -> None:
        file = io.BytesIO()
        write_mo(file, script.read(path))
        assert path.with_suffix(".mo").read_bytes() == file.getvalue()

    def test_every_message_is_translated(self, path: Path, script: Any) -> None:
        texts = [pair for message in in_catalogue(script, path) for pair in forms(message)]
        assert [english for english, text in texts if not text] == []

    def test_the_same_is_filled_in_in_the_same_way(self, path: Path, script: Any) -> None:
        wrong = []
        for message in translated(script, path):
            pairs = [(fields(english), fields(text)) for english, text in forms(message)]
            if None in (side for pair in pairs for side in pair):
                assert all(english is None for english, _ in pairs), message.id
                continue
            english = set().union(*(one for one, _ in pairs if one))
            text = set().union(*(other for _, other in pairs if other))
            # One of two forms may write its number as a word.
            if english != text or (len(pairs) == 1 and pairs[0][0] != pairs[0][1]):
                wrong.append((message.id, english ^ text))
        assert wrong == []

    @pytest.mark.parametrize(
        "pattern",
        [r"^\s*", r"\s*$", r"\n\n", r"`[^`]*`", r"\*\*", r":material/\w+:", r":[a-z-]+\[", r"\$"],
        ids=["begin", "end", "paragraphs", "code", "bold", "icons", "directives", "formulas"],
    )
    def test_what_is_no_language_stays(self, path: Path, script: Any, pattern: str) -> None:
        wrong = [
            (english, text)
            for message in translated(script, path)
            for english, text in forms(message)
            if parts(pattern, english) != parts(pattern, text)
        ]
        assert wrong == []

    def test_danish_quotes_are_used(self, path: Path, script: Any) -> None:
        texts = [text for message in translated(script, path) for _, text in forms(message)]
        assert [text for text in texts if re.search("[“”]", text)] == []


def test_the_catalogue_that_comes_along_is_used() -> None:
    with speaking("da"):
        assert formatting.percent(0.0004) == "mindre end 0,1 %"
        assert tr("Copy link") == "Kopiér link"
