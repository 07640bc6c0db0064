"""The language of a browser outside of a visit, and of what a worksheet says."""

import pytest

from convviz.language import speaking
from convviz.reconstruction.config import ReconstructionConfig
from convviz.ui import commands, language, worksheet


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("da-DK,da;q=0.9,en;q=0.8", "da"),
        ("da", "da"),
        ("sv, DA;q=0.8, en;q=0.5", "da"),
        ("en-GB,en;q=0.9,da;q=0.8", "en"),
        ("sv,de;q=0.5", "en"),
        ("*", "en"),
        ("", "en"),
        (";;,,=", "en"),
    ],
)
def test_a_browser_says_what_it_likes_best(header: str, code: str) -> None:
    assert language.accepted(header) == code


def test_a_worksheets_settings_are_those_of_the_run_in_either_language(bracketed: None) -> None:
    config = ReconstructionConfig(seconds=12.5, seed=3)
    english = worksheet._reconstruction_settings(config)
    assert english["Seconds"] == "12.5"
    assert english["Start from"] == "noise"
    with speaking("da"):
        danish = worksheet._reconstruction_settings(config)
        assert danish["⟦Seconds⟧"] == "12,5"
        assert danish["⟦Start from⟧"] == "⟦noise⟧"
        assert set(danish) == {f"⟦{name}⟧" for name in english}


def test_a_worksheet_says_what_the_link_and_the_command_leave_out(bracketed: None) -> None:
    both = {"own_image": True, "own_weights": True}
    assert worksheet._not_carried(**both).startswith("The link does not carry the image")
    assert commands.FILE in worksheet._of_file()
    with speaking("da"):
        assert worksheet._not_carried(**both).count("⟦") == 2
        assert worksheet._of_file().startswith("⟦Write in the place of FILE ")
