"""How numbers of more than eight bits become 0…255, against numbers worked out by hand."""

import numpy as np
import pytest

from convviz.images import scaling

UINT16, INT32, FLOAT = np.dtype(np.uint16), np.dtype(np.int32), np.dtype(np.float32)


@pytest.mark.parametrize(
    ("low", "high", "stretched"),
    [
        (0, 4095, True),
        (0, 900, True),
        (0, 16383, True),
        (0, 16384, False),
        (30_000, 46_383, True),
        (30_000, 46_384, False),
        (0, 65535, False),
        (7, 7, False),
        (0, 0, False),
        (65535, 65535, False),
        (0, 1, True),
    ],
)
def test_less_than_a_quarter_of_sixteen_bits_is_stretched(
    low: int, high: int, stretched: bool
) -> None:
    for dtype in (UINT16, np.dtype(">u2"), INT32):
        if dtype == INT32 and high <= 255:
            continue
        chosen = scaling.choose((low, high), dtype)
        assert chosen.is_stretched is stretched
        assert chosen.bits == (0 if dtype == INT32 else 16)  # which holds more, and says no range
        ends = chosen(np.array([low, high], dtype)).tolist()
        assert ends == ([0, 255] if stretched else [round(low / 257), round(high / 257)])


def test_other_numbers() -> None:
    assert not scaling.choose((3, 9), np.dtype(np.uint8)).is_stretched
    for found, dtype in (((3, 9), np.dtype(np.int8)), ((0, 1), FLOAT), ((-1, 9), INT32)):
        chosen = scaling.choose(found, dtype)
        assert (chosen.is_stretched, chosen.bits) == (True, 0)


def test_floats_at_both_ends_of_their_range() -> None:
    values = np.array([-1.7e308, 0.0, 1.7e308, np.nan, np.inf, -np.inf])
    found = scaling.extremes([values[:2], values[2:], np.array([np.nan])])
    assert found == (-1.7e308, 1.7e308)
    chosen = scaling.choose(found, values.dtype)
    assert chosen(values).tolist() == [0, 128, 255, 128, 255, 0]
    assert scaling.extremes([np.array([np.nan, np.inf])]) is None


def test_white_may_be_the_lowest_number() -> None:
    plain = scaling.choose((0, 65535), UINT16, is_inverted=True)
    assert plain(np.array([0, 257, 65535], np.uint16)).tolist() == [255, 254, 0]
    stretched = scaling.choose((100, 300), UINT16, is_inverted=True)
    assert stretched(np.array([100, 300], np.uint16)).tolist() == [255, 0]


@pytest.mark.parametrize(
    ("low", "high", "dtype", "white", "stretched", "bits"),
    [
        (0, 300, UINT16, 4095, True, 12),  # of 12 bits, as the file says
        (100, 1123, UINT16, 4095, True, 12),
        (0, 1024, UINT16, 4095, False, 12),  # a quarter
        (0, 5, INT32, 65_535, True, 0),  # bytes in wide numbers: a mask of six labels
        (3, 66, INT32, 65_535, True, 0),
        (0, 64, INT32, 65_535, False, 0),
        (0, 255, INT32, 65_535, False, 0),
    ],
)
def test_less_than_a_quarter_of_any_range_is_stretched(
    low: int, high: int, dtype: np.dtype, white: int, stretched: bool, bits: int
) -> None:
    chosen = scaling.choose((low, high), dtype, white=white)
    assert (chosen.is_stretched, chosen.bits) == (stretched, bits)
    top = 255 if high <= 255 else white
    ends = [0, 255] if stretched else [round(low * 255 / top), round(high * 255 / top)]
    assert chosen(np.array([low, high], dtype)).tolist() == ends


def chosen_for(values: np.ndarray) -> scaling.Scaling:
    """As images are: in parts, of which the second is empty."""

    def parts() -> list[np.ndarray]:
        return [values[:700], values[700:700], values[700:]]

    return scaling.choose(scaling.extremes(parts()), values.dtype, arrays=parts)


@pytest.mark.parametrize("dtype", [">u2", "<u2", "u4", "i4", "u8"])
def test_hot_and_dead_pixels_do_not_count(dtype: str) -> None:
    """900 grey levels, two hot pixels and a dead one among 3,000."""
    values = (30_000 + np.arange(3_000) % 901).astype(dtype)
    values[[5, 1700]], values[60] = 65_535, 0
    chosen = chosen_for(values)
    assert (chosen.low, chosen.high, chosen.outside) == (30_000, 30_900, 3)
    assert chosen.is_stretched
    expected = np.round((values.astype(float) - 30_000) / 900 * 255).clip(0, 255)
    assert np.array_equal(chosen(values), expected)


def test_more_than_one_value_in_a_thousand_counts() -> None:
    values = (np.arange(3_000) % 900).astype("u2")
    values[:4] = 65_535
    assert not chosen_for(values).is_stretched
    values[:1] = 0
    found = chosen_for(values)
    assert (found.low, found.high, found.outside) == (0, 899, 3)


def test_a_few_pixels_that_differ_from_all_others_are_the_picture() -> None:
    """All but those are of one value: nothing to stretch is left without them."""
    values = np.full(3_000, 700, "u2")
    values[7] = 65_535
    chosen = chosen_for(values)
    assert not chosen.is_stretched
    assert chosen(values).max() == 255


def test_lights_that_the_picture_goes_on_to_are_its_own() -> None:
    """A night: all but three values are dark, and those between them lead on to the lamp."""
    values = (np.arange(3_000) % 9_000).astype("u2")
    values[:3] = 15_000, 21_000, 30_000
    assert not chosen_for(values).is_stretched
    values[:3] = 65_535
    assert chosen_for(values).outside == 3
