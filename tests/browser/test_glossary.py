"""Words of the field, explained where texts use them: on hover, focus, tap and keys."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from convviz.language import speaking
from convviz.ui.glossary import meaning, meanings
from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser

PATH = "/Course?step=training&network=alexnet"


def word_on(page: Page, text: str = "gradient") -> Locator:
    return page.locator(f".st-key-course_idea [data-convviz-term={text}]")


def tip_on(page: Page) -> Locator:
    return page.locator(".convviz-term-tip:visible")


def glossary_in(language: str) -> set[str]:
    with speaking(language):
        return {str(sentence) for sentence in meanings().values()}


def test_a_word_is_dotted_and_explained_on_hover_and_focus(visit: Any) -> None:
    page = visit(PATH)
    word, tip = word_on(page), tip_on(page)
    expect(word).to_have_attribute("tabindex", "0")
    expect(word).to_have_css("text-decoration-style", "dotted")
    word.hover()
    expect(tip).to_have_text(str(meaning("gradient")))
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    word.focus()
    expect(tip).to_have_count(1)
    # The sentence is also what screen readers read.
    assert word.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.keyboard.press("Enter")
    expect(tip).to_have_count(0)
    page.keyboard.press(" ")
    expect(tip).to_have_count(1)
    page.locator("h1").click()
    expect(tip).to_have_count(0)


def test_a_tap_explains_a_word_within_a_phone_s_screen(visit: Any) -> None:
    width, height = PHONE
    page = visit(PATH, width=width, height=height, touch=True)
    word, tip = word_on(page), tip_on(page)
    word.tap()
    expect(tip).to_have_text(str(meaning("gradient")))
    box = tip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.locator("h1").tap()
    expect(tip).to_have_count(0)


def test_the_word_of_a_question_is_explained_as_well(visit: Any) -> None:
    page = visit("/Course?step=empty&network=alexnet")
    word = page.locator(".st-key-questions_predict [data-convviz-term]").first
    expect(word).to_have_attribute("tabindex", "0")
    word.focus()
    expect(tip_on(page)).to_have_count(1)


def test_captions_of_other_pages_mark_a_word_once(visit: Any) -> None:
    """In Danish, so that the words are known to be looked for in the language of the page."""
    page = visit("/Activations?network=alexnet&layer=features.1&lang=da")
    caption = page.locator(".st-key-activations_headline [data-testid=stCaptionContainer]")
    word = caption.locator("[data-convviz-term]").first
    expect(word).to_have_css("text-decoration-style", "dotted")
    word.focus()
    expect(tip_on(page)).to_have_count(1)
    assert tip_on(page).text_content() in glossary_in("da")
    main = page.locator("[data-testid=stMain] [data-testid=stMarkdownContainer]")
    marked = main.locator("[data-convviz-term]:visible").evaluate_all(
        "words => words.map((word) => word.getAttribute('aria-describedby'))"
    )
    alone = caption.locator("[data-convviz-term]").count()
    assert len(marked) - alone <= len(set(marked)) <= len(marked)
