"""What the README tells people to type and to write works."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from convviz.features.activations import activations
from convviz.features.predictions import predict
from convviz.weights.load import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = sorted(set(re.findall(r"python -m convviz (\w+)", README)))


def command_line(*arguments: str, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "convviz", *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_an_own_network_works_as_it_stands(tmp_path: Path) -> None:
    (example,) = (code for code in EXAMPLES if "register(" in code)
    file = tmp_path / "my_net.py"
    file.write_text(example, encoding="utf-8")
    assert "layer3.1.relu" in command_line("layers", "resnet18", CONVVIZ_NETWORKS=str(file))
    costs = command_line("costs", "lenet", "--json", "-", CONVVIZ_NETWORKS=str(file))
    assert json.loads(costs)["lenet"]["parameters"] == sum(
        (156, 2_416, 400 * 120 + 120, 120 * 84 + 84, 84 * 10 + 10)  # LeNet-5 as it is usually built
    )


def test_its_lenet_sees_digits_as_they_are(fresh_registry: None) -> None:
    (example,) = (code for code in EXAMPLES if "register(" in code)
    exec(example, {"__name__": "my_net"})
    network = load("lenet")
    digit = Image.fromarray((load_digits().images[3] * 15.9).astype(np.uint8)).resize((28, 28))
    batch = (torch.tensor(np.asarray(digit))[None, None] / 255 - 0.1307) / 0.3081
    maps = activations(network, digit, "conv2").maps
    with torch.inference_mode():
        first = network.module.pool(network.module.conv1(batch).relu())
        expected, scores = network.module.conv2(first), network.module(batch)
    assert maps.shape == (16, 10, 10)
    assert torch.allclose(maps, expected[0], atol=1e-5)
    assert maps.std() > 0
    found = {each.label: each.probability for each in predict(network, digit)}
    names = dict(zip("0123456789", scores.softmax(1)[0].tolist(), strict=True))
    assert found == {name: pytest.approx(names[name], abs=1e-5) for name in found}


def test_the_example_of_the_python_package_works_as_it_stands() -> None:
    (example,) = (code for code in EXAMPLES if "register(" not in code)
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=True
    )
    sentence, shape = done.stdout.splitlines()
    assert " 256 channels" in sentence
    assert shape.startswith("torch.Size([3, 128, 128])")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists_with_the_options_shown(command: str) -> None:
    shown = "".join(re.findall(rf"python -m convviz {command} (.*)", README))
    described = command_line(command, "--help")
    if command == "weights":
        described += command_line("weights", "fetch", "--help")
    assert [name for name in re.findall(r"--[a-z-]+", shown) if name not in described] == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    targets |= set(re.findall(r"^PIECES := (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    said = {
        word
        for line in re.findall(r"^(?:\w+=\S+ )?make ((?: ?[a-z-]+\b(?!=))+)", README, re.MULTILINE)
        for word in line.split()
    }
    assert {"run", "test", "check", "lint", "types", "unit", "pages", "browser"} <= said
    assert said - targets == set()


def test_every_page_in_the_table_exists() -> None:
    table = README[README.index("| page |") : README.index("## Command line")]
    titles = re.findall(r"^\| ([\w ]+) \|", table, re.MULTILINE)[1:]
    pages = {page.stem.split("_", 1)[1].replace("_", " ") for page in ROOT.glob("pages/*.py")}
    assert set(titles) - {"Home"} == pages
