"""The file and the script of a trained network run where there is no convviz."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from convviz.errors import WeightsError
from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form
from convviz.networks.initial_weights import draw
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights import plain_pytorch
from convviz.weights.fitting import networks_fitting
from convviz.weights.load import load, open_sent
from convviz.weights.sent_file import SentFile
from convviz.weights.trained import TrainedInfo

CLASSES = ("cat", "dog", "fish")

# Runs a script as somebody does who has not installed convviz, and applies the network.
RUN = """
import pathlib, sys
sys.modules["convviz"] = None
import torch
for name in sys.argv[1:]:
    scope = {}
    exec(pathlib.Path(name + ".py").read_text(encoding="utf-8"), scope)
    with torch.no_grad():
        torch.save(scope["network"](torch.load("input.tensor")), name + ".scores")
assert not [name for name in sys.modules if name.startswith("convviz.")]
"""

FORMS = {
    "last": ("googlenet", "bundled", Form("fc", 1024, CLASSES), ()),
    "several": ("googlenet", "bundled", Form("fc", 1024, CLASSES, (32,)), ("transform_input",)),
    "in_a_sequence": ("alexnet", "random", Form("classifier.6", 4096, CLASSES, (8,)), ()),
    "pooled": ("alexnet", "encoder", Form("decoder", 256, CLASSES, pooled=True), ()),
}


def learned(name: str, source: str, form: Form, options: tuple[str, ...]) -> nn.Module:
    base = load(name, source)
    with torch.device("meta"):
        module = in_form(clone(base.module), form, base.spec.auxiliary)
    decoder = module.get_submodule(form.decoder).to_empty(device="cpu")
    draw(decoder, torch.Generator().manual_seed(3))
    for option in options:
        setattr(module, option, True)
    return module.eval().requires_grad_(False)


def info(name: str, form: Form, options: tuple[str, ...] = ()) -> TrainedInfo:
    return TrainedInfo(name, form, 96, "pets", "A note.", 0.75, options)


@pytest.mark.claims("convviz.weights.plain_pytorch.script", "convviz.weights.plain_pytorch._build")
def test_scripts_load_their_networks_without_convviz_and_scores_are_equal(tmp_path: Path) -> None:
    batch = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    torch.save(batch, tmp_path / "input.tensor")
    expected = {}
    for key, (name, source, form, options) in FORMS.items():
        module, about = learned(name, source, form, options), info(name, form, options)
        (tmp_path / f"{key}.pt").write_bytes(plain_pytorch.write(module, about))
        text = plain_pytorch.script(about, f"{key}.pt")
        (tmp_path / f"{key}.py").write_text(text, encoding="utf-8")
        assert "(N, 3, 96, 96)" in text
        assert "0.485, 0.456, 0.406" in text
        code = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(code) == 5 + (key in ("several", "in_a_sequence", "pooled"))
        expected[key] = module(batch)
    subprocess.run([sys.executable, "-I", "-c", RUN, *FORMS], cwd=tmp_path, check=True, timeout=300)
    for key, scores in expected.items():
        assert scores.std() > 0
        torch.testing.assert_close(torch.load(tmp_path / f"{key}.scores"), scores)


HEADS = {
    "inception": ("inception_v3", Form("fc", 2048, CLASSES), 96, ("transform_input",)),
    "convnext": ("convnext_tiny", Form("classifier.2", 768, CLASSES), 64, ()),
    "convnext_hidden": ("convnext_tiny", Form("classifier.2", 768, CLASSES, (8,)), 64, ()),
    "swin": ("swin_t", Form("head", 768, CLASSES, (8,)), 64, ()),
    "vit": ("vit_b_32", Form("heads.head", 768, CLASSES), 224, ()),
    "vit_hidden": ("vit_b_32", Form("heads.head", 768, CLASSES, (8,)), 224, ()),
}


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=pytest.mark.networks if key == "vit" else ()) for key in HEADS],
)
def test_scripts_of_other_heads_load_their_networks_as_well(tmp_path: Path, key: str) -> None:
    name, form, side, options = HEADS[key]
    module = learned(name, "random", form, options)
    batch = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    torch.save(batch, tmp_path / "input.tensor")
    about = replace(info(name, form, options), input_size=side)
    (tmp_path / "net.pt").write_bytes(plain_pytorch.write(module, about))
    text = plain_pytorch.script(about, "net.pt")
    assert f"(N, 3, {side}, {side})" in text
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-I", "-c", RUN, "net"], cwd=tmp_path, check=True, timeout=300)
    scores = torch.load(tmp_path / "net.scores")
    assert scores.shape == (2, 3)
    assert scores.std() > 1e-4
    torch.testing.assert_close(scores, module(batch))
    (tmp_path / "net.pt").unlink()  # some hundred megabytes


def test_the_file_opens_in_the_sidebar_with_its_classes() -> None:
    name, source, form, options = FORMS["last"]
    module = learned(name, source, form, options)
    file = SentFile("mine.pt", plain_pytorch.write(module, info(name, form)))
    assert networks_fitting(file) == ("googlenet",)
    network = open_sent(file, "googlenet")
    assert network.weights.classes == CLASSES
    assert network.module.fc.weight.equal(module.fc.weight)  # type: ignore[union-attr, operator]


def test_a_users_own_network_has_no_script(fresh_registry: None) -> None:
    register(NetworkSpec(name="mine", title="Mine", build=lambda: nn.Linear(2, 2)))
    assert not plain_pytorch.has_script("mine")
    assert plain_pytorch.has_script("vgg16")
    with pytest.raises(WeightsError, match="Mine is a network of your own"):
        plain_pytorch.script(info("mine", Form("", 2, CLASSES)), "x.pt")
