"""What is said of an image, against images made here and numbers worked out by hand."""

import pytest
from PIL import Image

from convviz.images import findings
from convviz.images.decode import DecodedImage
from convviz.images.scaling import Scaling

IMAGE = Image.new("RGB", (2, 2))


@pytest.mark.claims("convviz.images.findings.stretched", "convviz.images.findings._number")
@pytest.mark.parametrize(
    ("low", "high", "bits", "words"),
    [
        (0, 4095, 16, "from 0 to 4,095, 6.2 % of what 16 bits"),  # 4095 / 65535
        (30_000, 46_383, 16, "from 30,000 to 46,383, 25 % of what"),  # 16383 / 65535
        (0, 1, 16, "from 0 to 1, less than 0.1 % of what"),
        (-2.5, 1e12, 0, "from -2.5 to 1e+12: they"),
        (0.0, 1 / 3, 0, "from 0 to 0.3333: they"),
    ],
)
def test_values_that_were_stretched_are_told(
    low: float, high: float, bits: int, words: str
) -> None:
    text = findings.stretched(Scaling(low, high, is_stretched=True, bits=bits))
    assert text.startswith("The file's values go from ")
    assert words in text
    assert text.endswith("so that the least is black and the greatest white.")
    inverted = Scaling(low, high, is_stretched=True, bits=bits, is_inverted=True)
    assert findings.stretched(inverted).endswith("the least is white and the greatest black.")
    assert findings.stretched(Scaling(low, high, bits=bits)) == ""
    assert findings.stretched(Scaling(low, low, is_stretched=True, bits=bits)) == ""


@pytest.mark.parametrize(
    ("bits", "outside", "words"),
    [
        (12, 0, "The file's values go from 100 to 509, 10.0 % of what 12 bits can"),  # 409 / 4095
        (16, 1, "All but 1 of the file's values lie from 100 to 509, 0.6 % of what 16 bits can"),
        (0, 2_500, "All but 2,500 of the file's values lie from 100 to 509: they are stretched"),
    ],
)
def test_what_lies_outside_of_the_stretched_values_is_counted(
    bits: int, outside: int, words: str
) -> None:
    scaling = Scaling(100, 509, is_stretched=True, bits=bits, outside=outside)
    assert findings.stretched(scaling).startswith(words)


@pytest.mark.claims("convviz.images.findings.cut_off")
@pytest.mark.parametrize(
    ("missing", "words"), [(0.25, "the last 25 % of"), (0.5, "50 %"), (1e-4, "less than 0.1 %")]
)
def test_what_is_missing_of_a_file_is_told(missing: float, words: str) -> None:
    assert words in findings.cut_off(missing)
    assert "%" not in findings.cut_off(0.0)


@pytest.mark.claims("convviz.images.findings.channels")
@pytest.mark.parametrize(
    ("count", "words"), [(2, "2 channels: the first is"), (5, "5 channels: the first three are")]
)
def test_channels_that_are_not_shown_are_counted(count: int, words: str) -> None:
    assert words in findings.channels(count)


@pytest.mark.claims("convviz.images.findings.notes")
@pytest.mark.claims("convviz.images.findings.halved")
@pytest.mark.parametrize("size", [(8160, 6144), (5001, 5000)])
def test_a_size_that_was_halved_is_told(size: tuple[int, int]) -> None:
    assert f"has {size[0]} × {size[1]} pixels: it is read at half" in findings.halved(*size)


def test_most_images_need_no_note() -> None:
    assert findings.notes(DecodedImage(IMAGE)) == ()
    assert findings.notes(DecodedImage(IMAGE, Scaling(0, 65535))) == ()
    everything = DecodedImage(IMAGE, Scaling(0, 9, is_stretched=True), 5, True, 0.25, (9, 9))
    assert len(findings.notes(everything)) == 4


@pytest.mark.claims("convviz.images.findings.pages")
@pytest.mark.parametrize(("count", "words"), [(2, "has 2 pictures"), (1200, "has 1,200 pictures")])
def test_pictures_that_are_not_shown_are_counted(count: int, words: str) -> None:
    assert words in findings.pages(count)
    assert findings.notes(DecodedImage(IMAGE, pages=count)) == (findings.pages(count),)
