"""Files of trained networks: whole or only the trained part, and everything that can be wrong."""

import io
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from convviz.errors import WeightsError, WeightsNotHere
from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.learning.plan import plan as make_plan
from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form
from convviz.networks.initial_weights import draw
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.weights import trained
from convviz.weights.load import load, open_saved, source_statuses
from convviz.weights.trained import TrainedInfo

CLASSES = ("cat", "dog", "fish")
PARTS = ("head",)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=4)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.norm(self.conv(x)).relu().mean((2, 3)))
        return scores


@pytest.fixture
def small(fresh_registry: None) -> Network:
    register(NetworkSpec(name="small", title="Small", build=Small, input_size=32))
    return load("small", "random")


def learned(base: Network, form: Form, seed: int = 3) -> nn.Module:
    """A network with a new decoder, as a training makes it."""
    with torch.device("meta"):
        module = in_form(clone(base.module), form, base.spec.auxiliary)
    decoder = module.get_submodule(form.decoder).to_empty(device="cpu")
    draw(decoder, torch.Generator().manual_seed(seed))
    return module.eval().requires_grad_(False)


def about(network: str, form: Form, **more: Any) -> TrainedInfo:
    return TrainedInfo(network, form, 64, "pets", "A note.", 0.75, **more)


@pytest.fixture
def file(small: Network) -> Callable[..., bytes]:
    def written(**more: Any) -> bytes:
        form = Form("head", 4, CLASSES)
        return trained.write(learned(small, form), about("small", form), **more)

    return written


def same(first: nn.Module, second: nn.Module) -> bool:
    state = second.state_dict()
    return all(value.equal(state[name]) for name, value in first.state_dict().items())


def test_a_whole_network_comes_back_with_its_classes(
    small: Network, file: Callable[..., bytes]
) -> None:
    network = open_saved(file())
    assert same(network.module, learned(small, Form("head", 4, CLASSES)))
    weights = network.weights
    assert (weights.classes, weights.title) == (CLASSES, "Yours: pets, 75 %")
    assert (weights.input_size, weights.note) == (64, "A note.")
    assert len(predict(network, decode(sample("cat").read()), k=3)) == 3


def test_the_trained_part_alone_joins_the_weights_it_was_trained_on(
    small: Network, file: Callable[..., bytes]
) -> None:
    part = file(parts=PARTS, on=small.weights)
    assert len(part) < len(file())
    assert same(open_saved(part).module, open_saved(file()).module)


def test_it_joins_no_other_weights(
    small: Network, file: Callable[..., bytes], fresh_registry: None
) -> None:
    base = load("small", "random", seed=9)
    form = Form("head", 4, CLASSES)
    part = trained.write(learned(base, form), about("small", form), parts=PARTS, on=base.weights)
    with pytest.raises(WeightsNotHere, match=r"only the trained part of Small.*“Untrained”"):
        open_saved(part)


def test_thawed_layers_and_their_batch_norms_are_part_of_it(small: Network) -> None:
    form = Form("head", 4, CLASSES)
    module = learned(small, form)
    tuned = clone(module)
    for name in ("weight", "bias", "running_mean", "running_var"):
        values = getattr(tuned.norm, name)
        values.data = values.data + 0.5
    part = trained.write(tuned, about("small", form), parts=("norm", "head"), on=small.weights)
    assert same(open_saved(part).module, tuned)
    assert not open_saved(part).module.norm.running_mean.equal(small.module.norm.running_mean)  # type: ignore


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "googlenet"])
def test_real_networks_come_back(name: str) -> None:
    base = load(name, "random")
    inputs = {"alexnet": 4096, "vgg11": 4096, "googlenet": 1024}[name]
    decoder = "fc" if name == "googlenet" else "classifier.6"
    form = Form(decoder, inputs, CLASSES)
    module = learned(base, form)
    info = about(name, form)
    part = trained.write(module, info, parts=(decoder,), on=base.weights)
    assert len(part) < 120_000
    assert same(open_saved(part).module, module)
    if name == "googlenet":
        assert same(open_saved(trained.write(module, info)).module, module)


def test_what_a_network_was_built_with_is_kept() -> None:
    base = load("googlenet", "random")
    form = Form("fc", 1024, CLASSES)
    module = learned(base, form)
    data = trained.write(module, about("googlenet", form, options=("transform_input",)))
    assert open_saved(data).module.transform_input is True
    assert (
        open_saved(trained.write(module, about("googlenet", form))).module.transform_input is False
    )


def torch_file() -> bytes:
    file = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, file)
    return file.getvalue()


