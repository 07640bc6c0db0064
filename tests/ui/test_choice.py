"""One image: its bytes, and its pixels when they are needed."""

import pytest
from PIL import Image

from convviz.errors import ImageError
from convviz.images.encode import png
from convviz.images.preprocess import crop
from convviz.ui.choice import Choice, ChosenImage
from convviz.weights.load import load

PIXELS = Image.linear_gradient("L").convert("RGB").resize((300, 260))


def test_pixels_are_decoded_once_and_shared() -> None:
    image = ChosenImage.of("a.png", "A", png(PIXELS), "upload")
    again = ChosenImage.of("b.png", "B", png(PIXELS), "camera")
    assert image.pixels.tobytes() == PIXELS.tobytes()
    assert again.sha256 == image.sha256
    assert again.pixels is image.pixels


def test_nothing_is_decoded_before_it_is_needed() -> None:
    image = ChosenImage.of("a.png", "A", b"no image", "upload")
    assert "no image" not in repr(image)
    with pytest.raises(ImageError):
        _ = image.pixels


def test_the_crop_is_what_goes_into_the_network() -> None:
    network = load("alexnet", "random")
    image = ChosenImage.of("a.png", "A", png(PIXELS), "upload")
    choice = Choice(image, "alexnet", network)
    weights = network.weights
    wanted = crop(PIXELS, size=weights.input_size, resize=weights.resize)
    assert choice.crop().tobytes() == image.crop(network).tobytes() == wanted.tobytes()
    enlarged = choice.crop(enlarged=448)
    assert enlarged.tobytes() == wanted.resize((448, 448)).tobytes()
