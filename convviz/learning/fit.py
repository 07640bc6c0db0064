"""Train what a plan says: an iterator of steps, whose last one carries the result.

A frozen encoder's features are computed once, and so is what comes before the first thawed part,
where the network runs its parts one after the other and the output fits into `_KEPT_BYTES`.
"Fine-tune" first trains the new decoder on them for a third of the work, because a decoder with
random weights would send noise into the layers that are thawed then, and goes on with a small
learning rate. Where the decoder has been trained already (`plan_further`), it starts with that.

The same seed gives the same weights on one machine with the same number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.features.capture import check_layer
from convviz.language import tr
from convviz.learning.augmentation import augment
from convviz.learning.config import Answers, TrainingResult, TrainingSettings, TrainingStep
from convviz.learning.encoding import DecodedImages, FeatureScale, cut, encode, trunk
from convviz.learning.loop import BestWeights, Examples, Schedule, seed_dropout, train
from convviz.learning.plan import TransferPlan, trained_parts, with_heads
from convviz.learning.snapshots import SnapshotSchedule, Watch
from convviz.learning.step import Learner
from convviz.networks.clone import clone
from convviz.networks.decoders import in_form, remove_heads
from convviz.networks.device import fast_dtype
from convviz.networks.network import is_within
from convviz.structure.trace import TraceError, trace

Progress = TypeVar("Progress")
Outcome = TypeVar("Outcome")

_HEAD_SHARE = 1 / 3  # of a fine-tuning's work
_KEPT_BYTES = 400_000_000  # of a frozen encoder's output
_TRAIN_ANSWERS = 500  # training images, at most, that the trained network classifies
_RATES = {
    "adamw": {"head": 3e-3, "fine-tune": 1e-4, "whole": 1e-3},
    "sgd": {"head": 0.05, "fine-tune": 0.002, "whole": 0.02},
}


def fit(
    plan: TransferPlan,
    dataset: Dataset,
    split: Split,
    settings: TrainingSettings | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    watch: Watch | None = None,
    images: DecodedImages | None = None,
) -> Iterator[TrainingStep]:
    """Train.

    Args:
        plan: What is frozen and what is learned.
        dataset: The images.
        split: Which of them are learned from, which choose the best epoch, and which test it.
        settings: How to train; None for the defaults.
        stop: Asked between two steps; once it returns True, the training ends with what it has.
        watch: What to take snapshots of: before the first step, at moments that are densest at the
            beginning, and at the end, of the weights that are kept. None for no snapshots.
        images: The decoded images, to share them with other trainings; None to decode them.

    Raises:
        SettingError: A setting makes no sense, or the data set does not fit the plan or memory.
        NetworkError: The network has no layer that is to be watched.
    """
    settings = settings or TrainingSettings()
    settings.check()
    if plan.form.classes != dataset.classes:
        raise SettingError(tr("The plan was made for other classes: plan again for this data set."))
    labelled_set.check_fits(len(dataset), settings.size)
    if plan.auxiliary:
        _check_heads(plan, settings.size)
    for name in watch.names if watch else ():
        check_layer(plan.network.module, name)
    if images is None:
        indices = tuple(sorted((*split.train, *split.validation, *split.test)))
        images = DecodedImages(dataset, indices, settings.size)
    return _fit(plan, split, settings, stop, watch, images)


def _check_heads(plan: TransferPlan, size: int) -> None:
    """Refuse images that are too small for auxiliary heads: Inception v3's need 5 × 5 averages."""
    spec = plan.network.spec
    try:
        trace(with_heads(spec, plan.form), size, train=True)
    except TraceError as error:
        raise SettingError(
            tr(
                "With its auxiliary heads {title} cannot be trained on images of {size} × "
                "{size} pixels: choose {input_size}, the size it is made for, or train "
                "without heads.",
                title=spec.title,
                size=size,
                input_size=spec.input_size,
            )
        ) from error


def _fit(
    plan: TransferPlan,
    split: Split,
    settings: TrainingSettings,
    stop: Callable[[], bool],
    watch: Watch | None,
    images: DecodedImages,
) -> Iterator[TrainingStep]:
    schedule, snapshots = Schedule(settings, stop), SnapshotSchedule(watch)
    generator = torch.Generator().manual_seed(settings.seed)
    module = plan.build(generator)
    seed_dropout(module, generator)
    training = _Training(plan, split, settings, schedule, snapshots, generator, module, images)
    yield from training.read()
    outcome: _Outcome | None = None
    if plan.scenario != "scratch" and not plan.goes_on:
        outcome = yield from training.train_decoder()
    if outcome is None or (schedule.goes_on and not plan.encoder_is_frozen):
        outcome = yield from training.train_network()
    yield training.finished(outcome)


