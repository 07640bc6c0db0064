"""Files of weights as people have them: prefixes, wrappers, suffixes, other numbers of classes."""

import argparse
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from convviz.errors import WeightsError
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register, spec
from convviz.weights import checkpoint, findings
from convviz.weights.load import load
from convviz.weights.sent_file import SentFile


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))


def numbered() -> dict[str, Tensor]:
    """The network's tensors, each with numbers of its own: 0, 1, 2 … over all of them."""
    state, start = {}, 0
    for name, value in Net().state_dict().items():
        count = value.numel()
        numbers = torch.arange(start, start + count, dtype=torch.float32)
        state[name] = numbers.reshape(value.shape).to(value.dtype)
        start += count
    return state


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in numbered().items()}


def away(state: dict[str, Tensor], by: float = 1000.0) -> dict[str, Tensor]:
    return {name: value + by for name, value in state.items()}


@pytest.fixture
def net(fresh_registry: None) -> NetworkSpec:
    own = NetworkSpec(name="net", title="Net", build=Net, input_size=16)
    register(own)
    return own


def assert_numbered(module: nn.Module, by: float = 0.0) -> None:
    for name, value in module.state_dict().items():
        assert value.equal(numbered()[name] + by), name


PREFIXES = {
    "DataParallel": "module.",
    "torch.compile": "_orig_mod.",
    "both": "module._orig_mod.",
    "Lightning": "model.",
    "another": "net.",
    "a long one": "system.model.module.backbone.",
    "one nobody has heard of": "my_network.",
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_prefix_that_all_names_share_is_taken_off(
    net: NetworkSpec, tmp_path: Path, prefix: str, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(prefixed(prefix), path)
    network = load("net", path)
    assert_numbered(network.module)
    assert network.weights.note == f"The file net{suffix} says nothing of its training."


def test_wrappers_around_parts_of_a_network_leave_their_names(
    net: NetworkSpec, tmp_path: Path
) -> None:
    """The ImageNet example of PyTorch wraps AlexNet's features alone."""
    state = {name.replace("conv.", "conv.module."): v for name, v in numbered().items()}
    torch.save(state, tmp_path / "net.pth")
    assert_numbered(load("net", tmp_path / "net.pth").module)


def test_a_network_that_is_wrapped_itself_takes_plain_names(
    fresh_registry: None, tmp_path: Path
) -> None:
    register(
        NetworkSpec(name="net", title="Net", build=lambda: nn.Sequential(OrderedDict(module=Net())))
    )
    for name, state in (("a", numbered()), ("b", prefixed("module."))):
        torch.save(state, tmp_path / f"{name}.pth")
        module = load("net", tmp_path / f"{name}.pth").module
        assert_numbered(module.get_submodule("module"))


def test_a_prefix_stays_if_the_names_do_not_fit_without_it(
    net: NetworkSpec, tmp_path: Path
) -> None:
    state = prefixed("module.")
    del state["module.fc.bias"]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"net\.pth does not fit Net: it lacks conv\.weight and"):
        load("net", tmp_path / "net.pth")


WRAPPERS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    **{
        key: lambda state, key=key: {key: state, "epoch": 7}
        for key in (
            *("state_dict", "model_state_dict", "model", "net", "network", "weights"),
            *("state_dict_ema", "model_ema", "generator", "params"),
        )
    },
    "two deep": lambda state: {"checkpoint": {"model": state}, "lr": 0.1},
    "an optimiser": lambda state: {
        "model": state,
        "optimizer": torch.optim.Adam(Net().parameters()).state_dict(),
        "scheduler": {"last_epoch": 3, "_last_lr": [0.1]},
    },
    "NumPy's numbers": lambda state: {
        "model": state,
        "best": np.float64(0.5),
        "step": np.int64(3),
        "losses": np.array([1.0, 2.0]),
        "rng": np.random.default_rng(0).bit_generator.state,
    },
    "a Namespace": lambda state: {
        "model": state,
        "args": argparse.Namespace(lr=0.1, device=torch.device("cpu"), path=Path("/x/y")),
    },
    "odd ones": lambda state: {
        "state_dict": state,
        "set": {1, 2},
        "size": torch.Size([1, 2]),
        "dtype": torch.float16,
        "none": None,
        "callbacks": {("a", 1): [1.5, True, b"x", 1j]},
        "kind": Net,
    },
    "built-in functions": lambda state: {
        "state_dict": state,
        "hyper_parameters": {"log": print, "aggregate": max, "order": [sorted, len, sum, abs]},
        "first": print,
    },
    "a frozen optimiser of another kind": lambda state: {
        "net": state,
        "swa": torch.optim.swa_utils.SWALR,
    },
}


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrappers_are_opened(
    net: NetworkSpec,
    tmp_path: Path,
    wrap: Callable[[dict[str, Tensor]], Any],
    old: bool,
) -> None:
    path = tmp_path / "net.pth"
    torch.save(wrap(numbered()), path, _use_new_zipfile_serialization=not old)
    assert_numbered(load("net", path).module)
    assert_numbered(load("net", path).module)  # from memory of the checksum


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_plain_pickle_of_tensors_is_read(net: NetworkSpec, tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "net.pkl"
    path.write_bytes(pickle.dumps({"model": numbered()}, protocol))
    assert_numbered(load("net", path).module)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numpys_arrays_are_read_by_every_protocol_and_order(
    net: NetworkSpec, tmp_path: Path, protocol: int, order: str
) -> None:
    arrays = {name: np.array(each.numpy(), order=order) for name, each in numbered().items()}
    (tmp_path / "net.pkl").write_bytes(pickle.dumps({"params": arrays}, protocol))
    assert_numbered(load("net", tmp_path / "net.pkl").module)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "float32"])
