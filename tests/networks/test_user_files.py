"""A user's networks, in files named in CONVVIZ_NETWORKS."""

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from convviz.errors import NetworkError
from convviz.language import speaking
from convviz.networks import registry
from convviz.networks.clone import clone
from convviz.networks.registry import available, spec
from convviz.structure.layers import layer, layers
from convviz.weights.load import load

RESNET = """
from torchvision.models import resnet18
from convviz.networks import NetworkSpec, register
register(NetworkSpec(name="resnet18", title="ResNet-18", build=lambda: resnet18(weights=None)))
"""

SMALL = """
import torch
from torch import nn
from torch.nn import functional
from convviz.networks import NetworkSpec, available, register
from my_parts import Doubler

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.twice = Doubler()
        self.fc = nn.Linear(16 * 5 * 5, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(self.twice(x))), 2)
        return {"logits": self.fc(x.flatten(1)), "shape": x.shape}

assert "vgg16" in available()  # a file may ask which networks there are
register(NetworkSpec(
    name="digits", title="Digits", build=Net, input_size=28,
    mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7),
    title_of={"conv1": "first convolution"}.get,
))
"""

PARTS = """
from torch import nn

class Doubler(nn.Module):
    def forward(self, x):
        return x * 2
"""

GOOD = """
from torch import nn
from convviz.networks import NetworkSpec, register
register(NetworkSpec(name="good", title="Good", build=lambda: nn.Conv2d(3, 2, 1)))
"""


def test_torchvisions_resnet18(own_file: Callable[..., Path]) -> None:
    own_file(RESNET)
    assert available()[-1] == "resnet18"
    assert registry.problems() == ()
    assert registry.is_own("resnet18")
    assert registry.replaces("resnet18")
    by_name = {layer.name: layer for layer in layers(spec("resnet18"))}
    assert list(by_name)[:4] == ["conv1", "bn1", "relu", "maxpool"]
    assert list(by_name)[-3:] == ["layer4.1.relu", "avgpool", "fc"]
    assert by_name["layer3.1.relu"].shape == (256, 14, 14)
    assert by_name["layer3.1.relu"].stage == "layer3"
    assert (by_name["conv1"].pre_relu, by_name["layer1.0.conv1"].pre_relu) == (
        "bn1",
        "layer1.0.bn1",
    )
    assert by_name["layer1.0.bn2"].pre_relu is None
    assert by_name["layer4.1.relu"].in_encoder
    assert not by_name["avgpool"].in_encoder
    order = list(by_name)
    assert order.index("layer2.0.downsample.1") < order.index("layer2.0.relu")
    assert order.index("layer2.0.bn2") < order.index("layer2.0.relu")


def test_a_hand_written_network_of_another_size(
    own_file: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "my_parts.py").write_text(PARTS, encoding="utf-8")
    own_file(SMALL)
    digits = spec("digits")
    assert registry.problems() == ()
    assert (digits.input_size, digits.mean, digits.std) == (28, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    assert [(layer.name, layer.shape, layer.pre_relu) for layer in layers(digits)] == [
        ("conv1", (8, 24, 24), "conv1"),
        ("twice", (8, 12, 12), None),
        ("conv2", (16, 10, 10), "conv2"),
        ("fc", (10,), None),
    ]
    assert layer(digits, "conv1").title == "first convolution"
    module = clone(registry.build(digits))
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 28, 28))["logits"].shape == (1, 10)


