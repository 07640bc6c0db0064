import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from convviz.cli import main
from convviz.features.class_target import ClassTarget, decoder_input
from convviz.features.grad_cam import grad_cam
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.weights.load import load
from tests.own_networks import PATCHES, RESIDUAL

CAT = ["evidence", "sample:cat", "--network", "googlenet"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json", "-"]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    result: dict[str, Any] = json.loads(streams.out)
    return result


def test_the_archive_has_the_layer_s_own_grid_rectified_and_not_scaled(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    npz, png = tmp_path / "map.npz", tmp_path / "map.png"
    options = ["--class", "tabby", "--layer", "inception4e", "--npz", str(npz), "--out", str(png)]
    result = printed(capsys, *CAT, *options)
    network, image = load("googlenet"), decode(sample("cat").read())
    index = network.weights.classes.index("tabby")
    module = network.module
    outputs: list[torch.Tensor] = []
    handle = module.get_submodule("inception4e").register_forward_hook(
        lambda _module, _inputs, output: outputs.append(output)
    )
    batch = decoder_input(network, image).requires_grad_()
    scores = module(batch)
    handle.remove()
    (gradient,) = torch.autograd.grad(scores[0, index], outputs[0])
    weights = gradient[0].mean((1, 2))
    expected = (weights[:, None, None] * outputs[0][0]).sum(0).clamp(min=0).detach()
    with np.load(npz) as archive:
        assert set(archive) == {"map", "evidence", "weights", "contributions"}
        assert archive["map"].shape == outputs[0].shape[2:]
        assert archive["map"].max() > 0
        assert np.allclose(archive["map"], expected, atol=1e-5)
        assert np.allclose(archive["weights"], weights, atol=1e-6)
    assert list(result) == [
        *("network", "weights", "class", "against", "method", "layer", "shape", "max"),
        *("channels", "seconds"),
    ]
    assert result["class"]["index"] == index
    assert result["class"]["label"] == "tabby"
    assert result["class"]["score"] == pytest.approx(float(scores[0, index]), abs=1e-4)
    assert result["class"]["probability"] == pytest.approx(float(scores[0].softmax(0)[index]))
    assert result["against"] is None
    assert result["shape"] == list(expected.shape)
    assert result["max"] == pytest.approx(float(expected.max()), abs=1e-5)
    shares = [each["contribution"] for each in result["channels"]]
    assert len(shares) == 10
    assert shares == sorted(shares, reverse=True)
    with Image.open(png) as picture:
        assert (picture.format, picture.size) == ("PNG", (448, 448))


@pytest.mark.parametrize(
    ("method", "arrays"),
    [
        ("cam", {"evidence", "weights"}),
        ("gradient", {"attribution"}),
        ("smoothgrad", {"attribution"}),
        ("guided", {"attribution"}),
        ("integrated", {"attribution"}),
        ("hirescam", {"evidence", "weights", "contributions"}),
    ],
)
def test_every_method_writes_a_map_that_is_not_negative(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, method: str, arrays: set[str]
) -> None:
    npz = tmp_path / "map.npz"
    options = ["--method", method, "--samples", "2", "--most-steps", "9", "--npz", str(npz)]
    result = printed(capsys, *CAT, *options)
    assert result["method"] == method
    with np.load(npz) as archive:
        assert set(archive) == {"map", *arrays}
        assert archive["map"].min() >= 0
        assert archive["map"].max() == pytest.approx(result["max"])
        assert list(archive["map"].shape) == result["shape"]
    if method == "integrated":
        assert result["samples"] == 9
        assert result["difference"] > 0
        assert result["completeness_gap"] >= 0


def test_the_most_probable_class_and_the_last_maps_are_the_first_choice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network, image = load("googlenet"), decode(sample("cat").read())
    with torch.no_grad():
        best = int(network.module(decoder_input(network, image))[0].argmax())
    result = printed(capsys, *CAT)
    assert (result["class"]["index"], result["layer"]) == (best, "inception5b")
    against = printed(capsys, *CAT, "--against", "0")
    target = ClassTarget(best, 0)
    assert against["max"] == pytest.approx(
        float(grad_cam(network, image, "inception5b", target).map.max()), abs=1e-5
    )
    assert main(CAT) == 0
    text = capsys.readouterr().out
    assert f"GoogLeNet, {result['class']['label']}: gradcam, inception5b, 4×4" in text
    assert f"Channel {result['channels'][0]['channel']}:" in text


@pytest.mark.parametrize(
    ("name", "file", "layer"),
    [
        ("residual", RESIDUAL, "layer4.0.relu"),
        # No gradient reaches the patches after the last attention.
        ("patches", PATCHES, "encoder.layers.encoder_layer_0"),
    ],
)
def test_of_other_kinds_of_networks_the_last_maps_that_the_score_depends_on_are_taken(
    capsys: pytest.CaptureFixture[str],
    own_file: Callable[..., Path],
    name: str,
    file: str,
    layer: str,
) -> None:
    own_file(file)
    result = printed(capsys, "evidence", "sample:cat", "--network", name, "--class", "goldfish")
    assert result["layer"] == layer
    found = grad_cam(load(name), decode(sample("cat").read()), layer, ClassTarget(1))
    assert found.is_reached
    assert result["shape"] == list(found.map.shape)
    assert result["max"] == pytest.approx(float(found.map.max()), abs=1e-5)


def test_occlusion_runs_with_a_small_decoder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    npz = tmp_path / "map.npz"
    arguments = ["evidence", "sample:cat", "--network", "alexnet", "--method", "occlusion"]
    result = printed(capsys, *arguments, "--npz", str(npz))
    assert (result["shape"], result["patch"]) == ([128, 128], 21)
    with np.load(npz) as archive:
        assert archive["falls"].shape == (12, 12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--class", "tabbyy"], "did you mean tabby"),
        (["--class", "200"], "choose 0 to 199"),
        (["--class=²"], "no class called ²"),
        (["--class=--5"], "no class called --5"),
        (["--class", "tabby", "--against", "tabby"], "compared with itself"),
        (["--layer", "fc"], "puts out no maps"),
        (["--layer", "inception9"], "inception"),
        (["--layer", "conv1", "--method", "guided"], "leave --layer out"),
        (["--method", "magic"], "invalid choice"),
        (["--method", "smoothgrad", "--samples", "0"], "choose 1 or more"),
        (["--out", "map.gif"], "does not end in .png"),
        (["--npz", "map.zip"], "does not end in .npz"),
        (["--weights", "random"], "is untrained with the weights in use"),
        (["--npz", "/no/folder/map.npz"], "no folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main([*CAT, *arguments]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert words in streams.err