def test_numpys_arrays_in_a_file_of_torch_are_read(
    net: NetworkSpec, tmp_path: Path, dtype: str
) -> None:
    arrays = {
        name: each.numpy().astype(dtype) if each.is_floating_point() else each.numpy()
        for name, each in numbered().items()
    }
    for old in (False, True):
        torch.save(arrays, tmp_path / "net.pth", _use_new_zipfile_serialization=not old)
        assert_numbered(load("net", tmp_path / "net.pth").module)


def test_arrays_that_claim_more_than_they_have_are_none() -> None:
    """The shape, the kind of number and the bytes have to agree."""
    whole = pickle.dumps({"a": np.arange(6, dtype="f4").reshape(2, 3)}, 2)
    assert b"K\x02K\x03" in whole
    for wrong in (whole.replace(b"K\x02K\x03", b"K\x02K\x04"), whole.replace(b"f4", b"f8")):
        with pytest.raises(WeightsError, match="NumPy's arrays of another kind"):
            checkpoint.open_file(SentFile("a.pkl", wrong), mapped=False)


def test_of_several_that_fit_the_trained_one_is_taken_and_the_others_are_named(
    net: NetworkSpec, tmp_path: Path
) -> None:
    content = {"model_ema": away(prefixed("module.")), "epoch": 3, "model": numbered()}
    torch.save(content, tmp_path / "net.pth")
    network = load("net", tmp_path / "net.pth")
    assert_numbered(network.module)
    assert network.weights.note == (
        "The file net.pth says nothing of its training. Several parts of the file net.pth fit: "
        "model is in use, model_ema.module is not."
    )


def test_what_stands_beside_the_network_is_left_out_and_named(
    net: NetworkSpec, tmp_path: Path
) -> None:
    state = prefixed("model.") | {
        "criterion.weight": torch.ones(5),
        "metric.total": torch.zeros(()),
    }
    torch.save({"state_dict": state}, tmp_path / "net.ckpt")
    network = load("net", tmp_path / "net.ckpt")
    assert_numbered(network.module)
    assert network.weights.note.endswith(
        "The file net.ckpt also has tensors that are not the network's, which are left out: "
        "criterion.weight and 1 more."
    )


OF_TRAINING = {
    "counts of operations": {
        f"{part}total_{what}": torch.zeros(1, dtype=torch.float64)
        for part in ("", "conv.", "norm.", "fc.")
        for what in ("ops", "params")
    },
    "a loss": {"criterion.weight": torch.ones(5)},
    "losses": {"loss_fn.ce.weight": torch.ones(5), "focal_loss.alpha": torch.ones(())},
    "metrics": {"train_accuracy.correct": torch.zeros(()), "val_f1.tp": torch.zeros(5)},
}


@pytest.mark.parametrize("beside", OF_TRAINING.values(), ids=OF_TRAINING)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_training_leaves_among_the_tensors_is_left_out_and_named(
    net: NetworkSpec, tmp_path: Path, beside: dict[str, Tensor], prefix: str
) -> None:
    more = {f"{prefix}{name}": value for name, value in beside.items()}
    torch.save(prefixed(prefix) | more, tmp_path / "net.pth")
    network = load("net", tmp_path / "net.pth")
    assert_numbered(network.module)
    assert set(network.module.state_dict()) == set(numbered())
    named = f"left out: {next(iter(more))}"
    assert named in network.weights.note
    assert ("more" in network.weights.note) == (len(more) > 1)


