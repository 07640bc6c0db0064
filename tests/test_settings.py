"""The app's settings: known to Streamlit, as the design asks, and readable in light and dark."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

FILE = Path(__file__).parent.parent / ".streamlit" / "config.toml"
STYLE = FILE.parents[1] / "convviz" / "ui" / "shell.css"
SETTINGS = tomllib.loads(FILE.read_text(encoding="utf-8"))

# WCAG 2.2: text needs 4.5 (7 is the stricter level), a control's own shape and state need 3.
TEXT, SHAPE = 4.5, 3.0


def flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def contrast(one: str, other: str) -> float:
    """The contrast of two colours such as "#1f7fa0", between 1 and 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    weights = {1: 0.2126, 3: 0.7152, 5: 0.0722}
    total = 0.0
    for start, weight in weights.items():
        share = int(colour[start : start + 2], 16) / 255
        total += weight * (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return total


def faded(colour: str, background: str, share: float) -> str:
    """A colour laid over a background with this opacity: how Streamlit makes captions."""
    mixed = (
        round(share * int(colour[i : i + 2], 16) + (1 - share) * int(background[i : i + 2], 16))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{value:02x}" for value in mixed)


def test_contrast_agrees_with_the_definition() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert faded("#000000", "#ffffff", 0.6) == "#666666"


@pytest.mark.parametrize(("name", "value"), list(flat(SETTINGS)))
def test_streamlit_knows_every_setting(name: str, value: Any) -> None:
    assert config.get_option(name) == value  # raises where there is no such option


def test_settings_that_the_design_asks_for() -> None:
    assert SETTINGS["runner"]["postScriptGC"] is False
    # Zips and trained networks; pictures have a limit of their own, tested with their page.
    assert SETTINGS["server"]["maxUploadSize"] == 200
    assert SETTINGS["client"]["showErrorDetails"] == "none"
    assert SETTINGS["client"]["showSidebarNavigation"] is False
    assert SETTINGS["browser"]["gatherUsageStats"] is False


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colours = SETTINGS["theme"][theme]
    for part in (colours, colours["sidebar"]):
        background = part["backgroundColor"]
        assert contrast(colours["textColor"], background) >= 7
        assert contrast(colours["textColor"], part["secondaryBackgroundColor"]) >= 7
        assert contrast(colours["linkColor"], background) >= TEXT
        assert contrast(faded(colours["textColor"], background, 0.6), background) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_controls_can_be_seen(theme: str) -> None:
    colours = SETTINGS["theme"][theme]
    both = re.search(r"--control: light-dark\((#\w+), (#\w+)\)", STYLE.read_text(encoding="utf-8"))
    assert both is not None
    line = both[1 + ["light", "dark"].index(theme)]
    assert contrast("#ffffff", colours["primaryColor"]) >= TEXT
    for part in (colours, colours["sidebar"]):
        for background in (part["backgroundColor"], part["secondaryBackgroundColor"]):
            assert contrast(colours["primaryColor"], background) >= SHAPE
            assert contrast(line, background) >= SHAPE


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert [value for _, value in flat(SETTINGS) if "://" in str(value)] == []
