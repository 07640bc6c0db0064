"""Networks that are built, trained or run in other ways than most."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from convviz.cli import main
from convviz.datasets.labelled_set import Dataset, split
from convviz.datasets.shapes import shapes
from convviz.errors import NetworkError
from convviz.features.activations import activations
from convviz.features.capture import input_for
from convviz.features.effective_field import effective_field
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import SCENARIOS, plan
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import build, register
from convviz.structure.layers import last_linear
from convviz.weights.load import load

CLASSES = ("a", "b", "c")
IMAGE = Image.effect_noise((32, 32), 90).convert("RGB")


class Gated(nn.Module):
    """Its scores come from a layer that is declared before another one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)
        self.g1 = nn.Linear(8, 4)
        self.g2 = nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu().mean((2, 3))
        return self.fc(x * torch.sigmoid(self.g2(self.g1(x).relu())))


class Scaled(nn.Module):
    """Has a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, 8, 1, 1))
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc((self.conv(x) * self.scale).relu().mean((2, 3)))


class WithFeatures(nn.Module):
    """Returns its scores and, behind them, what they are made of, in some container."""

    def __init__(self, pack: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.fc = nn.Linear(3, 5)
        self.pack = pack

    def forward(self, x: Tensor) -> Any:
        features = self.conv(x).relu().mean((2, 3))
        return self.pack(self.fc(features), features)


@dataclass
class Result:
    logits: Tensor
    features: Tensor


class Frozen(nn.Module):
    """Runs its encoder without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.conv(x).relu()
        return self.fc(x.mean((2, 3)))


class AllFrozen(Frozen):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(x)


@pytest.fixture
def own(fresh_registry: None) -> Callable[..., Network]:
    """Register a network of a user's and load it."""

    def make(module: nn.Module, **options: Any) -> Network:
        register(
            NetworkSpec(name="own", title="Own", build=lambda: module, input_size=32, **options)
        )
        return load("own")

    return make


def few() -> tuple[Dataset, Any]:
    dataset = shapes(per_class=6)
    return dataset, split(dataset)


def train(network: Network, scenario: Any) -> Any:
    dataset, parts = few()
    made = plan(network, scenario, dataset.classes)
    steps = list(fit(made, dataset, parts, TrainingSettings(epochs=2, size=32, batch=8)))
    return made, steps[-1].result


# The last layer by execution.


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_layer_that_scores_is_replaced_wherever_it_is_declared(
    own: Callable[..., Network], scenario: Any
) -> None:
    network = own(Gated())
    assert last_linear(network.spec) == "fc"
    made, result = train(network, scenario)
    assert made.form.decoder == "fc"
    assert result.module.fc is not None
    classes = len(made.form.classes)
    assert result.module(torch.zeros(2, 3, 32, 32)).shape == (2, classes)


class Behind(Gated):
    """What is made of the scores, without other weights."""

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.make = make
        self.temperature = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x).relu().mean((2, 3))
        scores, _ = self.fc(x), self.g1(x)
        return self.make(scores) / self.temperature


def without_the_first(scores: Tensor) -> Tensor:
    scores = scores.clone()
    scores[:, 0] = -9.0
    return scores


@pytest.mark.parametrize(
    "make",
    [
        lambda scores: scores,
        lambda scores: scores.softmax(1),
        lambda scores: functional.normalize(scores, dim=1),
        lambda scores: torch.stack([scores, 2 * scores]).mean(0),
        without_the_first,
    ],
)
def test_scores_may_pass_through_what_has_no_weights(
    own: Callable[..., Network], make: Callable[[Tensor], Tensor]
) -> None:
    assert last_linear(own(Behind(make)).spec) == "fc"


def test_one_layer_may_score_several_parts_of_an_image(own: Callable[..., Network]) -> None:
    class Halves(Gated):
        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return (self.fc(x[..., :9].mean((2, 3))) + self.fc(x[..., 9:].mean((2, 3)))) / 2

    assert last_linear(own(Halves()).spec) == "fc"


class ByConvolution(Gated):
    """Its classes are scored by a convolution of 1 × 1, behind a gate of fully connected layers."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = self.g2(self.g1(x.mean((2, 3))).relu()).sigmoid()
        return self.score(x * gate[:, :, None, None]).mean((2, 3))


class ByAngle(Gated):
    """Its classes are scored by the angle between what a layer puts out and weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(5, 8))

    def forward(self, x: Tensor) -> Tensor:
        embedded = functional.normalize(self.g2(self.g1(self.conv(x).mean((2, 3)))))
        return functional.linear(embedded, functional.normalize(self.kernels))


