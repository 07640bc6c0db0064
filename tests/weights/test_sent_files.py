"""Files of weights that a visitor sends: recognised by their tensors, named by a file of names."""

import hashlib
import io
import json
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torchvision.models import get_model, shufflenet_v2_x0_5, vgg13

from convviz.errors import WeightsError
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import available, register, spec
from convviz.weights import checkpoint, findings, imagenet, trained
from convviz.weights.class_names import read_class_names
from convviz.weights.fitting import networks_fitting
from convviz.weights.load import load, open_sent
from convviz.weights.sent_file import SentFile
from tests.class_folders import zipped
from tests.weights.test_state_dict_file import Net, assert_numbered, fine_tuned, numbered, prefixed

Make = Callable[[Any], bytes]


def torch_file(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def old_torch_file(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def sent(content: Any, name: str = "run.pth") -> SentFile:
    return SentFile(name, torch_file(content))


@pytest.fixture
def net(fresh_registry: None) -> NetworkSpec:
    own = NetworkSpec(name="net", title="Net", build=Net, input_size=16)
    register(own)
    return own


@pytest.mark.parametrize("make", [torch_file, old_torch_file, pickle.dumps, save])
def test_every_kind_of_file_is_read_from_memory(net: NetworkSpec, make: Make) -> None:
    file = SentFile("anything", make(prefixed("module.")))
    assert networks_fitting(file) == ("net",)
    network = open_sent(file, "net")
    assert_numbered(network.module)
    assert network.weights.title == "Your file anything"
    assert network.weights.bytes == len(file.data)


def test_a_fine_tuned_network_of_torchvision_is_recognised_and_opened_as_its_file_is(
    tmp_path: Path,
) -> None:
    name, state = "shufflenet_v2_x0_5", shufflenet_v2_x0_5(num_classes=3).state_dict()
    file = sent(state)
    assert networks_fitting(file) == (name,)
    path = tmp_path / "run.pth"
    path.write_bytes(file.data)
    for network in (open_sent(file, name), load(name, path)):
        assert network.weights.classes == ("class 0", "class 1", "class 2")
        assert torch.equal(network.module.get_submodule("fc").weight, state["fc.weight"])


def test_the_source_tells_files_networks_and_names_apart_and_can_be_loaded(
    net: NetworkSpec,
) -> None:
    register(NetworkSpec(name="twin", title="Twin", build=Net, input_size=16))
    file, names = sent(numbered()), ("a", "b", "c", "d", "e")
    assert networks_fitting(file) == ("net", "twin")
    opened = [open_sent(file, "net"), open_sent(file, "twin"), open_sent(file, "net", names)]
    sources = [trained.keep(network) for network in opened]
    assert len(set(sources)) == 3
    assert [load(n.name, s) for n, s in zip(opened, sources, strict=True)] == opened
    assert opened[2].weights.classes == names


def test_a_fine_tuned_network_is_recognised_with_its_number_of_classes(thin_classes: None) -> None:
    file = sent({"model": fine_tuned("alexnet", 10), "epoch": 3}, "pets.pth")
    assert networks_fitting(file) == ("alexnet",)
    network = open_sent(file, "alexnet")
    assert network.weights.classes == tuple(f"class {k}" for k in range(10))
    assert network.module(torch.zeros(1, 3, 64, 64)).shape == (1, 10)
    names = tuple("abcdefghij")
    assert open_sent(file, "alexnet", names).weights.classes == names
    with pytest.raises(WeightsError, match="There are 2 names of classes, but the network has 10"):
        open_sent(file, "alexnet", ("a", "b"))


FORMER = {
    "densenet121": ((r"(denselayer\d+\.)(norm|conv)([12])\.", r"\1\2.\3."),),
    "vit_b_32": ((r"\.mlp\.0\.", ".mlp.linear_1."), (r"\.mlp\.3\.", ".mlp.linear_2.")),
}


@pytest.mark.parametrize("name", FORMER)
@pytest.mark.parametrize("wrapper", ["", "module."])
def test_files_with_torchvisions_former_names_are_recognised(
    tmp_path: Path, name: str, wrapper: str
) -> None:
    with torch.random.fork_rng(devices=()):
        today = get_model(name, num_classes=3).state_dict()
    former = {}
    for key, value in today.items():
        for pattern, other in FORMER[name]:
            key = re.sub(pattern, other, key)
        former[wrapper + key] = value.half()
    assert len(former.keys() & {wrapper + key for key in today}) < len(today)
    file = sent(former)
    assert networks_fitting(file) == (name,)
    path = tmp_path / "run.pth"
    path.write_bytes(file.data)
    for network in (open_sent(file, name), load(name, path)):
        for key, value in network.module.state_dict().items():
            assert value.equal(today[key].half().to(value.dtype)), key


@pytest.mark.claims(
    "convviz.weights.findings.torchvisions_own", "convviz.weights.findings.scaled_as_torchvisions"
)
def test_torchvisions_own_file_is_told_by_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "shufflenet_v2_x0_5"
    file = sent(shufflenet_v2_x0_5().state_dict(), "mine.pth")
    path = tmp_path / "mine.pth"
    path.write_bytes(file.data)
    for network in (open_sent(file, name), load(name, path)):
        assert network.weights.note == (
            "The file mine.pth is not torchvision's; convviz takes its 1,000 classes for those of "
            "ImageNet. Images are scaled for it as for torchvision's weights: if it was trained on "
            "images scaled otherwise, describe it in CONVVIZ_NETWORKS, with its own mean and std."
        )
        assert network.weights.training_set == "not stated"
    entry = imagenet.torchvision_file(spec(name))
    assert entry is not None
    digest = hashlib.sha256(file.data).hexdigest()
    monkeypatch.setattr(
        imagenet, "torchvision_file", lambda _: replace(entry, sha256_prefix=digest[:8])
    )
    for network in (open_sent(file, name), load(name, path)):
        assert network.weights.note == "The file mine.pth is torchvision's own."
        assert network.weights.training_set == "ImageNet-1k"
        assert network.weights.classes == entry.classes


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_what_scales_its_images_once_more_says_so(name: str) -> None:
    """A network that was trained from scratch does not, and no file says which it is."""
    module = get_model(name, num_classes=3, init_weights=False)
    network = open_sent(sent(module.state_dict()), name)
    assert network.module.transform_input is True
    assert "as for torchvision's weights, with transform_input=True: if it was trained without" in (
        network.weights.note
    )


@pytest.mark.parametrize("auxiliary", [True, False])
def test_googlenet_is_recognised_with_auxiliary_heads_and_without(auxiliary: bool) -> None:
    state = {
        name: torch.full(value.shape, 0.5).to(value.dtype)
        for name, value in fine_tuned("googlenet", 7).items()
        if auxiliary or not name.startswith("aux")
    }
    assert "googlenet" in networks_fitting(sent(state))
    assert len(open_sent(sent(state), "googlenet").weights.classes) == 7


def test_relatives_are_told_apart_by_names_and_shapes() -> None:
    """VGG11 to VGG19 share the names of their first layers."""
    with torch.device("meta"):
        module = vgg13(num_classes=3).features
    small = {f"features.{k}": torch.zeros(v.shape) for k, v in module.state_dict().items()}
    with pytest.raises(
        WeightsError, match=r"networks here.*\(nearest is VGG13: 20 of its 26 names"
    ):
        networks_fitting(sent(small))


@pytest.mark.claims("convviz.weights.fitting._no_network")
def test_weights_of_an_unknown_network_say_what_to_do(net: NetworkSpec) -> None:
    with pytest.raises(WeightsError) as caught:
        networks_fitting(sent({"elsewhere.weight": torch.zeros(3)}, "mine.pth"))
    assert f"mine.pth are those of none of the {len(available())} networks here" in str(
        caught.value
    )
    assert "nearest" not in str(caught.value)
    assert "CONVVIZ_NETWORKS" in str(caught.value)


@pytest.mark.claims("convviz.weights.fitting._difference")
def test_another_shape_than_that_of_the_scores_is_no_fit(net: NetworkSpec) -> None:
    state = numbered()
    state["conv.weight"] = torch.zeros(4, 1, 3, 3)
    there = r"nearest is Net, where conv\.weight is 4 × 3 × 3 × 3; in the file it is 4 × 1 × 3 × 3"
    with pytest.raises(WeightsError, match=there):
        networks_fitting(sent(state))


@pytest.mark.claims("convviz.weights.fitting._difference")
def test_what_the_nearest_network_has_not_is_named(net: NetworkSpec) -> None:
    state = numbered() | {"attention.weight": torch.zeros(3, 3), "attention.bias": torch.zeros(3)}
    with pytest.raises(WeightsError, match=r"nearest is Net, which has no attention\.weight\)"):
        networks_fitting(sent(state))


@pytest.mark.claims("convviz.weights.fitting._difference")
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.model."])
def test_another_head_is_named_whatever_the_names_begin_with(net: NetworkSpec, prefix: str) -> None:
    """Who fine-tunes puts other layers in the place of the last one."""
    state = {f"{prefix}{name}".replace("fc.", "fc.1."): value for name, value in numbered().items()}
    assert [name for name in state if ".fc.1." in f".{name}"]
    with pytest.raises(WeightsError, match=r"7 of its 9 names are in the file, fc\.weight is not"):
        networks_fitting(sent(state))


def test_a_users_network_that_cannot_be_built_hinders_no_other(net: NetworkSpec) -> None:
    def build() -> nn.Module:
        raise RuntimeError("no")

    register(NetworkSpec(name="broken", title="Broken", build=build))
    assert networks_fitting(sent(numbered())) == ("net",)


def test_memory_is_counted_in_float32_and_shared_tensors_once(net: NetworkSpec) -> None:
    half = {name: value.half() for name, value in numbered().items()}
    network = open_sent(sent(half), "net")
    counted = 4 * (3 * 4 * 9 + 4 + 4 * 4 + 4 * 5 + 5) + 8  # and a counter of 8 bytes
    assert trained.memory_of(network) == counted


# Names of classes.

LISTS = {
    "lines": "ant\nbee\ncat",
    "a byte order mark, Windows' ends and blank lines": "\ufeffant\r\n\r\nbee\r\ncat\r\n\n",
    "numbers before them": "0 ant\n1 bee\n2 cat",
    "numbers in another order": "2: cat\n0: ant\n1: bee",
    "a list": '["ant", "bee", "cat"]',
    "by name": '{"cat": 2, "ant": 0, "bee": 1}',
    "by number": '{"0": "ant", "2": "cat", "1": "bee"}',
    "ImageNet's index": '{"0": ["n1", "ant"], "1": ["n2", "bee"], "2": ["n3", "cat"]}',
    "under a key": '{"id2label": {"0": "ant", "1": "bee", "2": "cat"}, "x": 1}',
    "under another": '{"classes": ["ant", "bee", "cat"]}',
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_names_of_classes_are_read(text: str) -> None:
    assert read_class_names("names", text.encode()) == ("ant", "bee", "cat")


def test_names_may_hold_spaces_signs_and_numbers() -> None:
    names = ("great white shark", "7", "ÿ, ñ", "2 dogs")
    assert read_class_names("names.txt", "\n".join(names).encode()) == names
    assert read_class_names("names.json", json.dumps(names).encode()) == names


@pytest.mark.claims("convviz.weights.class_names._no_names")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n \n",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"{}",
        b"[" * 100_000,
        b'{"a": 5}',
        b"x" * 2_000_001,
    ],
)
def test_a_file_without_names_gets_a_sentence(data: bytes) -> None:
    with pytest.raises(WeightsError, match=r"names\.txt does not hold names of classes"):
        read_class_names("names.txt", data)


# Files of other programs.

NPZ = io.BytesIO()
np.savez(NPZ, weight=np.zeros(3))


@pytest.mark.claims("convviz.weights.findings.other_format")
@pytest.mark.parametrize(
    ("name", "start", "program"),
    [
        ("a.bin", b"\x08\x07\x12\x07pytorch\x1a\x032.0", "an ONNX file"),
        ("a", b"\x08\x08\x3a\xd0\x01", "an ONNX file"),
        ("a.onnx", b"", "an ONNX file"),
        ("A.ONNX", b"junk", "an ONNX file"),
        ("a.pt", b"\x89HDF\r\n\x1a\n" + bytes(20), "a Keras file"),
        ("a.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow file"),
        ("a.npz", NPZ.getvalue(), "a NumPy file"),
        ("a", b"GGUF\3\0", "a GGUF file"),
        ("a.onnx", torch_file({"a": torch.zeros(1)}), ""),
        ("a.pth", b"\x08\x07\x12\0\0\0\0\0{", ""),
        ("a.pth", torch_file({"a": torch.zeros(1)}), ""),
        ("a.pkl", pickle.dumps({}), ""),
        ("a.pth", b"", ""),
    ],
)
def test_files_of_other_programs_are_named(name: str, start: bytes, program: str) -> None:
    text = findings.other_format(name, start)
    assert text.startswith(f"The file {name} is {program}, which" if program else "")
    assert bool(text) == bool(program)


def test_the_sentence_comes_wherever_a_file_of_weights_is_read(
    net: NetworkSpec, folder: Path
) -> None:
    data = b"\x08\x07\x12\x07pytorch\x1a\x032.0"
    (folder / "net.bin").write_bytes(data)
    (folder / "other.onnx").write_bytes(data)
    calls: list[Callable[[], object]] = [
        lambda: load("net", folder / "other.onnx"),
        lambda: load("net"),
        lambda: networks_fitting(SentFile("x.onnx", data)),
    ]
    for call in calls:
        with pytest.raises(WeightsError, match=r"is an ONNX file.*torch\.save"):
            call()


# Weights that a list of a network's tensors alone does not tell.


def test_tensors_that_are_none_of_the_networks_make_no_difference(net: NetworkSpec) -> None:
    state: dict[str, Tensor] = OrderedDict(prefixed("model."))
    state["criterion.weight"] = torch.ones(5)
    file = sent({"state_dict": state, "losses": np.zeros(3), "best": np.float64(0.5)})
    assert networks_fitting(file) == ("net",)
    assert_numbered(open_sent(file, "net").module)
    assert checkpoint.open_file(file, mapped=True).source is file


@pytest.mark.claims("convviz.weights.findings.stands_for_another")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"\n<html><body>Too many downloads</body></html>", "is a web page"),
        (b"\x1f\x8b\x08\x00", "is packed: unpack it"),
        (b"best.pth".ljust(257, b"\x00") + b"ustar\x0000", "is packed: unpack it"),
        (b'{"metadata": {"total_size": 9}, "weight_map": {"a": "b"}}', "only lists which tensor"),
        (b'{\n  "architectures": ["ResNetForImageClassification"]', "is a text in JSON"),
        (zipped({"runs/best.pth": torch_file(numbered())}), "unpack it"),
        (zipped({"net/archive_format": b"pt2"}), "written by torch.export"),
    ],
)
def test_what_came_in_place_of_the_weights_is_named(data: bytes, words: str) -> None:
    with pytest.raises(WeightsError, match=rf"The file net\.pt .*{words}"):
        networks_fitting(SentFile("net.pt", data))


