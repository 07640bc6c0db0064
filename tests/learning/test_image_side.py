"""Networks for small images, and for images of one size, are trained on those."""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convviz.cli import main
from convviz.datasets.labelled_set import Dataset, partition, split
from convviz.errors import SettingError
from convviz.learning.config import TrainingSettings
from convviz.learning.evaluation import Stage, evaluate
from convviz.learning.fit import fit
from convviz.learning.image_side import side_for
from convviz.learning.plan import SCENARIOS, Scenario, plan
from convviz.learning.separation import separate
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load


def lenet() -> nn.Module:
    """Return the LeNet of the first exercise with MNIST: grey images of 28 pixels only."""
    convolutions = OrderedDict(
        conv1=nn.Conv2d(1, 6, 5, padding=2),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, 5),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
    )
    linear = OrderedDict(flat=nn.Flatten(), fc1=nn.Linear(400, 84), relu=nn.ReLU())
    return nn.Sequential(convolutions | linear | OrderedDict(fc2=nn.Linear(84, 10)))


@pytest.fixture(scope="module", autouse=True)
def digits() -> None:
    spec = NetworkSpec(name="digits28", title="Digits", build=lenet, input_size=28, resize="none")
    register(spec)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_lenet_of_28_pixels_learns_in_every_scenario(scenario: Scenario, few: Dataset) -> None:
    network = load("digits28")
    assert side_for(network) == 28
    made = plan(network, scenario, few.classes)
    *_, step = fit(made, few, split(few), TrainingSettings(epochs=1, size=28))
    assert step.result is not None
    module = step.result.module
    assert module(torch.zeros(1, 1, 28, 28)).shape == (1, len(few.classes))
    same = torch.equal(module.get_parameter("conv1.weight"), network.module[0].weight)  # type: ignore[index]
    assert same == (scenario != "scratch")


def test_what_it_has_learned_is_saved_and_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "learned.safetensors")
    train = ["train", "shapes", "--network", "digits28", "--scenario", "scratch", "--epochs", "1"]
    assert main([*train, "--out", file]) == 0
    look = ["activations", "sample:cat", "--network", "digits28", "--layer", "conv2"]
    assert main([*look, "--weights", file]) == 0
    assert "conv2, 16×10×10" in capsys.readouterr().out


def test_its_stages_are_compared_by_images_of_its_side(few: Dataset) -> None:
    *_, step = separate(load("digits28"), few)
    assert step.separation is not None
    assert step.separation.side == 28
    assert [stage.layer.name for stage in step.separation.stages] == ["relu1", "relu2"]


def test_an_image_that_does_not_fit_is_refused_before_the_training(
    few: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "Digits cannot take an image of 64×64 pixels: choose 28×28."
    network, settings = load("digits28"), TrainingSettings(size=64)
    with pytest.raises(SettingError, match=sentence):
        evaluate([Stage(plan(network, "scratch", few.classes), settings)], few, partition(few))
    assert main(["train", "shapes", "--network", "digits28", "--size", "64"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_network_for_large_images_of_any_size_is_shown_smaller_ones() -> None:
    assert side_for(load("googlenet")) == 128


class WithLargeHead(nn.Module):
    """In train mode it also runs a head whose kernel needs maps of nine values a side."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 2, 9)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        if self.training:
            self.head(x)
        return self.fc(x.mean((2, 3)))


def test_a_side_at_which_train_mode_alone_fails_is_refused(few: Dataset) -> None:
    register(NetworkSpec(name="headed", title="Headed", build=WithLargeHead, input_size=8))
    network = load("headed")

    def checked(scenario: Scenario, side: int) -> None:
        settings = TrainingSettings(epochs=1, size=side)
        evaluate([Stage(plan(network, scenario, few.classes), settings)], few, partition(few))

    with pytest.raises(
        SettingError, match="but fails with two in train mode: choose a larger side"
    ):
        checked("scratch", 8)
    checked("last-layer", 8)
    checked("scratch", 9)
    # Auxiliary heads do not run in a training without them.
    network = replace(network, spec=replace(network.spec, auxiliary=("head",)))
    checked("scratch", 8)
