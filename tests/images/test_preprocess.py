import tracemalloc
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms._presets import ImageClassification

from convviz.errors import SettingError
from convviz.images.decode import decode
from convviz.images.preprocess import crop, denormalise, normalise, to_image, to_pixels, to_tensor
from convviz.images.samples import sample

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
tensor_224 = partial(to_tensor, size=224, resize=256, mean=MEAN, std=STD)


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize(
    "size",
    [(256, 256), (451, 300), (300, 451), (640, 640), (97, 64), (1000, 50), (257, 1023), (3, 60)],
)
def test_equals_torchvisions_preset(size: tuple[int, int]) -> None:
    image = noise(*size)
    expected = ImageClassification(crop_size=224, resize_size=256)(image).unsqueeze(0)
    ours = tensor_224(image)
    assert ours.shape == (1, 3, 224, 224)
    assert ours.dtype == torch.float32
    one_level = 1 / 255 / min(STD)
    assert (ours - expected).abs().max() <= one_level * 1.01
    assert (ours - expected).mean().abs() <= one_level * 0.02  # the last bit differs either way


@pytest.mark.parametrize(("size", "resize"), [(128, 128), (227, 256), (96, 100)])
def test_other_sizes_equal_the_preset_too(size: int, resize: int) -> None:
    image = decode(sample("cat").read())
    expected = ImageClassification(crop_size=size, resize_size=resize)(image).unsqueeze(0)
    ours = to_tensor(image, size=size, resize=resize, mean=MEAN, std=STD)
    assert (ours - expected).abs().max() <= 1.01 / 255 / min(STD)


def test_only_the_crop_of_a_long_picture_is_resized() -> None:
    image = Image.new("RGB", (2000, 100), "red")
    tracemalloc.start()
    cut = crop(image, size=224, resize=256)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert cut.size == (224, 224)
    assert cut.getpixel((0, 0)) == (255, 0, 0)


def test_the_crop_is_the_centre() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste((0, 0, 255), (100, 0, 200, 100))
    assert np.asarray(crop(image, size=98, resize=100)).reshape(-1, 3).tolist() == [[0, 0, 255]] * (
        98 * 98
    )


@pytest.mark.parametrize(("size", "resize"), [(224, 223), (0, 10)])
def test_a_crop_that_does_not_fit_is_refused(size: int, resize: int) -> None:
    with pytest.raises(SettingError, match=f"{size} pixels.*{resize}"):
        crop(noise(50, 50), size=size, resize=resize)


def test_back_to_the_very_picture_that_went_in() -> None:
    image = noise(300, 280)
    back = to_image(denormalise(tensor_224(image), mean=MEAN, std=STD))
    assert np.array_equal(np.asarray(back), np.asarray(crop(image, size=224, resize=256)))


def test_normalising_by_hand() -> None:
    pixels = torch.full((1, 3, 1, 1), 0.5)
    normalised = normalise(pixels, mean=(0.5, 0.25, 0.0), std=(1.0, 0.5, 0.25))
    assert normalised.flatten().tolist() == [0.0, 0.5, 2.0]
    assert torch.equal(denormalise(normalised, mean=(0.5, 0.25, 0.0), std=(1, 0.5, 0.25)), pixels)


def test_invalid_values_are_clamped() -> None:
    tensor = torch.tensor([9.0, -9.0, float("nan")]).view(3, 1, 1)
    assert to_image(tensor).getpixel((0, 0)) == (255, 0, 0)


def test_pixels_are_rounded_to_the_nearest_value_and_clamped() -> None:
    pixels = torch.tensor([-1.0, 0.0, 0.4996, 1.0, 2.0]).repeat(3, 1, 1)
    assert list(to_image(pixels).get_flattened_data())[0:5] == [
        (value,) * 3 for value in (0, 0, 127, 255, 255)
    ]


def test_an_image_survives_as_pixels_exactly() -> None:
    image = Image.effect_noise((16, 16), 90).convert("RGB")
    pixels = to_pixels(image)
    assert (pixels.dtype, pixels.shape) == (torch.float32, (3, 16, 16))
    assert to_image(pixels).tobytes() == image.tobytes()
    grey = Image.new("L", (2, 1), 51)
    assert to_pixels(grey).flatten().tolist() == pytest.approx([0.2] * 6)


def test_gradients_flow_through_normalising() -> None:
    pixels = torch.rand(1, 3, 4, 4, requires_grad=True)
    normalise(pixels, mean=MEAN, std=STD).sum().backward()
    assert pixels.grad is not None
    assert torch.allclose(pixels.grad[0, :, 0, 0], 1 / torch.tensor(STD))
