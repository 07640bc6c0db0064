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
        assert chosen.bits == 16
        ends = chosen(np.array([low, high], dtype)).tolist()
        assert ends == ([0, 255] if stretched else [round(low / 257), round(high / 257)])


def test_other_numbers() -> None:
    assert not scaling.choose((3, 9), np.dtype(np.uint8)).is_stretched
    assert not scaling.choose((3, 9), INT32).is_stretched  # bytes in wide numbers
    assert not scaling.choose((0, 900), UINT16, white=4095).is_stretched  # said by the file
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