@pytest.mark.claims("convviz.weights.checkpoint.File._of_other_kinds")
@pytest.mark.parametrize(
    "change", [Tensor.to_sparse, lambda each: torch.empty_like(each, device="meta")]
)
def test_tensors_of_other_kinds_are_named_and_not_taken_for_another_network(
    net: NetworkSpec, change: Callable[[Tensor], Tensor]
) -> None:
    file = sent({name: change(value) for name, value in numbered().items()})
    with pytest.raises(WeightsError, match=r"The file run\.pth holds tensors"):
        networks_fitting(file)


def test_a_state_dict_in_a_list_is_found(net: NetworkSpec) -> None:
    for content in ((numbered(), {"epochs": 3}), [prefixed("module.")]):
        assert networks_fitting(sent(content)) == ("net",)
        assert_numbered(open_sent(sent(content), "net").module)


def test_a_network_of_ones_own_gets_as_many_classes_if_its_build_takes_them(
    fresh_registry: None,
) -> None:
    def build(num_classes: int = 2) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes)
        )

    register(NetworkSpec(name="free", title="Free", build=build, input_size=8, classes=("a", "b")))
    register(NetworkSpec(name="bound", title="Bound", build=lambda: build(), input_size=8))
    file = sent(build(7).state_dict())
    assert networks_fitting(file) == ("free",)
    network = open_sent(file, "free")
    assert network.module(torch.zeros(1, 3, 8, 8)).shape == (1, 7)
    assert network.weights.classes == tuple(f"class {n}" for n in range(7))
    assert open_sent(sent(build(2).state_dict()), "free").weights.classes == ("a", "b")
    with pytest.raises(WeightsError, match="for 7 classes, and Bound is built with another number"):
        open_sent(file, "bound")
