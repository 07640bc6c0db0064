"""Designs as Python files: in a process without convviz they compute the same numbers."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from convviz.errors import DesignError
from convviz.networks.design import Design
from convviz.networks.design_code import class_name, torch_code
from convviz.networks.design_module import build, place_blocks
from convviz.networks.design_starts import SMALL, start
from tests.random_designs import texts

EVERYTHING = Design.parse("""
name every kind
input 3x40x36
conv 8 3x5 /2x1 p1x2 g1 d1
batchnorm
relu
lrn
maxpool 3x3 /2 p1 ceil
residual
conv 12 3x3 /2 p1 g4
auxiliary 0.3 bn
relu
conv 12 1x1
end
inception 4 4>6 2>4 >4 3x3s bn
auxiliary 0.5
inception 4 6 4 >4 3x3
inception 4 4>6 2>4 >4
avgpool 2x2 /1
residual
conv 18 1x1
batchnorm
end
avgpool to 3x2
flatten
fc 20
batchnorm
dropout 0.25
residual
fc 20
end
fc 5
""")

_READER = """
import importlib.util, sys, torch

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "convviz":
            raise ImportError("convviz is not here")

sys.meta_path.insert(0, Blocked())
torch.set_num_threads(1)
for folder in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("taken_home", folder + "/network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    network = module.load_weights(classes[-1](), folder + "/weights.pt")
    images = torch.load(folder + "/images.pt")
    outputs = {"eval": network.eval()(images)}
    torch.manual_seed(0)
    outputs["train"] = network.train()(images)
    torch.save(outputs, folder + "/outputs.pt")
assert not any(name.partition(".")[0] == "convviz" for name in sys.modules)
"""


def random_designs(count: int) -> list[Design]:
    """Return designs of random texts that fit, always the same ones."""
    found: list[Design] = []

    @settings(max_examples=20 * count, deadline=None, database=None, derandomize=True)
    @given(texts())
    def collect(text: str) -> None:
        if len(found) == count:
            return
        try:
            design = Design.parse(text)
            place_blocks(design)
        except DesignError:
            return
        if design not in found:
            found.append(design)

    collect()
    return found


def test_the_file_computes_the_same_bits_without_convviz(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    drawn = random_designs(40)
    assert len(drawn) == 40
    assert len({type(block) for design in drawn for block in design.blocks}) > 10
    designs = [EVERYTHING, *map(start, SMALL), *drawn]
    folders, expected = [], []
    for index, design in enumerate(designs):
        folder = tmp_path / str(index)
        folder.mkdir()
        network = build(design, seed=index)
        images = torch.randn(2, *design.input.shape, generator=torch.Generator().manual_seed(1))
        (folder / "network.py").write_text(torch_code(place_blocks(design)), encoding="utf-8")
        torch.save(network.state_dict(), folder / "weights.pt")
        torch.save(images, folder / "images.pt")
        with torch.no_grad():
            outputs = {"eval": network.eval()(images)}
            torch.manual_seed(0)  # of the dropouts
            outputs["train"] = network.train()(images)
        folders.append(str(folder))
        expected.append(outputs)
    torch.set_num_threads(threads)
    subprocess.run([sys.executable, "-I", "-c", _READER, *folders], check=True, cwd=tmp_path)
    for folder_name, outputs in zip(folders, expected, strict=True):
        computed = torch.load(f"{folder_name}/outputs.pt")
        assert torch.equal(computed["eval"], outputs["eval"])
        trained = [outputs["train"], computed["train"]]
        mine, other = (each if isinstance(each, tuple) else (each,) for each in trained)
        assert len(mine) == len(other)
        assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
    assert len(expected[0]["train"]) == 3  # its scores, and those of two auxiliary classifiers


@pytest.mark.claims("convviz.networks.design_code.torch_code", "convviz.networks.design_code._run")
def test_the_file_says_what_goes_in_and_comes_out() -> None:
    code = torch_code(place_blocks(EVERYTHING))
    head = code.partition("import torch")[0]
    assert "        auxiliary1 = self.auxiliary1(x) if self.training else None\n" in code
    assert "            return x, auxiliary1, auxiliary2\n" in code
    assert "(N, 3, 40, 36), and returns (N, 5)" in head
    assert "losses count 0.3 and 0.5 times" in head
    lines = [line.strip() for line in head.splitlines() if line.startswith("    ")]
    assert lines == EVERYTHING.text.splitlines()[1:]


def test_the_network_is_the_file_s_last_class_and_sizes_are_comments() -> None:
    code = torch_code(place_blocks(start("lenet5")))
    assert "convviz" not in code
    assert "self.conv1 = nn.Conv2d(1, 6, 5)" in code
    assert "x = self.conv1(x)  # 6×28×28" in code
    assert [line for line in code.splitlines() if line.startswith("class ")][-1] == (
        "class LeNet5(nn.Module):"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "Network"),
        ("5 nets", "Network5Nets"),
        ("none", "NetworkNone"),
        ("inception", "NetworkInception"),
        ("naïve \"\"\" '''", "NaVe"),
    ],
)
def test_any_name_makes_a_class(name: str, expected: str) -> None:
    assert class_name(name) == expected
    design = Design.parse(f"name {name}\ninput 1x4x4\nfc 2" if name else "input 1x4x4\nfc 2")
    compile(torch_code(place_blocks(design)), "network.py", "exec")
