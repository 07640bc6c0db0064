"""convviz in a notebook: docs/notebook.md runs, and activations come out as they went in."""

import base64
import doctest
import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import convviz
from convviz.cli import main
from convviz.features.activations import activations
from convviz.features.arrays import archive
from convviz.networks.network import Network
from convviz.notebook import LayerActivations, LoadedNetwork
from tests.networks_for_tests import network_of

TEXT = (Path(__file__).parent.parent / "docs" / "notebook.md").read_text(encoding="utf-8")


def tiny() -> LoadedNetwork:
    """One pixel in, three channels out: 1 + 2 + 3 = 6, its negative, and 0."""
    convolution = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[1.0] * 3, [-1.0] * 3, [0.0] * 3])[..., None, None])
    network = network_of(nn.Sequential(convolution, nn.ReLU()), side=2)
    return LoadedNetwork(network.spec, network.module, network.weights)


def shown() -> LayerActivations:
    return tiny().activations(Image.new("RGB", (2, 2), (51, 102, 153)), "1")


def test_the_document_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
    test = doctest.DocTestParser().get_doctest(code, {}, "docs/notebook.md", "notebook.md", 0)
    failures: list[str] = []
    result = doctest.DocTestRunner().run(test, out=failures.append)
    assert "".join(failures) == ""
    assert (result.failed, result.attempted > 10) == (0, True)


def test_numbers_come_out_as_arrays_and_tensors_that_are_copies() -> None:
    maps = shown()
    expected = np.array([1.2, 0.0, 0.0], dtype=np.float32)[:, None, None].repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(maps.numpy(), expected, rtol=1e-5)
    assert torch.equal(maps.torch(), torch.from_numpy(maps.numpy()))
    maps.numpy()[:] = 9
    maps.torch().fill_(9)
    np.testing.assert_allclose(maps.numpy(), expected, rtol=1e-5)
    assert maps.empty().tolist() == [False, True, True]


@pytest.mark.claims("convviz.notebook.LayerActivations._repr_html_")
def test_it_shows_itself_as_an_image_and_as_html() -> None:
    maps = shown()
    data = maps._repr_png_()
    assert Image.open(io.BytesIO(data)).size == maps.image.size
    html = maps._repr_html_()
    (encoded,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(encoded) == data
    assert "2 of 3 channels (67 %) are empty for this image." in html


def test_show_displays_below_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    displayed: list[object] = []
    display = SimpleNamespace(display=displayed.append)
    shell = SimpleNamespace(kernel=object())
    ipython = SimpleNamespace(get_ipython=lambda: shell, display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    maps = shown()
    maps.show()
    assert displayed == [maps]


@pytest.mark.parametrize("shell", [None, object()], ids=["python", "IPython in a terminal"])
def test_show_opens_a_window_elsewhere(monkeypatch: pytest.MonkeyPatch, shell: object) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    opened: list[Image.Image] = []
    monkeypatch.setattr(Image.Image, "show", lambda self: opened.append(self))
    maps = shown()
    maps.show()
    assert opened == [maps.image]


def test_an_image_may_come_in_any_form(tmp_path: Path) -> None:
    network, image = tiny(), Image.new("RGB", (2, 2), (51, 102, 153))
    file = tmp_path / "image.png"
    image.save(file)
    for form in (image, file.read_bytes(), file, str(file)):
        assert torch.equal(network.activations(form, "1").maps, shown().maps)
    with pytest.raises(convviz.ConvvizError, match=r"missing\.png cannot be read: No such file"):
        network.activations(tmp_path / "missing.png", "1")
    with pytest.raises(convviz.ConvvizError, match=r"null (byte|character)"):
        network.activations("a\0b", "1")
    with pytest.raises(convviz.ConvvizError, match="ndarray is no picture: give a file"):
        network.activations(np.zeros((2, 2, 3)), "1")  # type: ignore[arg-type]  # it is wrong
    with pytest.raises(convviz.ConvvizError, match="no layer called x"):
        network.activations(image, "x")


def test_an_image_of_pillow_is_read_as_its_file_is(tmp_path: Path) -> None:
    network = tiny()
    ramp = np.arange(8, dtype=np.uint16).reshape(2, 4) * 8000
    deep = Image.fromarray(ramp)
    transparent = Image.new("RGBA", (4, 2), (250, 10, 10, 0))
    turned = Image.fromarray((ramp // 256).astype(np.uint8)).convert("RGB")
    turned.getexif()[0x0112] = 6  # stored lying on its side
    for name, image in (("deep", deep), ("transparent", transparent), ("turned", turned)):
        file = tmp_path / f"{name}.png"
        image.save(file, exif=image.getexif())
        from_file = network.activations(file, "1").maps
        assert torch.equal(network.activations(image, "1").maps, from_file), name
        with Image.open(file) as opened:
            assert torch.equal(network.activations(opened, "1").maps, from_file), name
    grey = network.activations(transparent, "1").maps[0]  # neutral grey, not the hidden red
    assert grey.max() == grey.min()
    assert float(grey[0, 0]) == pytest.approx(3 * 128 / 255, abs=0.02)


def test_load_returns_the_network_that_the_rest_of_the_package_takes() -> None:
    network = convviz.load("alexnet", weights="random", seed=1)
    assert isinstance(network, Network)
    image = Image.new("RGB", (224, 224), "red")
    mine, theirs = network.activations(image, "conv3"), activations(network, image, "features.6")
    assert torch.equal(mine.maps, theirs.maps)


def test_an_archive_holds_the_numbers(tmp_path: Path) -> None:
    maps = shown()
    maps.save(tmp_path / "maps.npz")
    with np.load(tmp_path / "maps.npz") as arrays:
        np.testing.assert_array_equal(arrays["maps"], maps.numpy())
        np.testing.assert_allclose(arrays["maximum"], [1.2, 0, 0], rtol=1e-5)
        np.testing.assert_allclose(arrays["mean"], [1.2, 0, 0], rtol=1e-5)
        assert arrays["active_share"].tolist() == [1, 0, 0]
        assert arrays["empty"].tolist() == [False, True, True]
        assert str(arrays["layer"]) == "1"
    assert len(archive(maps, 1.0)) > 0
    with np.load(io.BytesIO(archive(maps, 1.0))) as arrays:  # τ = 1: all are at most the largest
        assert arrays["empty"].tolist() == [True, True, True]


def test_the_command_line_writes_the_same_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "maps.npz"
    options = ["--network", "alexnet", "--layer", "conv3", "--weights", "random"]
    assert main(["activations", "sample:cat", *options, "--npz", str(file)]) == 0
    with np.load(file) as arrays:
        assert arrays["maps"].shape == (384, 13, 13)
        assert str(arrays["layer"]) == "features.6"
    capsys.readouterr()
    assert main(["activations", "sample:cat", *options, "--npz", str(tmp_path / "maps.txt")]) == 2
    assert "does not end in .npz" in capsys.readouterr().err