@pytest.mark.parametrize("other", ["conv2.weight", "block.loss.weight", "fc.gain", "head.bias"])
def test_tensors_of_another_network_are_not_left_out(
    net: NetworkSpec, tmp_path: Path, other: str
) -> None:
    torch.save(numbered() | {other: torch.ones(5)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=f"does not fit Net: it also holds {other}"):
        load("net", tmp_path / "net.pth")


# What weight_norm and spectral_norm compute a layer's weights from has had other names.


class Computed(nn.Module):
    """Weights computed from others, in the form that PyTorch had first or the one of today."""

    def __init__(self, *, old: bool) -> None:
        super().__init__()
        form = nn.utils if old else nn.utils.parametrizations
        self.conv = form.weight_norm(nn.Conv2d(3, 4, 3))
        self.deep = nn.Sequential(form.spectral_norm(nn.Conv2d(4, 4, 1)))
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.deep(self.conv(x).relu()).mean((2, 3)))


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("old", [True, False])
def test_files_of_computed_weights_fit_either_form(
    fresh_registry: None, tmp_path: Path, old: bool, prefix: str
) -> None:
    torch.manual_seed(0)
    written = Computed(old=old)
    image = torch.randn(1, 3, 16, 16)
    for _ in range(3):
        written(image)  # in train mode, so that the vectors of spectral_norm move
    written.eval()
    state = {prefix + name: value for name, value in written.state_dict().items()}
    torch.save(state, tmp_path / "net.pth")
    make = {form: lambda form=form: Computed(old=form) for form in (True, False)}
    for form, build in make.items():
        register(NetworkSpec(name=f"form-{form}".lower(), title="Net", build=build, input_size=16))
        network = load(f"form-{form}".lower(), tmp_path / "net.pth")
        torch.testing.assert_close(network.module(image), written(image))


def test_an_averaged_model_of_torch_is_read(net: NetworkSpec, tmp_path: Path) -> None:
    module = Net()
    module.load_state_dict(numbered())
    averaged = torch.optim.swa_utils.AveragedModel(module)
    torch.save(averaged.state_dict(), tmp_path / "net.pth")
    assert_numbered(load("net", tmp_path / "net.pth").module)


@pytest.mark.parametrize(
    "suffix",
    [
        *(".pth", ".pt", ".ckpt", ".bin", ".pth.tar", ".tar", ".pkl", ".safetensors"),
        *(".PTH", ".Pt", ".SafeTensors", ".th", ".pickle", ".model", ".weights", ".pth.zip"),
        *(".chkpt", ".checkpoint", ".params", ".state_dict", ".TH"),
    ],
)
def test_every_suffix_does_for_the_folder_and_for_a_path(
    net: NetworkSpec, folder: Path, suffix: str
) -> None:
    path = folder / f"Net{suffix}"
    (save_file if suffix.lower() == ".safetensors" else torch.save)(numbered(), path)
    for network in (load("net"), load("net", path)):
        assert_numbered(network.module)
        assert network.weights.title == f"Your file Net{suffix}"
    assert load("net", load("net", path).weights.source).weights.title == f"Your file Net{suffix}"


def test_the_bytes_decide_what_a_file_is(net: NetworkSpec, tmp_path: Path) -> None:
    save_file(numbered(), tmp_path / "net.pth")
    assert_numbered(load("net", tmp_path / "net.pth").module)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(
    net: NetworkSpec, tmp_path: Path, dtype: torch.dtype
) -> None:
    """Whole numbers up to 256 are exact in all of them."""
    state = {name: value.to(dtype) for name, value in numbered().items()}
    assert max(float(value.max()) for value in state.values()) <= 256
    torch.save({"state_dict": state}, tmp_path / "net.pth")
    module = load("net", tmp_path / "net.pth").module
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert_numbered(module)


def test_tensors_that_share_memory_go_on_sharing_it(fresh_registry: None, tmp_path: Path) -> None:
    first = nn.Linear(2, 2)
    content = nn.Sequential(first, first).state_dict()
    torch.save(content, tmp_path / "x.pth")
    read = checkpoint.read(tmp_path / "x.pth", mapped=False)
    assert read["0.weight"].data_ptr() == read["1.weight"].data_ptr()


