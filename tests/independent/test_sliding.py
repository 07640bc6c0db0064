"""Output sizes and what is never looked at, tap by tap."""

from itertools import product

import pytest

from convviz.errors import SettingError
from convviz.lessons.sliding import slide


@pytest.mark.parametrize(
    ("arguments", "unseen"),
    [
        ((13, 2, 5), 7),
        ((20, 1, 4), 15),
        ((30, 3, 8), 18),
        ((227, 11, 4), 0),
        ((224, 11, 4), 1),
        ((224, 11, 4, 2), 0),
        ((10, 2, 5, 1), 6),  # stops at −1, 4, 9 − 1: taps 0, 4, 5; 9 and 10 lie in the padding
        ((9, 2, 9, 0, 4), 7),  # taps 0 and 4
    ],
)
def test_what_is_never_looked_at_by_hand(arguments: tuple[int, ...], unseen: int) -> None:
    assert len(slide(*arguments).unseen) == unseen


@pytest.mark.claims(
    "convviz.lessons.sliding.Sliding.sentence",
    "convviz.lessons.sliding.Sliding._left_over",
    "convviz.lessons.sliding.Sliding.unseen_sentence",
)
def test_every_setting_tap_by_tap() -> None:
    settings = product(range(1, 26), range(1, 6), range(1, 8), range(4), range(1, 4))
    checked = 0
    for length, kernel, stride, padding, dilation in settings:
        padded = ["p"] * padding + list(range(length)) + ["p"] * padding
        stops, seen, start = 0, set[object](), 0
        while start + dilation * (kernel - 1) < len(padded):
            seen.update(padded[start + dilation * tap] for tap in range(kernel))
            last = start + dilation * (kernel - 1)
            stops, start = stops + 1, start + stride
        if not stops:
            with pytest.raises(SettingError):
                slide(length, kernel, stride, padding, dilation)
            continue
        found = slide(length, kernel, stride, padding, dilation)
        beyond = padded[last + 1 :]
        unseen = [pixel for pixel in range(length) if pixel not in seen]
        assert found.output == stops
        assert list(found.unseen) == unseen
        assert found.dropped == len(beyond)
        assert sum(count for _, count in found.unseen_bands) == len(unseen)
        assert [p for a, n in found.unseen_bands for p in range(a, a + n)] == unseen
        # What the sentences say.
        times = "once" if stops == 1 else f"{stops} times"
        assert found.sentence.startswith(f"The kernel stops {times}")
        assert ("reaches the far edge exactly" in found.sentence) == (not beyond)
        if beyond:
            pixels = "1 pixel" if len(beyond) == 1 else f"{len(beyond)} pixels"
            assert f"; {pixels} " in found.sentence
            in_padding = beyond.count("p")
            if in_padding == len(beyond):
                assert "of padding at the far edge" in found.sentence
            elif in_padding:
                assert f"{in_padding} of them padding" in found.sentence
        if unseen:
            text = found.unseen_sentence
            assert f"{len(unseen)} of {length} rows and columns" in text
            at_edge = [pixel for pixel in beyond if pixel != "p"]
            assert (f"{len(at_edge)} beyond the last stop" in text) == bool(at_edge)
            inside = len(unseen) - len(at_edge)
            assert (f"{inside} between " in text) == bool(inside)
        else:
            assert found.unseen_sentence == ""
        checked += 1
    assert checked > 9000


@pytest.mark.parametrize(
    ("setting", "between"),
    [
        ((13, 2, 5, 0, 1), "between stops)"),
        ((13, 1, 5, 0, 3), "between stops)"),  # one tap has no gaps, whatever its dilation
        ((13, 2, 4, 0, 3), "between taps)"),
        ((13, 2, 5, 0, 2), "between stops and taps)"),
        ((5, 2, 10, 0, 3), "between taps)"),  # it stops once: there is nothing between stops
    ],
)
def test_what_is_not_seen_lies_between_stops_or_taps(
    setting: tuple[int, int, int, int, int], between: str
) -> None:
    assert slide(*setting).unseen_sentence.rstrip(".").endswith(between)