def header(content: object, size: int = 0) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not saved by convviz"),
        (b"junk", "not saved by convviz"),
        (bytes(100), "not saved by convviz"),
        (b"\xff" * 100, "not saved by convviz"),
        (torch_file(), "may run code"),
        (b"\x80\x04\x95pickle", "may run code"),
        (save({"a": torch.zeros(2)}), "CONVVIZ_WEIGHTS"),
        (header({}), "CONVVIZ_WEIGHTS"),
        (header([1, 2]), "not saved by convviz"),
        (struct.pack("<Q", 2000) + b"{" * 40, "damaged"),
        (struct.pack("<Q", 400) + b"[" * 400, "not saved by convviz"),
        (struct.pack("<Q", 90_006) + b'{"a":' + b"[" * 90_001, "damaged"),
        (header({"__metadata__": {"convviz": "{}"}}), "damaged"),
        (header({"__metadata__": {"convviz": "[1]"}}), "damaged"),
        (header({"__metadata__": {"convviz": 5}}), "damaged"),
    ],
)
def test_a_file_that_is_not_ours_gets_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        open_saved(data)


def test_every_truncation_gets_a_sentence(file: Callable[..., bytes]) -> None:
    data = file()
    for length in [*range(0, 80, 7), *range(80, len(data), 97), len(data) - 1]:
        with pytest.raises(WeightsError):
            open_saved(data[:length])


def altered(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The file with another header; the tensors stay."""
    length = int.from_bytes(data[:8], "little")
    outer = json.loads(data[8 : 8 + length])
    inner = json.loads(outer["__metadata__"]["convviz"])
    change(inner)
    outer["__metadata__"]["convviz"] = json.dumps(inner)
    text = json.dumps(outer).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "unknownnet"}, "cannot be used here: There is no network"),
        ({"network": "alexnet"}, "damaged"),
        ({"network": "googlenet"}, "damaged"),
        ({"input_size": 10**9}, "damaged"),
        ({"accuracy": 7}, "damaged"),
        ({"form": None}, "damaged"),
        ({"form.classes": ["one"]}, "damaged"),
        ({"form.classes": ["a", "b"]}, r"does not fit Small: head.weight is \(3, 4\) instead"),
        ({"form.classes": [str(k) for k in range(1001)]}, "damaged"),
        ({"form.inputs": 10**12}, "damaged"),
        ({"form.decoder": "conv"}, "damaged"),
        ({"form.decoder": ""}, "damaged"),
        ({"form.decoder": "__class__"}, "damaged"),
        ({"form.pooled": True}, "damaged"),
        ({"form.hidden": [10**9]}, "damaged"),
        ({"form.hidden": [1] * 99}, "damaged"),
    ],
)
def test_a_header_that_does_not_fit_gets_a_sentence(
    file: Callable[..., bytes], change: dict[str, Any], sentence: str
) -> None:
    def apply(info: dict[str, Any]) -> None:
        for key, value in change.items():
            group, _, leaf = key.rpartition(".")
            (info[group] if group else info)[leaf] = value

    with pytest.raises(WeightsError, match=sentence):
        open_saved(altered(file(), apply))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(small: Network, value: float) -> None:
    form = Form("head", 4, CLASSES)
    module = learned(small, form)
    module.head.weight.data[0, 0] = value  # type: ignore[union-attr]
    with pytest.raises(WeightsError, match="infinite or none"):
        open_saved(trained.write(module, about("small", form)))


def test_whole_numbers_are_no_weights_and_half_precision_is_widened(small: Network) -> None:
    form = Form("head", 4, CLASSES)
    info = about("small", form)
    module = learned(small, form)
    assert open_saved(trained.write(clone(module).half(), info)).module.conv.weight.dtype == (
        torch.float32
    )
    broken = clone(module)
    broken.head.weight = nn.Parameter(torch.zeros(3, 4, dtype=torch.int64), requires_grad=False)
    with pytest.raises(WeightsError, match="damaged"):
        open_saved(trained.write(broken, info))


class Indexed(Small):
    """A network with whole numbers of its own, as a Swin's index of relative positions."""

    def __init__(self) -> None:
        super().__init__()
        self.index = nn.Buffer(torch.tensor([3, 1, 0, 2]))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.conv(x).mean((2, 3))[:, self.index])
        return scores


def test_whole_numbers_of_the_network_itself_come_back(fresh_registry: None) -> None:
    register(NetworkSpec(name="indexed", title="Indexed", build=Indexed, input_size=32))
    form = Form("head", 4, CLASSES)
    module = learned(load("indexed", "random"), form)
    network = open_saved(trained.write(module, about("indexed", form)))
    assert network.module.index.tolist() == [3, 1, 0, 2]  # type: ignore[union-attr, operator]


@pytest.mark.claims("convviz.weights.trained.load_file")
def test_a_file_is_a_choice_of_weights_by_its_path(
    small: Network, file: Callable[..., bytes], tmp_path: Path
) -> None:
    path = tmp_path / "pets.safetensors"
    path.write_bytes(file())
    assert load("small", path).weights.classes == CLASSES
    with pytest.raises(WeightsError, match=r"pets\.safetensors is a trained Small, not AlexNet"):
        load("alexnet", path)
    with pytest.raises(WeightsError, match=r"none.safetensors cannot be read"):
        load("small", tmp_path / "none.safetensors")
    path.write_bytes(b"junk")
    with pytest.raises(WeightsError, match=r"The file pets.safetensors cannot be read as weights"):
        load("small", path)


