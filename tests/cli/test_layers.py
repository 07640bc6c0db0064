import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from convviz.cli import main
from convviz.cli.layers import _heading, _hidden
from convviz.cli.options import find_layer
from convviz.errors import NetworkError
from convviz.networks.registry import spec
from convviz.structure.findings import (
    left_out_sentence,
    on_zeros_sentence,
    own_attention_sentence,
    windows_sentence,
)
from convviz.structure.layers import (
    AttentionWindows,
    attention_windows,
    layer,
    layers,
    own_attention,
)
from convviz.weights.load import load
from tests.networks_for_tests import network_of


def test_a_table_of_all_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "alexnet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "AlexNet, 21 layers for an image of 224 × 224 pixels"
    assert lines[2].split() == ["layer", "title", "kind", "stage", "output"]
    assert lines[3].split() == ["features.0", "conv1", "convolution", "block", "1", "64×55×55"]
    assert len(lines) == 3 + 21


def test_parts_of_layers_are_hidden_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "googlenet"]) == 0
    text = capsys.readouterr().out
    assert "inception4a · 3×3" in text
    assert "conv1.bn" not in text
    assert "--all shows them" in text
    assert main(["layers", "googlenet", "--all"]) == 0
    text = capsys.readouterr().out
    assert "conv1.bn" in text
    assert "--all" not in text


def test_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["layers", "alexnet", "--input-size", "127", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["network"], result["input_size"]) == ("alexnet", 127)
    first = result["layers"][0]
    assert (first["name"], first["title"], first["gate"]) == ("features.0", "conv1", "features.0")
    assert first["shape"] == [64, 31, 31]  # (127 + 2 × 2 − 11) / 4 + 1
    assert main(["layers", "alexnet", "--json", str(tmp_path / "layers.json")]) == 0
    assert "features.0" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "layers.json").read_text(encoding="utf-8"))["layers"]) == 21


@pytest.mark.parametrize("command", ["layers", "costs"])
@pytest.mark.parametrize("size", ["0", "-5", "7", "1000000000000"])
def test_a_size_that_no_image_can_have(
    command: str, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "alexnet", "--input-size", size]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("convviz: ")
    assert size in said
    assert "choose" in said


@pytest.mark.claims(
    "convviz.cli.layers._heading",
    "convviz.cli.layers._hidden",
    "convviz.structure.findings.left_out_sentence",
)
def test_what_a_list_says_of_itself(capsys: pytest.CaptureFixture[str], own_file: Any) -> None:
    main(["layers", "googlenet"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines[3:] if line and "hidden" not in line]
    assert lines[0] == f"GoogLeNet, {len(rows)} layers for an image of 224 × 224 pixels"
    main(["layers", "googlenet", "--all"])
    everything = [line for line in capsys.readouterr().out.splitlines()[3:] if line]
    blocks = [line for line in everything if line.split()[2] == "block"]  # which are no parts
    assert blocks
    everything = [line for line in everything if line not in blocks]
    assert lines[-1].startswith(f"{len(everything) - len(rows)} parts of these layers are hidden")
    assert _heading("A", 1, 8) == "A, 1 layer for an image of 8 × 8 pixels"
    assert _hidden(0) == ""
    assert _hidden(1) == "1 part of these layers is hidden; --all shows it."
    own_file(
        "from torch import nn\nfrom convviz.networks import NetworkSpec, register\n"
        "def build():\n"
        "    along = (nn.Conv1d(4, 4, 1) for _ in range(5))\n"
        "    first = nn.Conv2d(3, 4, 1), nn.Flatten(2)\n"
        "    return nn.Sequential(*first, *along, nn.Flatten(), nn.Linear(256, 3))\n"
        "register(NetworkSpec('rows', 'Rows', build, input_size=8))\n"
    )
    main(["layers", "rows", "--json", "-"])
    value = json.loads(capsys.readouterr().out)
    assert value["left_out"] == ["2", "3", "4", "5", "6"]  # maps of one axis
    assert [layer["name"] for layer in value["layers"]] == ["0", "8"]
    main(["layers", "rows"])
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("5 modules that run are not listed")
    assert said.endswith("2, 3, 4 and 2 more.")
    assert left_out_sentence([]) == ""
    assert left_out_sentence(["a"]).startswith("1 module that runs is not listed")
    assert left_out_sentence(["a", "b", "c"]).endswith("image: a, b, c.")


def test_maps_whose_channels_come_last_have_their_channels_first() -> None:
    """ConvNeXt-T at 224: 96 channels of 56 × 56 become four times as many, and 96 again."""
    found = {each.name: each for each in layers(spec("convnext_tiny"))}
    shapes = {name: found[f"features.1.0.block.{name}"].shape for name in (0, 3, 4, 5)}
    assert shapes == {0: (96, 56, 56), 3: (384, 56, 56), 4: (384, 56, 56), 5: (96, 56, 56)}
    assert found["features.1.0.block.0"].layout is None
    assert found["features.1.0.block.3"].layout is not None


class OwnAttention(nn.Module):
    """An attention of four heads as networks write it themselves."""

    def __init__(self, *, fused: bool) -> None:
        super().__init__()
        self.qkv, self.proj, self.fused = nn.Linear(8, 24), nn.Linear(8, 8), fused

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, 4, 2).permute(2, 0, 3, 1, 4)
        if self.fused:
            y = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            y = (q @ k.transpose(-2, -1) / 2**0.5).softmax(-1) @ v
        return self.proj(y.transpose(1, 2).reshape(x.shape))