@dataclass(frozen=True, eq=False)
class _Outcome:
    """Of a stage: its best weights, and what they say of the test and of the training images."""

    best: BestWeights
    test: Answers | None
    train: Answers | None


@dataclass(eq=False)
class _Training:
    """One training and its two stages."""

    plan: TransferPlan
    split: Split
    settings: TrainingSettings
    schedule: Schedule
    snapshots: SnapshotSchedule
    generator: torch.Generator
    module: nn.Module
    images: DecodedImages

    def read(self) -> Iterator[TrainingStep]:
        """Decode the images."""
        for share in self.images.decode():
            yield self.schedule.preparing("reading", share)
        snapshot = self.snapshots.take_if_due(
            self.module, step=0, epoch=0, seconds=self.schedule.seconds
        )
        if snapshot is not None:
            yield replace(self.schedule.now("reading"), snapshot=snapshot)
        self.schedule.images_are_read()

    def train_decoder(self) -> Generator[TrainingStep, None, _Outcome]:
        """Train the new decoder on the frozen encoder's features."""
        plan, schedule = self.plan, self.schedule
        frozen = [
            tensor
            for name, tensor in self.module.state_dict(keep_vars=True).items()
            if not is_within(name, plan.head)
        ]
        encoder = trunk(self.module, plan.head)
        maps = yield from self._encoded(encoder, frozen, plan.head)
        schedule.features_are_computed()
        features = maps.flatten(1)
        scale = FeatureScale.of(features[self.images.rows(self.split.train)])
        head = self.module.get_submodule(plan.head)
        head.requires_grad_(True)
        schedule.begin_stage(
            _rate(self.settings, "head"), _HEAD_SHARE if plan.scenario == "fine-tune" else 1.0
        )
        values = scale.apply(features)
        examples, check, test = self._parts(values)
        best = yield from train(
            self._learner(head),
            self._augmented(examples, self._features(encoder, scale)),
            check,
            schedule,
            self.snapshots,
            batch=self.settings.batch,
            generator=self.generator,
        )
        outcome = yield from self._tested(best, examples, test)
        scale.fold(head)
        return outcome

    def train_network(self) -> Generator[TrainingStep, None, _Outcome]:
        """Train the thawed parts and the decoder, or everything."""
        plan, learned = self.plan, self.module
        parts = self._parts(self.images.pixels, self._to_input)
        halves = None
        if plan.scenario == "fine-tune" and self.schedule.goes_on and not self.settings.augment:
            example, _ = parts[0].batch(torch.tensor([0]))
            halves = cut(self.module.eval(), plan.trained_names(), example)
        if halves is not None:
            frozen, rest, maps = halves
            if len(self.images.pixels) * maps.numel() * 4 <= _KEPT_BYTES:
                # What comes before the first thawed part never changes, so it is computed once.
                learned = rest
                tensors = list(frozen.state_dict(keep_vars=True).values())
                values = yield from self._encoded(
                    frozen, tensors, f"before {plan.trained_names()[0]}"
                )
                if plan.goes_on:
                    self.schedule.features_are_computed()
                parts = self._parts(values)
        self.schedule.begin_stage(learning_rate(plan, self.settings))
        best = yield from train(
            self._learner(learned),
            self._augmented(parts[0], self._to_input),
            parts[1],
            self.schedule,
            self.snapshots,
            batch=self.settings.batch,
            generator=self.generator,
            network=self.module,
            modes=lambda _: _set_modes(plan, self.module),
        )
        return (yield from self._tested(best, parts[0], parts[2]))

    def _parts(
        self, values: Tensor, prepare: Callable[[Tensor], Tensor] = lambda values: values
    ) -> tuple[Examples, Examples, Examples]:
        """Divide images or features into those to learn from, to choose the epoch, and to test."""
        parts = []
        for indices in (self.split.train, self.split.validation, self.split.test):
            rows = self.images.rows(indices)
            parts.append(Examples(values, self.images.labels[rows], prepare, rows))
        return parts[0], parts[1], parts[2]

    def _augmented(self, examples: Examples, prepare: Callable[[Tensor], Tensor]) -> Examples:
        """Return the examples to learn from: with augmentation, images that change each time.

        Args:
            examples: The examples as they are.
            prepare: Turns images into what the module takes in.
        """
        if not self.settings.augment:
            return examples

        def changed(pixels: Tensor) -> Tensor:
            return prepare(augment(pixels, self.generator))

        return replace(examples, values=self.images.pixels, prepare=changed)

    def _features(self, encoder: nn.Module, scale: FeatureScale) -> Callable[[Tensor], Tensor]:
        """Return what turns images into a frozen encoder's features, standardised."""
        spec = self.plan.network.spec

        def features(pixels: Tensor) -> Tensor:
            parts = encode(encoder, pixels, mean=spec.mean, std=spec.std, dtype=fast_dtype())
            return scale.apply(torch.cat([part.flatten(1) for _, part in parts]))

        return features

    def _tested(
        self, best: BestWeights, examples: Examples, test: Examples
    ) -> Generator[TrainingStep, None, _Outcome]:
        """Let the best weights classify the test images, and as many training images at most."""
        if not len(test):
            return _Outcome(best, None, None)
        step = max(1, -(-len(examples) // _TRAIN_ANSWERS))
        chosen = torch.arange(0, len(examples), step)
        rows = chosen if examples.rows is None else examples.rows[chosen]
        sample = replace(examples, labels=examples.labels[chosen], rows=rows)
        answers = []
        for part in (test, sample):
            answers.append((yield from _in_steps(best.answers(part), self._testing)))
        return _Outcome(best, *answers)

    def _testing(self, _progress: None) -> TrainingStep | None:
        if self.schedule.ending == "stopped":  # who stops it waits for the result
            return None
        return self.schedule.now("testing")

    def finished(self, outcome: _Outcome) -> TrainingStep:
        """Return the last step, with the result and a snapshot of the weights that are kept."""
        best = outcome.best
        schedule, module = self.schedule, _plain(self.plan, self.module)
        result = TrainingResult(
            module=module,
            validation=best.validation,
            probabilities=best.scores.softmax(1),
            labels=best.labels,
            epochs=schedule.epochs,
            best_epoch=best.epoch,
            seconds=schedule.seconds,
            encoding_seconds=schedule.encoding_seconds,
            epoch_seconds=tuple(schedule.epoch_seconds),
            ending=schedule.ending,
            note=schedule.note,
            best_step=best.step,
            test=outcome.test,
            train=outcome.train,
        )
        snapshot = self.snapshots.take_last(
            module, step=best.step, epoch=best.epoch, seconds=schedule.seconds
        )
        return replace(
            schedule.now("done"), validation=best.validation, result=result, snapshot=snapshot
        )

    def _encoded(
        self, encoder: nn.Module, frozen: Sequence[Tensor], name: str
    ) -> Generator[TrainingStep, None, Tensor]:
        """Compute a frozen encoder's output for all images."""
        spec = self.plan.network.spec
        encoded = self.images.encoded(
            encoder, frozen, name, mean=spec.mean, std=spec.std, dtype=fast_dtype()
        )
        return (
            yield from _in_steps(encoded, lambda share: self.schedule.preparing("encoding", share))
        )

    def _learner(self, module: nn.Module) -> Learner:
        return Learner(
            module,
            optimiser=self.settings.optimiser,
            weight_decay=self.settings.weight_decay,
            auxiliary_weight=self.settings.auxiliary_weight,
            heads=bool(self.plan.auxiliary),
        )

    def _to_input(self, pixels: Tensor) -> Tensor:
        spec = self.plan.network.spec
        return labelled_set.to_input(pixels, spec.mean, spec.std)


def learning_rate(plan: TransferPlan, settings: TrainingSettings) -> float:
    """Return the largest learning rate that a training ends with: of its last stage."""
    stages = {"scratch": "whole", "fine-tune": "fine-tune"}
    return _rate(settings, stages.get(plan.scenario, "head"))


def _rate(settings: TrainingSettings, stage: str) -> float:
    if settings.learning_rate is not None:
        return settings.learning_rate * (0.1 if stage == "fine-tune" else 1.0)
    return _RATES[settings.optimiser][stage]


def _set_modes(plan: TransferPlan, module: nn.Module) -> None:
    """Put the trained parts, and only those, into train mode.

    Fine-tuning leaves all batch norms' statistics as they are: those of a few small batches differ
    from the ones that the decoder was trained behind, and would undo what it learned.
    """
    if plan.scenario == "scratch":
        module.train()
        return
    module.eval()
    for part in trained_parts(module, plan.trained_names()):
        if isinstance(part, nn.Module):
            part.train()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.eval()


def _plain(plan: TransferPlan, trained_module: nn.Module) -> nn.Module:
    """Put the trained weights into a plain network, without what only training needs."""
    if plan.auxiliary:
        network = with_heads(plan.network.spec, plan.form)
        remove_heads(network, plan.auxiliary)
    else:
        with torch.device("meta"):
            network = in_form(clone(plan.network.module), plan.form, plan.network.spec.auxiliary)
    trained, state = trained_module.state_dict(), network.state_dict()
    state.update((name, trained[name]) for name in list(state))  # it keeps the modules' versions
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _in_steps(
    work: Generator[Progress, None, Outcome], step: Callable[[Progress], TrainingStep | None]
) -> Generator[TrainingStep, None, Outcome]:
    """Do some work to its end, yield the steps that its progress makes, and return what it does."""
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        made = step(progress)
        if made is not None:
            yield made
