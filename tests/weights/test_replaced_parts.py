"""Files of torchvision's networks whose head or first convolution was replaced, as people do it."""

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from convviz.errors import WeightsError
from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form, put
from convviz.networks.initial_weights import draw
from convviz.networks.registry import spec
from convviz.networks.replaced_parts import ReplacedParts, network_with_parts, parts_of
from convviz.structure.layers import layers
from convviz.weights import findings, trained
from convviz.weights.fitting import networks_fitting
from convviz.weights.load import load, open_saved, open_sent
from convviz.weights.plain_pytorch import has_script, script, write
from convviz.weights.trained import TrainedInfo
from tests.weights.test_plain_pytorch import RUN
from tests.weights.test_sent_files import sent

Change = Callable[[nn.Module], object]


def drawn(name: str, **parts: nn.Module | Callable[[nn.Module], nn.Module]) -> nn.Module:
    """One of torchvision's networks with other parts, every number of it drawn."""
    torch.manual_seed(0)
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "vgg11") else {}
    module = get_model(name, weights=None, **options)
    for path, part in parts.items():
        path = path.replace("__", ".")
        old = module.get_submodule(path)
        put(module, path, part if isinstance(part, nn.Module) else part(old))
    generator = torch.Generator().manual_seed(1)
    for key, value in module.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point() and value.dim() < 2:
            value.uniform_(-0.1, 0.2, generator=generator)
    return module.eval()


def one_channel(old: nn.Module) -> nn.Module:
    assert isinstance(old, nn.Conv2d)
    return nn.Conv2d(
        1, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None
    )


def several(inputs: int, classes: int = 5) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, classes))


def dropout(inputs: int, classes: int = 5) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(inputs, classes))


def normed(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(0.1),
        nn.Linear(inputs, 12, bias=False),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(12, 7),
        nn.ReLU(),
        nn.Linear(7, 5),
        nn.LogSoftmax(1),
    )


# By torchvision's name, what is put where.
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("resnet18", {"fc": several(512)}),
    ("resnet18", {"fc": dropout(512), "conv1": one_channel}),
    ("resnet18", {"conv1": nn.Conv2d(1, 64, 7, 2, 3)}),
    ("shufflenet_v2_x0_5", {"fc": normed(1024)}),
    ("squeezenet1_1", {"features__0": one_channel, "classifier__1": nn.Conv2d(512, 5, 1)}),
    ("mobilenet_v3_small", {"classifier": several(576, 5)[0]}),
    ("mobilenet_v3_small", {"classifier__3": several(1024)}),
    ("mobilenet_v3_small", {"classifier": dropout(576), "features__0__0": one_channel}),
    ("resnet18", {"conv1": nn.Conv2d(3, 64, 7, 2, 3), "fc": nn.Linear(512, 4)}),
    ("resnet50", {"fc": several(2048)}),
    ("resnext50_32x4d", {"fc": dropout(2048)}),
    ("mobilenet_v2", {"classifier": nn.Linear(1280, 5)}),
    ("mobilenet_v2", {"classifier__1": several(1280)}),
    ("efficientnet_b0", {"classifier": several(1280), "features__0__0": one_channel}),
    ("densenet121", {"classifier": dropout(1024), "features__conv0": one_channel}),
    ("googlenet", {"fc": several(1024), "conv1__conv": one_channel}),
    ("googlenet", {"fc": dropout(1024)}),
    ("inception_v3", {"fc": dropout(2048), "Conv2d_1a_3x3__conv": one_channel}),
    ("mnasnet0_5", {"classifier": normed(1280)}),
    ("regnet_y_400mf", {"fc": dropout(440), "stem__0": one_channel}),
    ("convnext_tiny", {"classifier__2": several(768), "features__0__0": one_channel}),
    ("swin_t", {"head": dropout(768), "features__0__0": one_channel}),
    ("vit_b_32", {"heads": several(768)}),
    ("vit_b_32", {"heads__head": dropout(768), "conv_proj": one_channel}),
    ("vit_b_32", {"heads": nn.Linear(768, 5)}),
    ("alexnet", {"classifier": dropout(9216)}),
    ("alexnet", {"classifier__6": several(4096), "features__0": one_channel}),
    ("vgg11", {"classifier": several(25088)}),
    ("resnet18", {"conv1": one_channel}),
)
SIDES = {"inception_v3": 96, "alexnet": 96, "vit_b_32": 224, "googlenet": 96}