class ByTwo(Gated):
    """Two layers score its classes together."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).mean((2, 3))
        return self.fc(x) + self.fc(self.g2(self.g1(x))) * self.g2(self.g1(x)).mean()


@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune"])
@pytest.mark.parametrize("make", [ByConvolution, ByAngle, ByTwo])
def test_scores_of_another_kind_have_no_layer_that_could_be_replaced(
    own: Callable[..., Network], make: type[nn.Module], scenario: Any
) -> None:
    network = own(make())
    with pytest.raises(NetworkError, match="has no fully connected layer whose place a new"):
        plan(network, scenario, ("a", "b"))


def test_the_layer_whose_output_is_returned_scores_even_if_another_runs_later(
    own: Callable[..., Network],
) -> None:
    class Two(Gated):
        def forward(self, x: Tensor) -> Any:
            x = self.conv(x).relu().mean((2, 3))
            return {"logits": self.fc(x), "more": self.g1(x)}

    assert last_linear(own(Two()).spec) == "fc"


# Parameters on the network itself.


def test_parameters_on_the_network_itself_are_counted_and_trained(
    own: Callable[..., Network],
) -> None:
    network = own(Scaled())
    made = plan(network, "scratch", [str(k) for k in range(6)])
    by_hand = 8 + (3 * 8 * 9 + 8) + (8 * 6 + 6)
    assert made.parameters == made.trainable_parameters == by_hand == 286
    assert "scale" in made.trained_names()
    _, result = train(network, "scratch")
    assert not torch.equal(result.module.scale, torch.ones(1, 8, 1, 1))
    assert torch.equal(network.module.scale, torch.ones(1, 8, 1, 1)), "the original moved"


def test_such_a_parameter_is_frozen_with_the_encoder_or_thawed_by_its_name(
    own: Callable[..., Network],
) -> None:
    network = own(Scaled())
    _, result = train(network, "last-layer")
    assert torch.equal(result.module.scale, torch.ones(1, 8, 1, 1))
    dataset, parts = few()
    made = plan(network, "fine-tune", dataset.classes, thaw=["scale"])
    *_, last = fit(made, dataset, parts, TrainingSettings(epochs=3, size=32, batch=8))
    assert last.result is not None
    assert {p.name: p.state for p in made.parts}["scale"] == "thawed"
    assert torch.equal(last.result.module.conv.weight, network.module.conv.weight)


# Outputs in containers.


@pytest.mark.parametrize(
    "pack",
    [
        lambda scores, features: (scores, features),
        lambda scores, features: [scores, features],
        lambda scores, features: {"logits": scores, "features": features},
        Result,
        lambda scores, features: (None, {"a": scores}),
    ],
    ids=["tuple", "list", "dictionary", "dataclass", "nested"],
)
@pytest.mark.parametrize("scenario", ["last-layer", "scratch"])
def test_the_first_tensor_of_a_networks_output_is_trained_on(
    own: Callable[..., Network], pack: Callable[[Tensor, Tensor], Any], scenario: Any
) -> None:
    torch.manual_seed(0)
    first = own(WithFeatures(pack))
    made, result = train(first, scenario)
    torch.manual_seed(0)
    plain_spec = NetworkSpec(
        name="plain",
        title="Plain",
        build=lambda: WithFeatures(lambda scores, features: scores),
        input_size=32,
    )
    register(plain_spec)
    _, expected = train(load("plain"), scenario)
    assert torch.equal(result.probabilities, expected.probabilities)
    assert len(made.form.classes) == result.probabilities.shape[1]


# Without gradients.


def test_what_needs_a_gradient_says_that_there_is_none(own: Callable[..., Network]) -> None:
    network = own(Frozen())
    assert activations(network, IMAGE, "conv").maps.shape == (4, 30, 30)
    for look in (
        lambda: effective_field(network, IMAGE, "fc", 0, 0, 0),
        lambda: list(synthesise(network, "conv", 0, SynthesisConfig(steps=2))),
        lambda: list(synthesise(network, "fc", 0, SynthesisConfig(steps=2))),
    ):
        with pytest.raises(NetworkError, match=r"cannot be differentiated .* torch\.no_grad\(\)"):
            look()


def test_a_network_that_cannot_be_trained_says_so(own: Callable[..., Network]) -> None:
    with pytest.raises(NetworkError, match=r"to be trained: it computes without gradients"):
        train(own(AllFrozen()), "scratch")


# Precision and device.


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_taken_as_float32(
    own: Callable[..., Network], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    module = Scaled().to(dtype)
    expected = {name: value.float() for name, value in module.state_dict().items()}
    network = own(module)
    assert {t.dtype for t in network.module.state_dict().values()} == {torch.float32}
    assert all(network.module.state_dict()[name].equal(expected[name]) for name in expected)
    assert activations(network, IMAGE, "conv").maps.dtype == torch.float32


class Normalising(Scaled):
    """Keeps tensors in plain attributes, which no `float()` reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.full((3, 1, 1), 0.25)
        self.scales = [torch.full((3, 1, 1), 2.0), torch.full((), 0.5)]
        self.shifts = {"image": torch.zeros(3, 1, 1), "count": torch.tensor(3)}

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) * self.scales[0] * self.scales[1] + self.shifts["image"]
        return super().forward(x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_tensors_in_plain_attributes_are_taken_along(
    own: Callable[..., Network], dtype: torch.dtype
) -> None:
    module = Normalising().to(dtype)
    module.mean, whole = module.mean.to(dtype), module.shifts["count"]
    module.scales = [each.to(dtype) for each in module.scales]
    module.shifts = {name: each.to(dtype) for name, each in module.shifts.items()}
    module.shifts["count"] = whole
    network = own(module)
    found = activations(network, IMAGE, "conv").maps
    assert found.dtype == torch.float32
    state, image = network.module.state_dict(), input_for(network, IMAGE)
    # Less 0.25, times 2, times 0.5, plus 0.
    expected = functional.conv2d(image - 0.25, state["conv.weight"], state["conv.bias"])
    torch.testing.assert_close(found, expected[0])
    assert module.shifts["count"] is whole


def test_a_network_in_data_parallel_is_run_where_it_is(own: Callable[..., Network]) -> None:
    wrapped = nn.DataParallel(Scaled())
    wrapped.device_ids = [0]  # as on a machine with a GPU
    assert activations(own(wrapped), IMAGE, "module.conv").maps.shape == (8, 30, 30)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_network_on_a_gpu_is_brought_to_the_cpu(own: Callable[..., Network]) -> None:
    network = own(Scaled().cuda())
    assert {t.device.type for t in network.module.state_dict().values()} == {"cpu"}
    assert activations(network, IMAGE, "conv").maps.shape == (8, 30, 30)


# What has no layers that can be looked at.


def scripted(kind: str) -> nn.Module:
    if kind == "script":
        return torch.jit.script(Scaled())
    if kind == "trace":
        return torch.jit.trace(Scaled(), torch.zeros(1, 3, 32, 32))
    return nn.Sequential(torch.jit.trace(Scaled(), torch.zeros(1, 3, 32, 32)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["script", "trace", "inside"])
@pytest.mark.parametrize("command", ["layers", "costs"])
def test_a_torchscript_network_gets_one_sentence(
    fresh_registry: None, capsys: pytest.CaptureFixture[str], kind: str, command: str
) -> None:
    register(NetworkSpec(name="own", title="Own", build=lambda: scripted(kind), input_size=32))
    assert main([command, "own"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("convviz: Own cannot be looked into: it is, or holds, a TorchScript")
    assert err.count("\n") == 1


def test_a_quantised_graph_gets_one_sentence(fresh_registry: None) -> None:
    """As torch.ao quantises an exported network: PyTorch's operations between whole numbers."""

    library = torch.library.Library("quantized_decomposed", "FRAGMENT")
    library.define("quantize_in_a_test(Tensor x) -> Tensor")
    operation = torch.ops.quantized_decomposed.quantize_in_a_test.default
    graph = torch.fx.symbolic_trace(Scaled())
    assert build(NetworkSpec(name="plain", title="Plain", build=lambda: graph)) is graph
    with graph.graph.inserting_before(next(n for n in graph.graph.nodes if n.op == "output")):
        graph.graph.call_function(operation, (torch.zeros(1),))
    spec = NetworkSpec(name="own", title="Own", build=lambda: graph, input_size=32)
    with pytest.raises(NetworkError, match="Own cannot be looked into: its layers are quantised"):
        build(spec)


@pytest.mark.parametrize("code", ["sys.exit()", "sys.exit(0)", "sys.exit('no weights here')"])
@pytest.mark.parametrize("where", ["build", "forward"])
@pytest.mark.parametrize("command", ["layers", "costs"])
def test_a_network_that_ends_the_program_gets_one_sentence(
    own_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    code: str,
    where: str,
    command: str,
) -> None:
    own_file(
        "import sys\nfrom torch import nn\nfrom convviz.networks import NetworkSpec, register\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 2, 3)\n"
        "    def forward(self, x):\n"
        f"        {code if where == 'forward' else 'pass'}\n"
        "        return self.conv(x)\n"
        "def build():\n"
        f"    {code if where == 'build' else 'pass'}\n"
        "    return Net()\n"
        "register(NetworkSpec(name='own', title='Own', build=build, input_size=32))\n"
    )
    assert main([command, "own"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("convviz: Own c")
    assert "SystemExit" in err
    assert "my_net.py, line" in err
    assert err.count("\n") == 1


def test_a_network_that_ends_the_program_for_some_images_gets_a_sentence(
    own: Callable[..., Network], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class Picky(Frozen):
        def forward(self, x: Tensor) -> Tensor:
            if not x.is_meta:
                sys.exit(0)
            return super().forward(x)

    own(Picky())
    IMAGE.save(tmp_path / "x.png")
    assert (
        main(["activations", str(tmp_path / "x.png"), "--network", "own", "--layer", "conv"]) == 2
    )
    assert "own code ends the program" in capsys.readouterr().err


def test_what_refuses_to_be_put_into_eval_mode_gets_a_sentence(fresh_registry: None) -> None:
    class Stubborn(Scaled):
        def train(self, mode: bool = True) -> "Stubborn":
            raise NotImplementedError("Calling eval() is not supported yet.")

    spec = NetworkSpec(name="own", title="Own", build=Stubborn, input_size=32)
    register(spec)
    with pytest.raises(NetworkError, match=r"Own cannot be looked into: Stubborn raises Not"):
        build(spec)
