"""Trainings: what they change and what they leave alone, how they end, and that seeds hold."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from convviz.datasets.labelled_set import Dataset, Split, split
from convviz.datasets.shapes import shapes
from convviz.errors import SettingError, WeightsError
from convviz.features.predictions import predict
from convviz.learning.config import TrainingResult, TrainingSettings, TrainingStep
from convviz.learning.encoding import FeatureScale
from convviz.learning.fit import fit, learning_rate
from convviz.learning.plan import Scenario, TransferPlan, plan, plan_further
from convviz.learning.step import Learner
from convviz.learning.transfer import to_bytes, to_network
from convviz.networks.clone import clone
from convviz.networks.decoders import EncoderOnly
from convviz.networks.network import Network, is_within
from convviz.weights import trained
from convviz.weights.load import load, open_saved

SHORT = TrainingSettings(epochs=3, size=32, batch=8)
REAL = TrainingSettings(epochs=3, size=64, batch=6)  # for the real networks


def values(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def run(
    made: TransferPlan, few: Dataset, parts: Split, settings: TrainingSettings = SHORT, **more: Any
) -> tuple[list[TrainingStep], TrainingResult]:
    steps = list(fit(made, few, parts, settings, **more))
    result = steps[-1].result
    assert result is not None
    return steps, result


@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune", "scratch"])
def test_only_what_the_plan_names_moves(
    tiny: Network, few: Dataset, few_split: Split, scenario: Any
) -> None:
    before = values(tiny.module)
    made = plan(tiny, scenario, few.classes)
    _, result = run(made, few, few_split, replace(SHORT, epochs=6))
    after = values(tiny.module)
    assert all(before[name].equal(after[name]) for name in before), "the original moved"
    trained_now = values(result.module)
    frozen = [part.name for part in made.parts if not part.trained]
    for name, value in trained_now.items():
        if name.split(".")[0] in frozen:
            assert value.equal(before[name]), f"{name} is frozen but moved"
    moved = {
        n.split(".")[0]
        for n in before
        if n in trained_now
        and before[n].shape == trained_now[n].shape
        and not before[n].equal(trained_now[n])
    }
    thawed = {part.name for part in made.parts if part.trained}
    assert moved <= {name.split(".")[0] for name in thawed}


def test_fine_tuning_moves_thawed_weights_and_no_batch_norms_statistics(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    made = plan(tiny, "fine-tune", few.classes, thaw=["deep", "deep_norm"])
    steps = fit(made, few, few_split, replace(SHORT, epochs=6))
    module = next(step.module for step in steps if step.module is not None)
    start = values(module)
    moved = set()
    # The best epoch may be the first, so this looks while the training runs.
    for step in steps:
        if step.phase == "training":
            now = values(module)
            moved |= {name for name, value in now.items() if not value.equal(start[name])}
    assert {"deep.weight", "deep_norm.weight", "deep_norm.bias", "fc.weight"} <= moved
    assert not any("running" in name or name.startswith(("conv", "norm")) for name in moved)


def test_fine_tuning_starts_from_the_weights_it_is_given(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    made = plan(tiny, "last-layer", few.classes)
    _, first = run(made, few, few_split, replace(SHORT, epochs=6))
    learned = to_network(made, few, first, 32)
    before = values(learned.module)
    further = plan_further(learned, made.form, made.trained_names(), thaw=["deep", "deep_norm"])
    steps, result = run(further, few, few_split)
    checks = [step.validation for step in steps if step.validation]
    # The encoder's features are float32 or bfloat16 there and float32 here.
    assert checks[0].accuracy == pytest.approx(first.validation.accuracy, abs=0.1)
    assert result.validation.accuracy >= checks[0].accuracy
    assert not any(step.phase == "encoding" for step in steps)
    rates = [step.learning_rate for step in steps if step.learning_rate]
    assert max(rates) <= learning_rate(further, SHORT) < learning_rate(made, SHORT)
    assert all(before[name].equal(value) for name, value in values(learned.module).items())
    after = values(result.module)
    frozen = [name for name in after if name.split(".")[0] in ("conv", "norm")]
    assert len(frozen) == 7
    assert all(after[name].equal(before[name]) for name in frozen)


def test_the_same_seed_gives_the_same_weights(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    made = plan(tiny, "scratch", few.classes)
    results = []
    for seed, noise in ((1, 0), (1, 9), (2, 0)):
        torch.manual_seed(noise)  # the global numbers must not matter, dropout's neither
        results.append(values(run(made, few, few_split, replace(SHORT, seed=seed))[1].module))
    assert all(results[0][name].equal(results[1][name]) for name in results[0])
    assert not results[0]["fc.weight"].equal(results[2]["fc.weight"])


def test_no_training_draws_from_the_global_numbers(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(plan(tiny, "scratch", few.classes), few, few_split)
    assert torch.rand(3).equal(expected)


def test_steps_tell_of_every_epoch_and_the_last_carries_the_result(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    steps, result = run(plan(tiny, "last-layer", few.classes), few, few_split)
    phases = [step.phase for step in steps]
    assert phases == sorted(phases, key=["reading", "encoding", "training", "done"].index)
    checked = [step.epoch for step in steps if step.phase == "training" and step.validation]
    assert checked == [0, 1, 2, 3]
    assert all(step.result is None for step in steps[:-1])
    assert steps[-1].fraction == 1
    assert (result.epochs, result.ending, result.note) == (3, "epochs", "")
    assert len(result.epoch_seconds) == 3
    assert result.probabilities.shape == (len(few_split.validation), 6)
    assert result.probabilities.sum(1).sub(1).abs().max() < 1e-5
    assert result.confusion().sum() == len(few_split.validation)
    right = result.confusion().diag().sum() / len(few_split.validation)
    assert float(right) == pytest.approx(result.validation.accuracy)
    assert len(result.mistakes()) == len(few_split.validation) - int(result.confusion().trace())


def test_the_encoder_runs_once_however_many_epochs_there_are(
    tiny: Network, few: Dataset, few_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    forward = type(tiny.module).forward

    def counted(self: torch.nn.Module, x: Tensor) -> Tensor:
        if not x.is_meta:  # a pass without values costs nothing
            seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(type(tiny.module), "forward", counted)
    run(plan(tiny, "last-layer", few.classes), few, few_split, replace(SHORT, epochs=9))
    assert sum(seen) == len(few)


@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune", "scratch"])
def test_augmentation_changes_the_images_to_learn_from_and_no_others(
    tiny: Network, few: Dataset, few_split: Split, scenario: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is changed in every epoch; what they become is learned from."""
    seen = []

    def grey(pixels: Tensor, generator: torch.Generator) -> Tensor:
        seen.append(len(pixels))
        return torch.full(pixels.shape, 128.0)

    made = plan(tiny, scenario, few.classes)
    changing = replace(SHORT, epochs=4, augment=True)
    _, plain = run(made, few, few_split, replace(changing, augment=False))
    _, changed = run(made, few, few_split, changing)
    _, again = run(made, few, few_split, changing)
    assert all(values(changed.module)[n].equal(v) for n, v in values(again.module).items())
    assert not changed.probabilities.equal(plain.probabilities)
    monkeypatch.setattr("convviz.learning.fit.augment", grey)
    steps, blind = run(made, few, few_split, changing)
    assert sum(seen) == blind.epochs * len(few_split.train)
    # Grey squares alone teach nothing about the images that choose the epoch.
    last = [step.validation for step in steps if step.validation is not None][-1]
    assert blind.labels.tolist() == [few.labels[k] for k in few_split.validation]
    assert last.accuracy <= plain.validation.accuracy


