"""Layers behind SiLU and its like, where no channel is exactly silent."""

import json
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.cli import main
from convviz.features import findings
from convviz.features.activations import Activations, activations
from convviz.structure.layers import layer
from convviz.ui.activations.display import threshold_step
from tests.networks_for_tests import network_of


def through(activation: nn.Module, image: Image.Image | None = None) -> Activations:
    """Four channels that are −20, −1, 0.1 and 4 everywhere, and what becomes of them."""
    conv = nn.Conv2d(3, 4, 1)
    nn.init.zeros_(conv.weight)
    conv.bias.data = torch.tensor([-20.0, -1.0, 0.1, 4.0])
    network = network_of(nn.Sequential(conv, activation), side=8)
    return activations(network, image or Image.new("RGB", (8, 8)), "1")


@pytest.mark.claims(
    "convviz.features.findings.soft_activation", "convviz.features.findings.empty_rule"
)
class TestSentences:
    @pytest.mark.parametrize("activation", [nn.SiLU(), nn.GELU(), nn.ELU()])
    def test_within_what_negative_inputs_make(self, activation: nn.Module) -> None:
        found = through(activation)
        reach = float(activation(torch.linspace(-30, 0, 30_001)).abs().max())
        largest = float(activation(torch.tensor(4.0)))
        threshold = found.soft_threshold
        assert threshold == pytest.approx(reach / largest, rel=1e-4)
        # −20 and −1, and 0.1 as well: it does not go further from 0 than negative ones do
        assert found.empty(threshold or 0).tolist() == [True, True, True, False]
        said = findings.soft_activation(found)
        name = type(activation).__name__
        assert said == (
            f"{name} puts out hardly any exact 0, so with τ = 0 hardly a channel is empty. For "
            f"inputs up to 0 it stays within {reach:.3g} of 0, which is {threshold:.2g} times the "
            "layer's largest number: 3 of 4 channels never go beyond."
        )
        assert said in findings.what_is_empty(found, 0)
        rule = findings.empty_rule(found.layer, 0)
        assert rule == f"every number is 0, which {name} hardly ever makes"
        assert findings.empty_rule(found.layer, 0.5) == "≤ 0.5 × largest, by size"

    def test_when_all_stay_within(self) -> None:
        conv = nn.Conv2d(3, 2, 1)
        nn.init.zeros_(conv.weight)
        conv.bias.data = torch.tensor([-1.0, -2.0])
        network = network_of(nn.Sequential(conv, nn.SiLU()), side=8)
        found = activations(network, Image.new("RGB", (8, 8)), "1")
        assert found.soft_threshold is None
        assert findings.soft_activation(found).endswith(
            "0, and so does the whole layer for this image."
        )

    def test_a_slope_a_gate_and_neither(self) -> None:
        leaky = through(nn.LeakyReLU(0.1))
        # −2, −0.1, 0.1 and 4: within 0.4 are two
        assert leaky.soft_threshold == pytest.approx(0.1)
        assert findings.soft_activation(leaky).endswith(
            "With τ = 0.1, its slope for negative inputs, 2 of 4 channels are."
        )
        gate = through(nn.Sigmoid())
        assert gate.soft_threshold == 0.01  # only the first is below 1 % of 0.982
        assert findings.soft_activation(gate).endswith(
            "With τ = 0.01, all but closed, 1 of 4 channels are."
        )
        tanh = through(nn.Tanh())
        assert tanh.soft_threshold is None
        assert findings.soft_activation(tanh) == (
            "Tanh puts out hardly any exact 0, so with τ = 0 hardly a channel is empty."
        )

    def test_a_relu_needs_none(self) -> None:
        found = through(nn.ReLU())
        assert found.soft_threshold is None
        assert findings.soft_activation(found) == ""
        assert found.empty_count() == 2
        assert "hardly" not in found.sentence()

    def test_the_headline_says_why_none_is_empty(self) -> None:
        assert through(nn.SiLU()).sentence() == (
            "None of the 4 channels is empty for this image: SiLU puts out hardly any exact 0."
        )
        assert through(nn.Softplus()).sentence().endswith("Softplus puts out hardly any exact 0.")
        assert "hardly" not in through(nn.SiLU()).sentence(0.05)


def test_the_slider_takes_the_next_step() -> None:
    assert threshold_step(0.034) == 0.05
    assert threshold_step(0.05) == 0.05
    assert threshold_step(0.7) is None


def test_the_command_says_so_too(own_file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    own_file(
        "import torch\nfrom torch import nn\n"
        "from convviz.networks import NetworkSpec, register\n"
        "def build():\n"
        "    conv = nn.Conv2d(3, 2, 1)\n"
        "    nn.init.zeros_(conv.weight)\n"
        "    conv.bias.data = torch.tensor([-1.0, 4.0])\n"
        "    return nn.Sequential(conv, nn.SiLU(), nn.Flatten(), nn.Linear(2 * 8 * 8, 3))\n"
        "register(NetworkSpec('soft', 'Soft', build, input_size=8))\n"
    )
    command = ["activations", "sample:cat", "--network", "soft", "--layer", "1"]
    assert main([*command, "--json", "-"]) == 0
    value = json.loads(capsys.readouterr().out)
    largest = float(nn.functional.silu(torch.tensor(4.0)))
    assert value["activation"] == "SiLU"
    assert value["soft_threshold"] == pytest.approx(0.2784645 / largest, rel=1e-4)
    assert main(command) == 0
    assert "SiLU puts out hardly any exact 0" in capsys.readouterr().out
    assert main([*command[:-1], "0", "--json", "-"]) == 0
    assert "activation" not in json.loads(capsys.readouterr().out)


@pytest.mark.claims("convviz.features.findings.arranged")
def test_what_is_said_of_tokens() -> None:
    from torchvision.models.vision_transformer import VisionTransformer

    network = network_of(VisionTransformer(32, 8, 1, 2, 8, 16, num_classes=5), side=32)

    def said(name: str) -> str:
        return findings.arranged(layer(network, name))

    assert said("conv_proj") == ""
    assert said("heads.head") == ""
    assert said("encoder.ln") == (
        "The 16 tokens that stand for places of the image, laid out as 4 × 4. The class token "
        "belongs to no place and is not among them."
    )
    assert said("encoder.ln:class").startswith("The class token has 8 numbers")
    attention = "encoder.layers.encoder_layer_0.self_attention:heads"
    assert said(attention).startswith("Each of the 2 maps is one head of the attention")