def test_files_in_the_users_folder_are_choices_for_a_whole_server(
    small: Network,
    file: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "pets.safetensors").write_bytes(file())
    (folder / "other.safetensors").write_bytes(save({"a": torch.zeros(2)}))
    (folder / "broken.safetensors").write_bytes(b"junk")
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(folder))
    statuses = [
        status for status in source_statuses("small") if status.source.startswith("trained-")
    ]
    assert [status.title for status in statuses] == ["Yours: pets, 75 % (pets.safetensors)"]
    assert statuses[0].here
    assert load("small", statuses[0].source).weights.classes == CLASSES
    assert load("small").weights.source == "own"  # never taken unasked
    assert not [s for s in source_statuses("alexnet") if s.source.startswith("trained-")]


def test_one_under_the_networks_own_name_is_no_state_dict(
    small: Network,
    file: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path))
    (tmp_path / "small.safetensors").write_bytes(file())
    assert load("small").weights.title == "As your file builds it"
    assert sum(s.source.startswith("trained-") for s in source_statuses("small")) == 1


def test_a_decoder_trained_on_alexnets_encoder_in_float32_fits_the_rounded_one() -> None:
    base = load("alexnet", "encoder")
    form = Form("decoder", 256, CLASSES, pooled=True)
    module = learned(base, form)
    part = trained.write(module, about("alexnet", form), parts=("decoder",), on=base.weights)

    def in_float32(header: dict[str, Any]) -> None:
        rounded = header["base"]["sha256"]
        header["base"]["sha256"] = {new: old for old, new in trained._ROUNDED.items()}[rounded]

    def unknown(header: dict[str, Any]) -> None:
        header["base"]["sha256"] = "0" * 64

    assert same(open_saved(altered(part, in_float32)).module, module)
    with pytest.raises(WeightsNotHere, match="only the trained part of AlexNet"):
        open_saved(altered(part, unknown))


def test_an_encoder_alone_is_no_base_for_a_part_of_the_classifier() -> None:
    base = load("alexnet", "random", seed=5)
    form = Form("classifier.6", 4096, CLASSES)
    part = trained.write(
        learned(base, form), about("alexnet", form), parts=("classifier.6",), on=base.weights
    )
    with pytest.raises(WeightsNotHere, match="only the trained part of AlexNet"):
        open_saved(part)  # the encoder is here, but has no such decoder


class Seeded(Small):
    """A network whose `build` sets the same convolution each time, and another head."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.constant_(self.conv.weight, 0.5)
        nn.init.constant_(self.conv.bias, 0.25)


@pytest.mark.parametrize(("build", "drawn_anew"), [(Small, True), (Seeded, False)])
def test_a_part_alone_is_not_written_for_a_build_that_draws_the_rest_anew(
    fresh_registry: None, build: Callable[[], nn.Module], drawn_anew: bool
) -> None:
    register(NetworkSpec(name="drawn", title="Drawn", build=build, input_size=32))
    base = load("drawn", "own")
    plan = make_plan(base, "last-layer", CLASSES)
    assert plan.is_drawn_anew == drawn_anew
    assert plan.parts_to_save() == (() if drawn_anew else PARTS)
    module = learned(base, plan.form)
    part = trained.write(module, about("drawn", plan.form), parts=PARTS, on=base.weights)
    if not drawn_anew:
        assert same(open_saved(part).module, module)
        return
    with pytest.raises(WeightsNotHere) as caught:  # as it was written before
        open_saved(part)
    assert str(caught.value) == (
        "The file holds only the trained part of Drawn; the rest is what its build() set at that "
        "time, and now it sets other weights: let it set the same ones each time, or open a file "
        "of the whole network."
    )
    assert make_plan(base, "scratch", CLASSES).is_drawn_anew is False


def test_the_network_that_is_joined_is_left_alone(
    small: Network, file: Callable[..., bytes]
) -> None:
    before = {name: value.clone() for name, value in small.module.state_dict().items()}
    open_saved(file(parts=PARTS, on=small.weights))
    assert all(value.equal(before[name]) for name, value in small.module.state_dict().items())


def test_a_header_whose_length_begins_like_a_pickle_is_read(small: Network) -> None:
    form = Form("head", 4, CLASSES)
    module = learned(small, form)
    for length in range(8, 2100, 8):
        info = replace(about("small", form), note="x" * length)
        data = trained.write(module, info)
        if data[:1] == b"\x80":
            break
    assert data[:1] == b"\x80"
    assert same(module, open_saved(data).module)
