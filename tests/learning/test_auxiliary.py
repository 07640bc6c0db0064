"""Two networks with and without auxiliary losses: what is equal, what differs, and how it ends."""

import copy
import re
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

from convviz.datasets.labelled_set import Dataset, Split, split
from convviz.errors import SettingError
from convviz.figures import auxiliary as figures
from convviz.learning import findings
from convviz.learning.auxiliary import (
    ComparedNetwork,
    Comparison,
    Settings,
    compare_auxiliary,
    measure,
)
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.gradients import LayerGradient, by_stage
from convviz.learning.plan import plan
from convviz.learning.small_networks import HEADS, initialise, small_inception, without_heads
from convviz.learning.step import Learner
from convviz.networks import registry
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load

SHORT = Settings(steps=4, moments=2, batch=8, size=32)


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(4, 3, 64, 64, generator=generator), torch.tensor([0, 1, 2, 1])


def small(*, batch_norm: bool = False) -> nn.Module:
    return initialise(small_inception(3, batch_norm=batch_norm), "he", seed=5)


def gradients(module: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


class Fixed(nn.Module):
    """Scores that do not depend on the picture: (main, two heads), all from one number."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Parameter(torch.zeros(2))
        self.heads = nn.Parameter(torch.zeros(2, 2))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rows = (self.main, self.heads[0], self.heads[1])
        return tuple(row.expand(len(x), 2) for row in rows)


def test_the_loss_is_main_plus_weighted_heads() -> None:
    # Equal scores: every loss is log 2, and its gradient at the right class is 1/2 − 1 = −1/2.
    module = Fixed()
    losses = Learner(module, optimiser="sgd", auxiliary_weight=0.3).step(
        torch.zeros(4, 1), torch.zeros(4, dtype=torch.long), 0.0
    )
    assert losses.main == pytest.approx(0.6931, abs=1e-4)
    assert losses.auxiliary == pytest.approx((0.6931, 0.6931), abs=1e-4)
    assert module.main.grad is not None
    assert module.heads.grad is not None
    assert module.main.grad.tolist() == pytest.approx([-0.5, 0.5])
    assert module.heads.grad.flatten().tolist() == pytest.approx([-0.15, 0.15] * 2)


def test_weight_zero_is_a_network_without_heads(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    whole = small()
    bare = without_heads(whole)
    assert not any(name.startswith("aux") for name in bare.state_dict())
    for module in (whole, bare):
        Learner(module.train(), optimiser="sgd", auxiliary_weight=0.0).step(*batch, 0.0)
    outcome, expected = gradients(whole), gradients(bare)
    assert all(outcome[name].equal(expected[name]) for name in expected)
    assert all(not outcome[name].any() for name in outcome if name.startswith("aux"))


def test_the_heads_add_their_gradient_only_to_the_layers_before_them(
    batch: tuple[torch.Tensor, torch.Tensor],
) -> None:
    networks = [ComparedNetwork(small(), 0.3), ComparedNetwork(without_heads(small()), 0.0)]
    outcome = measure(0, networks, batch, batch)
    by_name = {stage.name: stage for stage in outcome.stages}
    before = ("3a", "3b", "4a", "4b", "4c", "4d")
    names = ["conv1", "conv2", "conv3", *(f"inception{x}" for x in before)]
    assert list(by_name)[:9] == names
    assert all(by_name[name].factor != 1 for name in names)
    assert all(by_name[name].factor == 1 for name in ("inception4e", "inception5b", "fc"))
    assert set(HEADS.values()) <= set(names)


def test_norms_are_those_of_the_loss_that_is_lowered(
    batch: tuple[torch.Tensor, torch.Tensor],
) -> None:
    whole = small(batch_norm=True)
    state = copy.deepcopy(whole.state_dict())
    outcome = ComparedNetwork(whole, 0.5).norms(*batch)
    assert all(value.equal(state[name]) for name, value in whole.state_dict().items())
    main, *extra = (cross_entropy(scores, batch[1]) for scores in whole.train()(batch[0]))
    (main + 0.5 * extra[0] + 0.5 * extra[1]).backward()
    weight = whole.get_submodule("conv1.conv").weight
    assert outcome["conv1.conv"] == pytest.approx(float(weight.grad.norm()), rel=1e-4)
    assert not any(name.startswith("aux") for name in outcome)


def test_norms_of_a_stage_are_those_of_one_long_vector() -> None:
    layers = [LayerGradient("a.x", "", 3, 5, 6), LayerGradient("a.y", "", 4, 12, 8)]
    (stage,) = by_stage(layers)
    assert (stage.name, stage.without, stage.with_heads, stage.factor) == ("a", 5, 13, 2.6)
    assert (stage.weights, stage.relative) == (10, 0.5)


def test_both_networks_begin_equal() -> None:
    whole = small()
    bare = without_heads(whole).state_dict()
    assert all(value.equal(whole.state_dict()[name]) for name, value in bare.items())
    assert all(
        p.untyped_storage() is not whole.state_dict()[n].untyped_storage() for n, p in bare.items()
    )


def test_it_is_googlenet_an_eighth_as_wide() -> None:
    shapes = {name: tuple(v.shape) for name, v in small_inception(6).state_dict().items()}
    assert shapes["conv1.conv.weight"] == (8, 3, 7, 7)
    assert shapes["inception4a.branch2.1.conv.weight"] == (26, 12, 3, 3)  # 208 and 96 in GoogLeNet
    assert shapes["aux1.fc1.weight"] == (128, 256)
    assert shapes["fc.weight"] == (6, 128)
    assert "conv1.bn.weight" in small_inception(6, batch_norm=True).state_dict()


def test_first_weights_have_the_variance_that_is_said() -> None:
    for start, expected in (("lecun", 1.0), ("he", 2.0)):
        weight = initialise(small_inception(3), start, 0).get_submodule("conv3.conv").weight  # type: ignore[arg-type]
        assert float(weight.detach().var()) * 8 * 9 == pytest.approx(expected, rel=0.1)


def results(few: Dataset, parts: Split, settings: Settings = SHORT) -> list[Comparison]:
    return list(compare_auxiliary(few, parts, settings))


def test_a_comparison_measures_at_its_moments(few: Dataset, few_split: Split) -> None:
    steps = results(few, few_split)
    assert [step.step for step in steps] == [0, 1, 2, 3, 4]
    assert [moment.step for moment in steps[-1].moments] == [0, 2, 4]
    assert [step.fraction for step in steps] == [0, 0.25, 0.5, 0.75, 1]
    assert steps[-1].ending == "steps"
    first, *_, last = steps[-1].moments
    assert first.with_heads.validation == first.without.validation
    assert first.with_heads.loss is None
    assert last.with_heads.seconds > 0
    assert last.stages[0].with_heads != last.stages[0].without
    assert steps[-1].head_parameters == sum(
        p.numel() for n, p in small_inception(6).named_parameters() if n.startswith("aux")
    )


def test_the_two_are_compared_over_the_same_images(few: Dataset, few_split: Split) -> None:
    last = results(few, few_split)[-1].moments[-1]
    paired = last.paired
    assert paired.images == len(few_split.validation)
    for alone, standing in (
        (paired.only_first, last.with_heads),
        (paired.only_second, last.without),
    ):
        named = paired.both + alone
        assert standing.validation.accuracy == pytest.approx(named / paired.images)


def test_a_picture_under_several_names_is_checked_once(few: Dataset, few_split: Split) -> None:
    one, two = (next(i for i in few_split.validation if few.labels[i] == label) for label in (0, 1))
    groups = list(range(len(few)))
    copies = [index for index in few_split.validation if few.labels[index] == 0]
    for index in copies:
        groups[index] = one
    groups[two] = one  # in another class
    copied = replace(few, groups=tuple(groups))
    expected = len(few_split.validation) - (len(copies) - 1)
    last = results(copied, few_split)[-1]
    assert len(copies) > 1
    assert last.validation_images == last.moments[-1].paired.images == expected


def test_scores_that_are_no_numbers_name_nothing() -> None:
    module = small()
    with torch.no_grad():
        module.get_parameter("fc.bias")[0] = torch.nan
    standing, correct = ComparedNetwork(module, 0.3).standing(
        torch.zeros(4, 3, 64, 64), torch.zeros(4, dtype=torch.long)
    )
    assert correct == [False] * 4
    assert standing.validation.accuracy == 0


def red_and_blue() -> Dataset:
    class Colours:
        name = "colours"
        titles = tuple(f"{k}" for k in range(48))

        def __len__(self) -> int:
            return 48

        def image(self, index: int) -> Image.Image:
            return Image.new("RGB", (48, 48), ("red", "blue")[index % 2])

    return Dataset("colours", ("red", "blue"), Colours(), (0, 1) * 24)


def test_two_networks_that_name_everything_rightly_do_not_differ() -> None:
    dataset = red_and_blue()
    settings = Settings(start="he", learning_rate=0.01, steps=10, batch=12, size=32, moments=1)
    *_, last = compare_auxiliary(dataset, split(dataset), settings)
    standing = last.moments[-1]
    assert standing.with_heads.validation.accuracy == standing.without.validation.accuracy == 1
    text = findings.learning(last)
    assert "100 % of the 12 validation pictures" in text
    assert "both name the very same pictures correctly, so there is **no difference**" in text
    assert "by more than chance" not in text


def test_a_comparison_whose_weights_overflow_says_so_plainly(
    few: Dataset, few_split: Split
) -> None:
    for rate in (10.0, 1e3, 1e6):
        settings = replace(SHORT, learning_rate=rate, steps=12, moments=12)
        last = results(few, few_split, settings)[-1]
        text = findings.gradients(last) + findings.learning(last)
        assert not re.search(r"\b(nan|inf)\b", text)
        for index in range(len(last.moments)):
            figures.gradients(last.moments, index, HEADS)


def test_threads_are_given_back_at_every_step(few: Dataset, few_split: Split) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert {torch.get_num_threads() for _ in compare_auxiliary(few, few_split, SHORT)} == {2}
    finally:
        torch.set_num_threads(before)


def test_with_weight_zero_the_two_are_one(few: Dataset, few_split: Split) -> None:
    last = results(few, few_split, replace(SHORT, weight=0.0))[-1].moments[-1]
    assert last.with_heads.loss == last.without.loss
    assert last.with_heads.validation == last.without.validation
    assert all(stage.factor == 1 for stage in last.stages)


def test_the_same_seed_gives_the_same_and_another_does_not(few: Dataset, few_split: Split) -> None:
    first, repeated, other = (
        results(few, few_split, replace(SHORT, seed=seed))[-1].moments[-1] for seed in (0, 0, 1)
    )
    assert first.stages == repeated.stages
    assert first.stages != other.stages


def test_it_stops_with_what_it_has(few: Dataset, few_split: Split) -> None:
    steps = list(compare_auxiliary(few, few_split, SHORT, stop=lambda: True))
    assert [step.step for step in steps] == [0, 1]
    assert steps[-1].ending == "stopped"
    assert [moment.step for moment in steps[-1].moments] == [0, 1]
    assert steps[-1].fraction == 1


def test_steps_that_are_too_large_end_it_with_a_sentence(few: Dataset, few_split: Split) -> None:
    last = results(few, few_split, replace(SHORT, learning_rate=1e6, steps=40))[-1]
    assert last.ending == "not finite"
    assert "smaller learning rate" in last.note
    assert last.step < 40


def test_settings_are_checked_at_the_call(few: Dataset, few_split: Split) -> None:
    with pytest.raises(SettingError, match="weight of the auxiliary losses"):
        compare_auxiliary(few, few_split, replace(SHORT, weight=-1.0))
    with pytest.raises(SettingError, match="do not fit"):
        compare_auxiliary(
            Dataset("", ("a",), few.images, (0,) * 100_000), few_split, Settings(size=512)
        )


def test_fit_lowers_the_auxiliary_losses_of_such_a_network_too(
    few: Dataset, few_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))

    def build(num_classes: int = 6) -> nn.Module:
        return small_inception(num_classes)

    register(NetworkSpec("small", "Small", build, input_size=64, auxiliary=tuple(HEADS)))
    made = plan(load("small", "random"), "scratch", few.classes, auxiliary=True)
    steps = list(fit(made, few, few_split, TrainingSettings(epochs=1, size=64, batch=12)))
    assert {len(step.auxiliary) for step in steps if step.loss is not None} == {2}
    result = steps[-1].result
    assert result is not None
    assert not any(name.startswith("aux") for name in result.module.state_dict())
