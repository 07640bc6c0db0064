"""Numbers of every image of a set."""

from dataclasses import replace
from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import interpolate

from convviz.datasets.image_set import Files
from convviz.errors import ImageError, NetworkError, SettingError
from convviz.features.capture import input_for
from convviz.features.image_features import ImageFeatures, image_features
from convviz.networks.network import Network
from tests.networks_for_tests import network_of, seeded


def tiny() -> Network:
    """A network with an in-place ReLU; channel 1 is always empty after it."""
    convolution = seeded(nn.Conv2d(3, 3, 3, padding=1))
    convolution.weight.data[1] = 0
    convolution.bias.data = torch.tensor([0.1, -2.0, 0.0])
    module = nn.Sequential(
        convolution,
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        seeded(nn.Linear(3, 4), 2),
    )
    return network_of(module, side=6, classes=("a", "b", "c", "d"))


def png(seed: int) -> bytes:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (6, 6, 3), generator=generator, dtype=torch.uint8)
    file = BytesIO()
    Image.fromarray(pixels.numpy()).save(file, "PNG")
    return file.getvalue()


def files(count: int, *broken: int) -> Files:
    return Files(
        tuple((f"{k}.png", b"no image" if k in broken else png(k)) for k in range(count)), "set"
    )


def test_means_maxima_and_predictions_are_those_of_the_plain_network() -> None:
    network = tiny()
    module = network.module
    convolution, linear = module[0], module[4]
    rows = list(image_features(network, files(6), ["0", "1"], k=2))
    for index, row in enumerate(rows):
        batch = input_for(network, files(6).image(index))
        output = convolution(batch)[0]
        after = output.clamp(min=0)
        assert (row.index, row.title, row.reason) == (index, f"{index}.png", "")
        torch.testing.assert_close(row.layers["0"].mean, output.mean((1, 2)))
        torch.testing.assert_close(row.layers["0"].maximum, output.amax((1, 2)))
        torch.testing.assert_close(row.layers["1"].mean, after.mean((1, 2)))
        empty = int((after.amax((1, 2)) == 0).sum())
        for name in ("0", "1"):  # both are judged after the ReLU
            assert row.layers[name].empty == empty >= 1
            assert row.layers[name].empty_share == empty / 3
            assert row.layers[name].largest == pytest.approx(float(after.max()))
            assert row.layers[name].largest_channel == int(after.amax((1, 2)).argmax())
        probabilities = linear(after.mean((1, 2))).softmax(0)
        top = probabilities.topk(2)
        assert [each.index for each in row.predictions] == top.indices.tolist()
        assert [each.label for each in row.predictions] == ["abcd"[k] for k in top.indices.tolist()]
        assert [each.probability for each in row.predictions] == pytest.approx(top.values.tolist())


def test_an_image_s_numbers_do_not_depend_on_those_around_it() -> None:
    def numbers(row: ImageFeatures) -> list[float]:
        return [*row.layers["0"].mean.tolist(), row.predictions[0].probability]

    network = tiny()
    (alone,) = image_features(network, files(1), ["0"])
    first, *_ = image_features(network, files(7, 1, 2), ["0"])
    assert numbers(alone) == numbers(first)


@pytest.mark.parametrize("broken", [(0,), (3, 4), (0, 1, 2, 3), (6,)])
def test_a_broken_image_has_its_reason_at_its_place(broken: tuple[int, ...]) -> None:
    rows = list(image_features(tiny(), files(7, *broken), ["0"]))
    assert [row.index for row in rows] == list(range(7))
    assert [row.index for row in rows if row.is_broken] == list(broken)
    for row in rows:
        assert bool(row.reason) is row.is_broken
        assert bool(row.layers) is bool(row.predictions) is not row.is_broken


def test_without_one_image_that_can_be_read_there_is_one_sentence() -> None:
    with pytest.raises(ImageError, match=r"Not one picture .* 0\.png"):
        list(image_features(tiny(), files(2, 0, 1), ["0"]))


def test_arguments_are_checked_at_the_call() -> None:
    with pytest.raises(SettingError, match="outside 0 to 1"):
        image_features(tiny(), files(1), ["0"], threshold=2)
    with pytest.raises(SettingError, match="no picture"):
        image_features(tiny(), files(0), ["0"])
    with pytest.raises(NetworkError, match="no layer"):
        image_features(tiny(), files(1), ["convolution"])


def test_without_a_decoder_or_layers_there_is_nothing_to_say() -> None:
    network = tiny()
    network = replace(network, weights=replace(network.weights, has_decoder=False))
    (row,) = image_features(network, files(1), [])
    assert (row.predictions, row.layers, row.is_broken) == ((), {}, False)


def test_scores_that_are_no_numbers_are_a_reason_and_no_end() -> None:
    network = tiny()
    network.module[4].bias.data[0] = torch.nan
    (row,) = image_features(network, files(1), ["0"])
    assert "no finite numbers" in row.reason
    assert not row.is_broken
    assert row.layers["0"].largest > 0


def test_a_decoder_for_smaller_images_gets_them_smaller() -> None:
    network = tiny()
    network = replace(network, weights=replace(network.weights, decoder_size=4))
    (row,) = image_features(network, files(1), ["0"])
    batch = input_for(network, files(1).image(0))
    small = interpolate(batch, (4, 4), mode="bilinear", antialias=True, align_corners=False)
    expected = network.module(small)[0].softmax(0).max()
    assert row.predictions[0].probability == pytest.approx(float(expected))
    torch.testing.assert_close(
        row.layers["0"].mean, network.module[0](batch)[0].mean((1, 2)), atol=1e-6, rtol=1e-5
    )