def test_the_example_of_the_docstring_works_as_it_stands(
    own_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.__doc__ is not None
    start = registry.__doc__.index("    import torch")
    example = textwrap.dedent(
        registry.__doc__[start : registry.__doc__.index("and the app is started")]
    )
    assert len(inspect.cleandoc(example).splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    trained = resnet18(num_classes=10)
    torch.save(trained.state_dict(), "my_weights.pt")
    own_file(example)
    module = registry.build(spec("resnet18"))
    assert torch.equal(module.conv1.weight, trained.conv1.weight)
    assert layer(spec("resnet18"), "fc").shape == (10,)


def test_a_file_is_run_once(own_file: Callable[..., Path], tmp_path: Path) -> None:
    own_file(GOOD + f"open({str(tmp_path / 'runs')!r}, 'a').write('.')\n")
    for _ in range(3):
        assert available()[-1] == "good"
    assert (tmp_path / "runs").read_text() == "."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import torch\n1 / 0\n", "bad.py, line 2 in CONVVIZ_NETWORKS: ZeroDivisionError"),
        ("import torch\nx = = 3\n", "bad.py, line 2 in CONVVIZ_NETWORKS: SyntaxError"),
        ("raise SystemExit('enough')", "bad.py, line 1 in CONVVIZ_NETWORKS: SystemExit: enough"),
        ("import no_such_module", "bad.py, line 1 in CONVVIZ_NETWORKS: ModuleNotFoundError"),
        ("x = 1\n", "bad.py in CONVVIZ_NETWORKS adds no network"),
        (GOOD.replace('"good"', '"vgg16"'), "bad.py, line 4 in CONVVIZ_NETWORKS: There is a"),
        (GOOD.replace('"good"', '"another"') + "1 / 0\n", "bad.py, line 5 in CONVVIZ_NETWORKS"),
        (GOOD.replace('"good"', '"resnet18"') + "1 / 0\n", "bad.py, line 5 in CONVVIZ_NETWORKS"),
    ],
)
def test_a_failing_file_takes_nothing_down(
    own_file: Callable[..., Path], tmp_path: Path, text: str, sentence: str
) -> None:
    before = available()
    own_file(text, "bad.py")
    own_file(GOOD)
    assert available() == (*before, "good")
    assert not registry.is_own("resnet18")
    (problem,) = registry.problems()
    assert problem.startswith(sentence)
    assert problem.endswith(".")
    assert "\n" not in problem
    assert str(tmp_path) not in problem
    with pytest.raises(NetworkError, match=r"no network called bad: .* in CONVVIZ_NETWORKS"):
        spec("bad")


def test_a_problem_is_told_in_the_language_of_whoever_reads_it(
    own_file: Callable[..., Path], bracketed: None
) -> None:
    own_file(GOOD.replace('"good"', '"Bad"'), "bad.py")
    with speaking("da"):
        available()  # a Danish visitor may be the first who needs the list
        (danish,) = registry.problems()
    (english,) = registry.problems()
    reason = "“Bad” cannot be a network's name: use lower-case letters, digits, _ and -."
    assert english == f"bad.py, line 4 in CONVVIZ_NETWORKS: {reason}"
    assert danish == f"⟦⟦bad.py, line 4⟧ in CONVVIZ_NETWORKS: ⟦{reason}⟧⟧"


@pytest.mark.parametrize("name", ["gone.py", "folder"])
def test_a_file_that_is_not_there_is_named_without_its_path(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv(registry.VARIABLE, str(tmp_path / name))
    assert "vgg16" in available()
    assert registry.problems() == (
        f"CONVVIZ_NETWORKS names a file {name}, but there is no such file.",
    )


def test_a_file_of_another_kind_is_refused(own_file: Callable[..., Path]) -> None:
    own_file(GOOD, "notes.txt")
    assert "vgg16" in available()
    assert registry.problems() == (
        "notes.txt in CONVVIZ_NETWORKS is no Python file: its name must end in .py.",
    )


def test_errors_when_building_and_running_name_the_users_line(
    own_file: Callable[..., Path],
) -> None:
    own_file(
        GOOD.replace("lambda: nn.Conv2d(3, 2, 1)", "lambda: nn.Conv2d(3, -2, 1)")
        + "class Odd(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x.no_such_thing\n"
        'register(NetworkSpec(name="odd", title="Odd", build=Odd))\n'
    )
    with pytest.raises(NetworkError, match=r"Good cannot be built: my_net.py, line 4: "):
        layers(spec("good"))
    with pytest.raises(NetworkError, match=r"Good cannot be built: my_net.py, line 4: "):
        load("good")
    with pytest.raises(NetworkError, match=r"its forward\(\) fails \(my_net.py, line 7\) with"):
        layers(spec("odd"))