def opened(module: nn.Module, name: str) -> Any:
    state = OrderedDict(
        (key, value)
        for key, value in module.state_dict().items()
        if not key.startswith(("aux", "AuxLogits"))
    )
    return open_sent(sent(state), name)


@pytest.fixture
def two_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare files with two networks alone, not with all 80."""
    monkeypatch.setattr(
        "convviz.weights.fitting.registry.available", lambda: ("resnet18", "mobilenet_v3_small")
    )


def test_the_network_is_found_by_its_names_and_shapes(two_networks: None) -> None:
    file = sent({"model": drawn("resnet18", fc=several(512), conv1=one_channel).state_dict()})
    assert networks_fitting(file) == ("resnet18",)


FEW = 5  # of them are tried by `make test`


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        pytest.param(
            name,
            parts,
            id=f"{name}-{'-'.join(parts)}",
            marks=() if number < FEW else pytest.mark.networks,
        )
        for number, (name, parts) in enumerate(CASES)
    ],
)
def test_the_network_with_its_parts_computes_what_the_original_computes(
    name: str, parts: dict[str, Any]
) -> None:
    module = drawn(name, **parts)
    channels = next(p.in_channels for p in module.modules() if isinstance(p, nn.Conv2d))
    if hasattr(module, "transform_input"):
        module.transform_input = channels == 3  # as torchvision's weights are used
    network = opened(module, name)
    side = SIDES.get(name, 64)
    images = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        right: Tensor = module(images)
        found = network.module(images)
    if any(isinstance(part, nn.LogSoftmax) for part in module.modules()):  # it has no weights
        found = found.log_softmax(1)
    assert right.std() > 1e-4
    assert torch.equal(found, right) or torch.allclose(found, right, rtol=1e-4, atol=1e-5)
    assert len(network.weights.classes) == right.shape[1]
    assert len(network.spec.mean) == len(network.spec.std) == channels


def test_the_network_is_found_among_all_of_torchvisions() -> None:
    file = sent(drawn("resnet18", fc=several(512), conv1=one_channel).state_dict())
    assert networks_fitting(file) == ("resnet18",)


@pytest.mark.claims("convviz.networks.replaced_parts.network_with_parts")
@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ({"conv1": one_channel}, "ResNet18 for grey images"),
        ({"fc": dropout(512)}, "ResNet18 with another head"),
        ({"conv1": nn.Conv2d(3, 64, 7, 2, 3)}, "ResNet18 with another first convolution"),
    ],
)
def test_its_title_says_what_was_replaced(parts: dict[str, Any], title: str) -> None:
    assert opened(drawn("resnet18", **parts), "resnet18").title == title


def test_its_layers_and_images_are_its_own() -> None:
    network = opened(drawn("resnet18", fc=several(512), conv1=one_channel), "resnet18")
    assert network.title == "ResNet18 for grey images, with another head"
    assert spec(network.name).title == network.title
    listed = {layer.name: layer.shape for layer in layers(spec(network.name), 64)}
    assert [listed[f"fc.{layer}"] for layer in (0, 1, 3)] == [(12,), (12,), (5,)]
    assert listed["conv1"] == (64, 32, 32)
    assert network.spec.mean == (pytest.approx((0.485 + 0.456 + 0.406) / 3),)


def test_a_path_on_the_command_line_opens_it_as_a_sent_file_does(tmp_path: Path) -> None:
    module = drawn("resnet18", fc=dropout(512), conv1=one_channel)
    path = tmp_path / "best.pth"
    torch.save({"model": module.state_dict(), "epoch": 3}, path)
    network = load("resnet18", path)
    assert torch.equal(network.module.get_submodule("fc.1").weight, module.fc[1].weight)


def test_a_file_of_that_name_in_the_folder_says_how_to_open_it(folder: Path) -> None:
    torch.save(drawn("resnet18", conv1=one_channel).state_dict(), folder / "resnet18.pth")
    with pytest.raises(WeightsError, match="is not ResNet18 as it is listed: open it under"):
        load("resnet18", "imagenet", fetch=False)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        # The ReLU may be before or after the batch norm.
        (
            {
                "fc": nn.Sequential(
                    nn.Linear(512, 9), nn.ReLU(), nn.BatchNorm1d(9), nn.Dropout(), nn.Linear(9, 5)
                )
            },
            "fc.weight is not",
        ),
        # Names do not say in which order layers run.
        (
            {
                "fc": nn.Sequential(
                    OrderedDict(one=nn.Linear(512, 9), act=nn.Tanh(), two=nn.Linear(9, 5))
                )
            },
            "fc.weight is not",
        ),
        # Four channels are neither grey nor colours.
        ({"conv1": nn.Conv2d(4, 64, 7, 2, 3, bias=False)}, "64 × 3 × 7 × 7"),
        # How a convolution of another size moves is in no file.
        ({"conv1": nn.Conv2d(3, 64, 3, 1, 1, bias=False)}, "64 × 3 × 7 × 7"),
        ({"fc": nn.Sequential(nn.Linear(512, 9), nn.LayerNorm(9), nn.Linear(9, 5))}, "fc.weight"),
    ],
)
def test_what_names_and_shapes_do_not_tell_is_refused_with_the_way_out(
    two_networks: None, parts: dict[str, nn.Module], why: str
) -> None:
    file = sent(drawn("resnet18", **parts).state_dict())
    with pytest.raises(WeightsError, match=why) as refusal:
        networks_fitting(file)
    assert "name a Python file that builds their network in CONVVIZ_NETWORKS" in str(refusal.value)


def test_a_head_whose_own_activation_is_no_relu_is_not_taken_for_one(two_networks: None) -> None:
    # MobileNetV3's own head has Hardswish where this one has ReLU, under the same names.
    file = sent(drawn("mobilenet_v3_small", classifier=several(576)).state_dict())
    with pytest.raises(WeightsError, match="CONVVIZ_NETWORKS"):
        networks_fitting(file)


@pytest.mark.claims(
    "convviz.weights.findings.with_replaced_parts", "convviz.weights.findings.open_by_hand"
)
def test_the_note_says_what_was_replaced_and_what_is_assumed() -> None:
    network = opened(drawn("resnet18", fc=several(512, 5), conv1=one_channel), "resnet18")
    note = network.weights.note
    assert "Its first convolution, conv1, takes grey images" in note
    assert "Its head, fc, is not that of ResNet18" in note
    assert "512 → 12, ReLU, 12 → 5." in note
    assert "A ReLU between fully connected layers is assumed" in note
    plain = opened(drawn("resnet18", fc=dropout(512)), "resnet18").weights.note
    assert "512 → 5." in plain
    assert "assumed" not in plain
    biased = opened(drawn("resnet18", conv1=nn.Conv2d(3, 64, 7, 2, 3)), "resnet18").weights.note
    assert "conv1, has a bias, which that of ResNet18 has not" in biased
    by_hand = findings.open_by_hand("a.pth", "ResNet18 for grey images", "ResNet18")
    assert by_hand.startswith("The file a.pth holds ResNet18 for grey images")


def test_what_was_replaced_is_written_and_read() -> None:
    network = opened(drawn("resnet18", fc=several(512), conv1=one_channel), "resnet18")
    parts = parts_of(network.spec)
    assert parts is not None
    assert ReplacedParts.parse(parts.text) == parts
    assert network_with_parts(parts) is spec(network.name)
    for damaged in ('{"network": 3}', "[]", parts.text.replace('"channels": 1', '"channels": 7')):
        with pytest.raises((ValueError, KeyError, TypeError)):
            ReplacedParts.parse(damaged)


def test_a_file_of_what_was_trained_on_it_opens_where_nobody_has_opened_it_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = opened(
        drawn("shufflenet_v2_x0_5", fc=several(1024), conv1__0=one_channel), "shufflenet_v2_x0_5"
    )
    parts = parts_of(network.spec)
    assert parts is not None
    form = Form("fc.3", 12, ("left", "right"))
    module = in_form(clone(network.module), form)
    info = TrainedInfo(network.name, form, 64, "scans", "A note.", 0.75, parts=parts.text)
    data = trained.write(module, info)
    path = tmp_path / "scans.safetensors"
    path.write_bytes(data)
    images = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    for read in (lambda: open_saved(data), lambda: load("shufflenet_v2_x0_5", path)):
        monkeypatch.setattr("convviz.networks.registry._unlisted", OrderedDict())
        found = read()
        assert found.name == network.name
        assert found.weights.classes == ("left", "right")
        with torch.no_grad():
            assert torch.equal(found.module(images), module.eval()(images))
    damaged = data.replace(b"channels", b"channelz", 1)
    assert damaged != data
    with pytest.raises(WeightsError, match="damaged"):
        open_saved(damaged)


TRAINED: dict[str, tuple[str, dict[str, Any], Form]] = {
    "another_head": ("resnet18", {"fc": several(512)}, Form("fc.3", 12, ("left", "right"))),
    "grey": (
        "shufflenet_v2_x0_5",
        {"conv1__0": one_channel, "fc": normed(1024)},
        Form("fc.7", 7, ("left", "right"), (4,)),
    ),
    "grey_alone": ("resnet18", {"conv1": one_channel}, Form("fc", 512, ("left", "right"), (4,))),
    "colours": ("googlenet", {"fc": dropout(1024)}, Form("fc.1", 1024, ("left", "right"))),
    "one_layer": (
        "mobilenet_v3_small",
        {"classifier": several(576)[0], "features__0__0": one_channel},
        Form("classifier", 576, ("left", "right")),
    ),
    "pooled": (
        "alexnet",
        {"features__0": one_channel},
        Form("decoder", 256, ("left", "right"), pooled=True),
    ),
}


@pytest.mark.parametrize("key", TRAINED)
def test_what_was_trained_on_it_goes_home_with_a_script(tmp_path: Path, key: str) -> None:
    name, parts, form = TRAINED[key]
    network = opened(drawn(name, **parts), name)
    assert has_script(network.name)
    with torch.device("meta"):
        module = in_form(clone(network.module), form, network.spec.auxiliary)
    decoder = module.get_submodule(form.decoder).to_empty(device="cpu")
    draw(decoder, torch.Generator().manual_seed(3))
    replaced = parts_of(network.spec)
    assert replaced is not None
    about = TrainedInfo(network.name, form, 96, "scans", "A note.", 0.75, parts=replaced.text)
    (tmp_path / "net.pt").write_bytes(write(module.eval(), about))
    text = script(about, "net.pt")
    channels = len(network.spec.mean)
    assert f"(N, {channels}, 96, 96): {'grey values' if channels == 1 else 'colours'} in" in text
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    images = torch.randn(2, channels, 96, 96, generator=torch.Generator().manual_seed(0))
    torch.save(images, tmp_path / "input.tensor")
    subprocess.run([sys.executable, "-I", "-c", RUN, "net"], cwd=tmp_path, check=True, timeout=300)
    scores = torch.load(tmp_path / "net.scores")
    assert scores.shape == (2, 2)
    assert scores.std() > 1e-4
    with torch.no_grad():
        torch.testing.assert_close(scores, module(images))