def test_views_are_read_as_they_were(tmp_path: Path) -> None:
    numbers = torch.arange(24.0).reshape(4, 6)
    views = {"t": numbers.t(), "part": numbers[1:3, ::2], "one": numbers[2, 3]}
    for old in (False, True):
        torch.save(views, tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
        for mapped in (False, True):
            read = checkpoint.read(tmp_path / "x.pth", mapped=mapped)
            assert all(read[name].equal(views[name]) for name in views)


# What is no state dict gets a sentence that says what it is.


def script() -> torch.jit.ScriptModule:
    return torch.jit.trace(Net().eval(), torch.zeros(1, 3, 16, 16))


@pytest.mark.claims(
    "convviz.weights.checkpoint._no_state_dict", "convviz.weights.checkpoint._without_tensors"
)
@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(
    ("save", "sentence"),
    [
        (lambda path: torch.save(Net(), path), "holds a whole network with its Python class"),
        (
            lambda path: torch.save({"model": Net(), "epoch": 3}, path),
            "holds a whole network with its Python class",
        ),
        (lambda path: torch.jit.save(script(), path), "is a TorchScript network"),
        (
            lambda path: torch.save({"conv.weight": np.zeros(3, "U4")}, path),
            "holds NumPy's arrays of another kind",
        ),
        (
            lambda path: torch.save({"conv.weight": np.zeros(3, ">f4")}, path),
            "holds NumPy's arrays of another kind",
        ),
        (lambda path: torch.save({"epoch": 3}, path), "does not hold a state dict"),
    ],
)
def test_what_is_no_state_dict_is_named_and_the_way_out(
    net: NetworkSpec, tmp_path: Path, save: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / "net.pt"
    save(path)
    with pytest.raises(WeightsError) as caught:
        load("net", path)
    assert str(caught.value).startswith(f"The file net.pt {sentence}")
    assert "torch.save(network.state_dict(), …)" in str(caught.value)
    assert str(caught.value).count(". ") == 0


class Trap:
    """Writes a file when it is unpickled, wherever it stands."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return open, (str(self.path), "w")


class Innocent:
    """A class of somebody's training program; making one leaves a trace."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def __reduce__(self) -> tuple[object, ...]:
        return Innocent, ()


def test_nothing_beside_the_weights_is_ever_run(net: NetworkSpec, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for content in ({"model": numbered(), "x": Trap(made)}, {"x": Trap(made), **numbered()}):
        torch.save(content, tmp_path / "net.pth")
        with pytest.raises(WeightsError, match="names what starts programs"):
            load("net", tmp_path / "net.pth")
    assert not made.exists()
    torch.save({"model": numbered(), "x": Innocent()}, tmp_path / "net.pth")
    before = Innocent.made
    assert_numbered(load("net", tmp_path / "net.pth").module)
    assert Innocent.made == before


# Numbers that are none.


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["conv.weight", "norm.running_var", "fc.bias"])
def test_weights_that_are_no_numbers_are_loaded_with_a_warning_that_names_them(
    net: NetworkSpec, tmp_path: Path, name: str, value: float
) -> None:
    state = numbered()
    state[name].view(-1)[-1] = value
    torch.save(state, tmp_path / "net.pth")
    weights = load("net", tmp_path / "net.pth").weights
    assert weights.warning.startswith(f"{name} holds numbers that are infinite or not a number")
    assert weights.note.endswith(weights.warning)
    assert load("net").weights.warning == ""


# Another number of classes.


def fine_tuned(name: str, classes: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        module = spec(name).build(num_classes=classes)
    return {
        key: torch.full(value.shape, 0.5).to(value.dtype)
        for key, value in module.state_dict().items()
    }


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_another_number_of_classes_builds_the_network_with_it(
    thin_classes: None, folder: Path, classes: int
) -> None:
    torch.save({"model": fine_tuned("alexnet", classes)}, folder / "alexnet.pth")
    network = load("alexnet")
    weights = network.weights
    assert weights.source == "imagenet"
    assert weights.classes == tuple(f"class {k}" for k in range(classes))
    assert network.module(torch.zeros(1, 3, 64, 64)).shape == (1, classes)
    many = f"{classes} classes, and names none: they are"
    words = "1 class, and does not name it: it is" if classes == 1 else many
    scaled = findings.scaled_as_torchvisions(rescales=False)
    assert weights.note == f"The file alexnet.pth has {words} numbered from 0. {scaled}"


@pytest.mark.parametrize(
    "beside",
    [
        {"classes": ["ant", "bee"]},
        {"class_names": ("ant", "bee")},
        {"class_to_idx": {"bee": 1, "ant": 0}},
        {"idx_to_class": {1: "bee", 0: "ant"}},
        {"meta": {"categories": ["ant", "bee"]}},
        {"args": argparse.Namespace(classes=["ant", "bee"])},
    ],
)
def test_the_files_own_names_of_classes_are_used(
    thin_classes: None, tmp_path: Path, beside: dict[str, Any]
) -> None:
    path = tmp_path / "ants.pth"
    torch.save({"state_dict": fine_tuned("alexnet", 2), **beside}, path)
    weights = load("alexnet", path).weights
    assert weights.classes == ("ant", "bee")
    scaled = findings.scaled_as_torchvisions(rescales=False)
    assert weights.note == f"The names of its 2 classes come from the file ants.pth. {scaled}"


def test_names_in_a_safetensors_header_are_used(thin_classes: None, tmp_path: Path) -> None:
    path = tmp_path / "ants.safetensors"
    save_file(fine_tuned("alexnet", 2), path, {"classes": '["ant", "bee"]', "format": "pt"})
    assert load("alexnet", path).weights.classes == ("ant", "bee")


def test_names_of_another_number_of_classes_are_not(thin_classes: None, tmp_path: Path) -> None:
    path = tmp_path / "ants.pth"
    torch.save({"state_dict": fine_tuned("alexnet", 3), "classes": ["ant", "bee"]}, path)
    assert load("alexnet", path).weights.classes == ("class 0", "class 1", "class 2")


def test_more_than_the_number_of_classes_is_still_refused(
    thin_classes: None, tmp_path: Path
) -> None:
    state = fine_tuned("alexnet", 10)
    state["features.0.weight"] = torch.zeros(64, 5, 11, 11)
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="does not fit AlexNet: features"):
        load("alexnet", tmp_path / "x.pth")


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("classes", [0, 25_001])
def test_a_file_of_no_classes_or_too_many_is_refused(
    thin_classes: None, tmp_path: Path, classes: int
) -> None:
    torch.save(fine_tuned("alexnet", classes), tmp_path / "x.pth")
    with pytest.raises(WeightsError) as caught:
        load("alexnet", tmp_path / "x.pth")
    assert str(caught.value) == (
        f"The file x.pth is for {classes:,} classes, and AlexNet can be built here for 1 to "
        "25,000: choose the file of a network with as many."
    )


@pytest.mark.parametrize("classes", [1_001, 21_841])
def test_as_many_classes_as_the_largest_data_sets_have(
    fresh_registry: None, tmp_path: Path, classes: int
) -> None:
    state = torchvision.models.shufflenet_v2_x0_5(num_classes=classes).state_dict()
    torch.save(state, tmp_path / "x.pth")
    network = load("shufflenet_v2_x0_5", tmp_path / "x.pth")
    assert network.weights.classes[-1] == f"class {classes - 1}"
    assert network.module.get_submodule("fc").weight.equal(state["fc.weight"])  # type: ignore[operator]


# The sentences.


@pytest.mark.claims(
    "convviz.weights.findings.says_nothing",
    "convviz.weights.findings.taken_for_imagenet",
    "convviz.weights.findings.numbered_classes",
    "convviz.weights.findings.named_classes",
    "convviz.weights.findings.named_by_visitor",
)
@pytest.mark.parametrize(("count", "written"), [(1, "1"), (10, "10"), (21_841, "21,841")])
def test_sentences_on_classes_count_them(count: int, written: str) -> None:
    assert findings.says_nothing("x.pth") == "The file x.pth says nothing of its training."
    assert f"takes its {written} classes" in findings.taken_for_imagenet("x.pth", count)
    numbers = findings.numbered_classes("x.pth", count)
    assert numbers.startswith(f"The file x.pth has {written} class")
    assert ("they are" in numbers) == (count > 1)
    assert numbers.endswith("numbered from 0.")
    given = findings.named_by_visitor("x.pth", count)
    assert given.startswith("The name of the one" if count == 1 else f"The names of the {written} ")
    names = findings.named_classes("x.pth", count)
    assert names.endswith("from the file x.pth.")
    assert (written in names) == (count > 1)


@pytest.mark.claims("convviz.weights.findings.taken_from", "convviz.weights.findings.not_finite")
@pytest.mark.parametrize("count", [0, 1, 2, 1_500])
def test_sentences_on_parts_and_numbers_count_them(count: int) -> None:
    names = [f"p{k}" for k in range(count)]
    more = {0: "", 1: "p0", 2: "p0 and 1 more", 1_500: "p0 and 1,499 more"}[count]
    text = findings.taken_from("x.pth", "model", "net.", names, ())
    assert text.endswith(f"left out: {more}." if count else "")
    assert bool(text) == bool(count)
    text = findings.taken_from("x.pth", "", "", (), names[:2])
    last = {0: "", 1: "p0 is not.", 2: "p0, p1 are not."}.get(count, "p0, p1 are not.")
    assert text.endswith(last)
    warning = findings.not_finite(names)
    assert warning.startswith(more)
    assert (" holds " in warning) == (count == 1)
