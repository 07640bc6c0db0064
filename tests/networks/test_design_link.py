"""Designs in links: any text comes back as it was, and a damaged link is a sentence."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convviz.errors import SettingError
from convviz.networks.design_link import from_link, to_link
from convviz.networks.design_starts import STARTS, start_text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_comes_back(text: str) -> None:
    link = to_link(text)
    assert from_link(link) == text
    assert link.isascii()
    assert all(sign.isalnum() or sign in "-_" for sign in link)


def test_a_start_is_its_name_and_another_text_is_short() -> None:
    for name in STARTS:
        assert to_link(start_text(name)) == name
        assert len(to_link(start_text(name) + "\n")) < 500


@pytest.mark.parametrize("link", ["lenet", "", "!!", "AAAA", to_link("input")[:-6], "é", "a=b"])
def test_a_damaged_link_is_a_sentence(link: str) -> None:
    with pytest.raises(SettingError, match="copy the whole link again"):
        from_link(link)


def test_a_link_that_unpacks_to_a_giant_is_refused() -> None:
    packed = base64.urlsafe_b64encode(zlib.compress(b"#" * 10_000_000)).decode().rstrip("=")
    with pytest.raises(SettingError):
        from_link(packed)