def test_fine_tuning_runs_the_parts_before_the_first_thawed_one_once(
    tiny: Network, few: Dataset
) -> None:
    """5 epochs, 20 images: 20 passes through the first part, and one or two to try the halves."""

    made = torch.nn.Module()
    made.features = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=4), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3)
    )
    seen = {"first": 0, "last": 0}
    network = replace(tiny, module=EncoderOnly(made.features).eval())
    transfer = plan(network, "last-layer", few.classes)
    module = transfer.build(torch.Generator().manual_seed(0)).requires_grad_(False)
    further = plan_further(
        replace(tiny, module=module), transfer.form, ("decoder",), thaw=["features.2"]
    )
    forward = torch.nn.Conv2d.forward

    def counted(self: torch.nn.Conv2d, x: Tensor) -> Tensor:
        seen["first" if self.in_channels == 3 else "last"] += len(x)
        return forward(self, x)

    parts = Split(tuple(range(16)), tuple(range(16, 20)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Conv2d, "forward", counted)
        run(further, few, parts, replace(SHORT, epochs=5))
    # The example runs through the first half and through the whole network.
    assert seen["first"] in (20 + 1, 20 + 2)
    assert seen["last"] > 5 * 16


def test_the_result_is_what_the_best_epoch_was(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    for scenario in ("last-layer", "fine-tune", "scratch"):
        made = plan(tiny, scenario, few.classes)
        steps, result = run(made, few, few_split, replace(SHORT, epochs=6))
        found = [step.validation.accuracy for step in steps if step.validation]
        assert result.validation.accuracy == max(found)
        # The module handed out gives the same scores, without what standardised the features.
        network = to_network(made, few, result, 32)
        place = few_split.validation[0]
        guesses = predict(network, few.images.image(place), k=6)
        probabilities = result.probabilities[0]
        for guess in guesses:
            assert guess.probability == pytest.approx(float(probabilities[guess.index]), abs=0.02)


def test_standardising_folds_into_the_first_layer() -> None:
    features = torch.tensor([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
    scale = FeatureScale.of(features)
    assert scale.apply(features).tolist() == [[-1, -1, 0], [1, 1, 0]]
    head = torch.nn.Linear(3, 2)
    expected = head(scale.apply(features)).detach()
    scale.fold(head)
    assert torch.allclose(head(features), expected, atol=1e-6)


def test_a_loss_that_is_no_number_ends_with_a_sentence_and_the_last_good_weights(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    settings = replace(SHORT, learning_rate=1e6, optimiser="sgd", epochs=40, schedule="constant")
    made = plan(tiny, "scratch", few.classes)
    _, result = run(made, few, few_split, settings)
    assert result.ending == "not finite"
    assert "learning rate" in result.note
    assert all(value.isfinite().all() for value in result.module.state_dict().values())


def test_stopping_keeps_what_there_is(tiny: Network, few: Dataset, few_split: Split) -> None:
    asked: list[bool] = []
    made = plan(tiny, "scratch", few.classes)
    steps = fit(made, few, few_split, replace(SHORT, epochs=1000), stop=lambda: bool(asked))
    for step in steps:
        if step.epoch == 2:
            asked.append(True)
    assert step.result is not None
    assert step.result.ending == "stopped"
    assert step.result.epochs <= 3


def test_stopping_while_images_are_read_gives_the_first_weights(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    for scenario in ("last-layer", "fine-tune", "scratch"):
        made = plan(tiny, scenario, few.classes)
        result = list(fit(made, few, few_split, SHORT, stop=lambda: True))[-1].result
        assert result is not None
        assert (result.ending, result.epochs, result.best_step) == ("stopped", 0, 0)


def test_arguments_are_checked_at_the_call(tiny: Network, few: Dataset, few_split: Split) -> None:
    made = plan(tiny, "last-layer", few.classes)
    for wrong, sentence in (
        (TrainingSettings(epochs=None), "when to end"),
        (TrainingSettings(epochs=0), "number of epochs, 0, is out of range"),
        (TrainingSettings(learning_rate=-1), "learning rate"),
        (TrainingSettings(size=4), "side in pixels"),
    ):
        with pytest.raises(SettingError, match=sentence):
            fit(made, few, few_split, wrong)
    with pytest.raises(SettingError, match="other classes"):
        fit(plan(tiny, "last-layer", ("a", "b")), few, few_split)


def test_losses_of_auxiliary_heads_are_weighted() -> None:
    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.side = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.main(x), self.side(x)

    moved = []
    for weight in (0.3, 0.6):
        torch.manual_seed(0)
        module = Two()
        before = values(module)
        learner = Learner(module, optimiser="sgd", auxiliary_weight=weight)
        losses = learner.step(torch.ones(4, 2), torch.tensor([0, 1, 0, 0]), 0.1)
        assert len(losses.auxiliary) == 1
        moved.append({n: v - before[n] for n, v in values(module).items()})
    assert torch.allclose(moved[0]["main.weight"], moved[1]["main.weight"])
    assert torch.allclose(2 * moved[0]["side.weight"], moved[1]["side.weight"], atol=1e-7)


def test_a_saved_network_comes_back_the_same(tiny: Network, few: Dataset, few_split: Split) -> None:
    for scenario in ("last-layer", "several", "scratch"):
        made = plan(tiny, scenario, few.classes)  # type: ignore[arg-type]
        _, result = run(made, few, few_split)
        data = to_bytes(made, few, result, 32)
        network = open_saved(data)
        assert network.weights.classes == few.classes
        assert network.weights.input_size == 32
        assert network.weights.source.startswith("trained-")
        kept = values(result.module)
        assert all(value.equal(kept[name]) for name, value in network.module.state_dict().items())
        assert not any(p.requires_grad for p in network.module.parameters())
        source = trained.keep(network)
        assert load("tiny", source) is network


def test_an_encoder_with_a_pooled_decoder_comes_back_too(few: Dataset, few_split: Split) -> None:
    from convviz.networks.decoders import EncoderOnly

    whole = load("alexnet", "random")
    network = Network(
        whole.spec, EncoderOnly(clone(whole.module).get_submodule("features")), whole.weights
    )
    made = plan(network, "last-layer", few.classes)
    _, result = run(made, few, few_split, replace(SHORT, size=64, epochs=1))
    back = open_saved(to_bytes(made, few, result, 64))
    x = torch.zeros(1, 3, 64, 64)
    assert torch.equal(back.module(x), result.module(x))


def test_what_was_let_go_gets_a_sentence() -> None:
    with pytest.raises(WeightsError, match="no longer in memory"):
        load("googlenet", "trained-000000000000")


@pytest.fixture(scope="module")
def three_each() -> Dataset:
    return shapes(per_class=3)


@pytest.fixture(scope="module", params=["alexnet", "vgg16", "vgg11_bn", "googlenet"])
def network(request: pytest.FixtureRequest) -> Network:
    """A network as it is used: AlexNet and the VGGs as encoders, GoogLeNet whole."""
    found = load(request.param, "random", seed=4)
    generator = torch.Generator().manual_seed(1)
    for name, value in found.module.named_buffers():  # not the trivial zeros and ones
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
        elif name.endswith("running_var"):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
    if request.param == "googlenet":
        return found
    return Network(found.spec, EncoderOnly(found.module.features).eval(), found.weights)  # type: ignore[arg-type]


def check_frozen(
    made: TransferPlan, before: dict[str, Tensor], three_each: Dataset
) -> torch.nn.Module:
    """Train, and look at every number of every part, named or not."""
    untouched = values(made.network.module)
    steps = list(fit(made, three_each, split(three_each), REAL))
    result = steps[-1].result
    assert result is not None
    assert result.epochs == 3
    after = values(result.module)
    named = made.trained_names()
    frozen = [name for name in after if not any(is_within(name, part) for part in named)]
    assert len(frozen) > 5
    for name in frozen:
        assert torch.equal(after[name], before[name]), f"{name} is frozen but moved"
    now = values(made.network.module)
    assert all(torch.equal(now[name], value) for name, value in untouched.items())
    return result.module


@pytest.mark.parametrize("scenario", ["last-layer", "several", "fine-tune"])
def test_only_the_named_layers_move(
    network: Network, scenario: Scenario, three_each: Dataset
) -> None:
    before = values(network.module)
    made = plan(network, scenario, three_each.classes)
    last = [part for part in made.parts if part.trained]
    assert (scenario == "fine-tune") == any(part.state == "thawed" for part in last)
    check_frozen(made, before, three_each)


def test_only_the_named_layers_move_when_it_goes_on(network: Network, three_each: Dataset) -> None:
    first = plan(network, "last-layer", three_each.classes)
    module = check_frozen(first, values(network.module), three_each)
    learned = Network(network.spec, module, network.weights)
    further = plan_further(learned, first.form, first.trained_names())
    check_frozen(further, values(module), three_each)


def test_thawed_layers_do_move(network: Network, three_each: Dataset) -> None:
    made = plan(network, "fine-tune", three_each.classes)
    thawed = [part.name for part in made.parts if part.state == "thawed"]
    before, moved = values(network.module), set()
    for step in fit(made, three_each, split(three_each), REAL):
        if step.module is not None and step.phase == "training":
            for name in thawed:
                state = step.module.get_submodule(name).state_dict()
                moved |= {name for key in state if not state[key].equal(before[f"{name}.{key}"])}
    assert moved == set(thawed)