class OwnTransformer(nn.Module):
    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.patches, self.attn, self.fc = nn.Conv2d(3, 8, 4, 4), attention, nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        return self.fc((x + self.attn(x)).mean(1))


@pytest.mark.claims("convviz.structure.findings.own_attention_sentence")
@pytest.mark.parametrize("fused", [True, False])
def test_an_attention_that_a_network_computes_by_itself_shows_no_heads(fused: bool) -> None:
    network = network_of(OwnTransformer(OwnAttention(fused=fused)), side=32)
    for name in ("attn", "attn.proj"):
        assert own_attention(network, name) == "attn"
        assert attention_windows(network, name) is None
    assert own_attention(network, "patches") is None
    sentence = own_attention_sentence("attn")
    with pytest.raises(NetworkError) as refused:
        layer(network, "attn:heads")
    assert str(refused.value) == f"{sentence.rstrip('.')}: choose attn."
    # PyTorch's own shows its heads, and Swin's goes on in windows.
    assert own_attention(spec("vit_b_32"), "encoder.layers.encoder_layer_3.self_attention") is None
    assert own_attention(spec("swin_t"), "features.1.0.attn") is None


@pytest.mark.claims("convviz.structure.findings.windows_sentence")
def test_attention_inside_windows_has_no_heads_over_the_image(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Swin-T at 224: 56 × 56 positions in windows of 7 × 7, of which there are 8 × 8.
    name = "features.1.0.attn"
    assert attention_windows(spec("swin_t"), name) == AttentionWindows(8 * 8, 7 * 7)
    sentence = windows_sentence(name, 64, 49)
    assert sentence.startswith(f"The attention of {name} goes on inside 64 windows of 49 positions")
    with pytest.raises(NetworkError) as refused:
        layer(spec("swin_t"), f"{name}:heads")
    assert str(refused.value) == f"{sentence.rstrip('.')}: choose {name}."
    # ViT's attention goes over the whole map.
    assert attention_windows(spec("vit_b_32"), "encoder.layers.encoder_layer_3") is None
    assert attention_windows(spec("alexnet"), "features.0") is None
    assert windows_sentence("a", 1_000, 64).count("1,000 windows of 64 positions") == 1


READS = """
import torch
from torch import nn
from convviz.networks import NetworkSpec, register

class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.bright, self.dark, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        x = self.bright(x) if x.mean() > 0.5 else self.dark(x)
        return self.fc(x.relu().mean((2, 3)))

register(NetworkSpec("reads", "Reads_it", Reads, input_size=32))
"""


@pytest.mark.claims("convviz.structure.findings.on_zeros_sentence")
def test_a_list_made_of_zeros_says_so(capsys: pytest.CaptureFixture[str], own_file: Any) -> None:
    own_file(READS)
    sentence = on_zeros_sentence("Reads_it")
    assert sentence.startswith("Reads_it reads numbers while it runs")
    assert "image of zeros; for another image others may run" in sentence
    for words in (["layers", "reads"], ["costs", "reads"], ["costs", "reads", "alexnet"]):
        assert main(words) == 0
        assert capsys.readouterr().out.splitlines()[-1] == sentence
    main(["layers", "reads", "--json", "-"])
    value = json.loads(capsys.readouterr().out)
    assert value["on_zeros"] is True
    names = [layer["name"] for layer in value["layers"]]
    assert "dark" in names  # zeros are dark
    assert "bright" not in names
    main(["costs", "reads", "alexnet", "--json", "-"])
    value = json.loads(capsys.readouterr().out)
    assert [value[name].get("on_zeros") for name in ("reads", "alexnet")] == [True, None]
    main(["layers", "alexnet"])
    assert "zeros" not in capsys.readouterr().out


def test_tokens_blocks_uses_and_heads_are_listed(
    capsys: pytest.CaptureFixture[str], own_file: Any
) -> None:
    own_file(
        "import torchvision\nfrom convviz.networks import NetworkSpec, register\n"
        "register(NetworkSpec('own_vit', 'ViT', torchvision.models.vit_b_32))\n"
    )
    main(["layers", "own_vit", "--all", "--json", "-"])
    value = json.loads(capsys.readouterr().out)
    rows = {layer["name"]: layer for layer in value["layers"]}
    block = rows["encoder.layers.encoder_layer_3"]
    assert (block["shape"], block["layout"], block["class_tokens"]) == ([768, 7, 7], "tokens", 1)
    assert rows["encoder.layers"]["kind"] == "block"
    heads = rows["encoder.layers.encoder_layer_3.self_attention:heads"]
    assert heads["shape"] == [12, 7, 7]
    assert rows["encoder.ln:class"]["shape"] == [768]
    assert "layout" not in rows["conv_proj"]
    assert value["left_out"] == []


@pytest.mark.claims("convviz.structure.layers.layer", "convviz.networks.registry.spec")
def test_names_that_are_wrong_or_empty(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--network", "googlenet", "--weights", "random"]
    for empty in ("", " "):
        assert main(["activations", "sample:cat", "--layer", empty, *options]) == 2
        said = capsys.readouterr().err
        first, last = (layers(spec("googlenet"))[i].name for i in (0, -1))
        assert said == (
            f"convviz: GoogLeNet has no layer without a name: they go from {first} to {last}.\n"
        )
    assert main(["layers", "alexnett"]) == 2
    assert capsys.readouterr().err == (
        "convviz: There is no network called alexnett: did you mean alexnet?\n"
    )
    assert main(["layers", "zzz"]) == 2
    assert all(name in capsys.readouterr().err for name in ["alexnet, vgg11"])


@pytest.mark.claims("convviz.structure.layers._refusal")
def test_too_small_an_image_gets_the_same_sentence_from_each_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("layers", "costs"):
        assert main([command, "alexnet", "--input-size", "20"]) == 2
        said = capsys.readouterr().err
        assert "AlexNet cannot take an image of 20×20 pixels: choose 63×63 or more" in said
    assert main(["layers", "alexnet", "--input-size", "20"]) == 2
    # 20 pixels: 4 after conv1, 1 after pool1; pool2 needs 3.
    assert "layer pool2 is left with 1×1 of them and needs 3×3" in capsys.readouterr().err


class TestFind:
    def test_by_name_or_title(self) -> None:
        network = load("googlenet")
        for text in ("inception3a.branch4.1", "inception3a · pool projection"):
            assert find_layer(network, text).name == "inception3a.branch4.1"
        assert find_layer(network, "INCEPTION3A").name == "inception3a"

    @pytest.mark.parametrize(
        ("text", "near"),
        [("inception9z", "inception"), ("inception4a · 7×7", "inception4a · "), ("", "googlenet")],
    )
    def test_near_matches(self, text: str, near: str) -> None:
        with pytest.raises(NetworkError, match=f"(?i){near}"):
            find_layer(load("googlenet"), text)


def test_the_command_loads_nothing_that_it_does_not_use() -> None:
    code = (
        "import sys; from convviz.cli import main; main(['layers', 'alexnet']);"
        "print('loaded:', *(set(module.split('.')[0] for module in sys.modules)))"
    )
    root = Path(__file__).parents[2]
    text = subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True)
    loaded = set(text.rpartition("loaded:")[2].split())
    assert "torch" in loaded
    unused = {"streamlit", "plotly", "dask", "distributed", "sklearn", "scipy", "matplotlib"}
    assert loaded & unused == set()
