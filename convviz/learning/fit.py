"""Train what a plan says: an iterator of steps, whose last one carries the result.

A frozen encoder's features are computed once, and so is what comes before the first thawed part.
"Fine-tune" first trains the new decoder on them for a third of the work, because a decoder that was
only just drawn would send noise into the layers that are thawed then, and goes on with a small
learning rate. Where the decoder has been trained already (`plan_further`), it starts with that.

The same seed gives the same weights on one machine with the same number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import torch
from torch import Tensor, nn
from torchvision.models import GoogLeNet

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import SettingError
from convviz.features.capture import check_layer
from convviz.learning.config import TrainingSettings, TrainingStep
from convviz.learning.encoding import Scale, cut, encode, trunk
from convviz.learning.loop import Loop, Source, seed_dropout
from convviz.learning.plan import TransferPlan
from convviz.learning.snapshots import Watch
from convviz.learning.step import Learner
from convviz.networks.clone import clone
from convviz.networks.decoders import in_form, put
from convviz.networks.device import fast_dtype
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import build

_HEAD_SHARE = 1 / 3


_KEPT_BYTES = 400_000_000


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
) -> Iterator[TrainingStep]:
    """Train.

    Args:
        plan: What is frozen and what is learned.
        dataset: The pictures.
        split: Which of them are learned from, and which check it.
        settings: How; None for the usual.
        stop: Asked between two steps; once it says yes, the training ends with what it has.
        watch: What to take snapshots of: before the first step, at moments that are densest at the
            beginning, and at the end, of the weights that are kept. None for no snapshots.

    Raises:
        SettingError: A setting makes no sense, or the data set does not fit the plan or memory.
        NetworkError: The network has no layer that is to be watched.
    """
    settings = settings or TrainingSettings()
    settings.check()
    if plan.form.classes != dataset.classes:
        raise SettingError("The plan was made for other classes: plan again for this data set.")
    if not labelled_set.fits(len(dataset), settings.size):
        raise SettingError(
            f"{len(dataset):,} pictures of {settings.size} × {settings.size} pixels do not fit "
            "into the memory set aside: choose smaller pictures."
        )
    for name in watch.names if watch else ():
        check_layer(plan.network.module, name)
    return _fit(plan, dataset, split, settings, stop, watch)


def _fit(
    plan: TransferPlan,
    dataset: Dataset,
    split: Split,
    settings: TrainingSettings,
    stop: Callable[[], bool],
    watch: Watch | None,
) -> Iterator[TrainingStep]:
    loop = Loop(settings, stop, watch)
    generator = torch.Generator().manual_seed(settings.seed)
    module = plan.build(generator)
    seed_dropout(module, generator)
    pictures: list[tuple[Tensor, Tensor]] = []
    for places in (split.train, split.validation):
        for share, found in labelled_set.read(dataset, places, settings.size):
            yield loop.preparing("reading", share)
            if found is not None:
                pictures.append(found)
    (train, train_labels), (check, check_labels) = pictures
    if watch is not None:
        yield loop.begin(module)
    loop.have_read()
    spec = plan.network.spec

    if plan.scenario != "scratch" and not plan.goes_on:
        features = yield from _encoded(loop, trunk(module, plan.head), (train, check), spec)
        features = [each.flatten(1) for each in features]
        loop.encoded()
        scale = Scale.of(features[0])
        head = module.get_submodule(plan.head)
        source = Source(scale.apply(features[0]), train_labels, lambda x: x)
        target = Source(scale.apply(features[1]), check_labels, lambda x: x)
        head.requires_grad_(True)
        yield from loop.train(
            Learner(head, optimiser=settings.optimiser, weight_decay=settings.weight_decay),
            source,
            target,
            rate=_rate(settings, "head"),
            generator=generator,
            until=loop.ahead(_HEAD_SHARE) if plan.scenario == "fine-tune" else 1.0,
            show=None,
        )
        scale.fold(head)

    if not plan.encoder_is_frozen and loop.goes_on:
        source = Source(
            train, train_labels, lambda x: labelled_set.to_input(x, spec.mean, spec.std)
        )
        target = Source(
            check, check_labels, lambda x: labelled_set.to_input(x, spec.mean, spec.std)
        )
        learned, modes = module, _modes(plan)
        halves = cut(module, plan.trained_names()) if plan.scenario == "fine-tune" else None
        if halves is not None and _can_be_kept(halves[0], train, len(train) + len(check)):
            # What comes before the first thawed part never changes, so it is computed once.
            maps = yield from _encoded(loop, halves[0], (train, check), spec)
            if plan.goes_on:
                loop.encoded()
            learned = halves[1]
            source = Source(maps[0], train_labels, lambda x: x)
            target = Source(maps[1], check_labels, lambda x: x)
        learner = Learner(
            learned,
            optimiser=settings.optimiser,
            weight_decay=settings.weight_decay,
            auxiliary_weight=settings.auxiliary_weight,
        )
        yield from loop.train(
            learner,
            source,
            target,
            rate=learning_rate(plan, settings),
            generator=generator,
            until=1.0,
            modes=lambda _: modes(module),
            show=module,
        )
    yield loop.done(_finished(plan, module))


def _encoded(
    loop: Loop, encoder: nn.Module, pictures: tuple[Tensor, Tensor], spec: NetworkSpec
) -> Generator[TrainingStep, None, list[Tensor]]:
    """Compute what an encoder makes of the training and the validation pictures."""
    found, dtype = [], fast_dtype()
    for pixels in pictures:
        pieces = []
        for done, piece in encode(encoder, pixels, mean=spec.mean, std=spec.std, dtype=dtype):
            pieces.append(piece)
            yield loop.preparing("encoding", done / len(pixels))
        found.append(torch.cat(pieces))
    return found


@torch.no_grad()
def _can_be_kept(encoder: nn.Module, pixels: Tensor, pictures: int) -> bool:
    """Whether memory has room for what an encoder makes of so many pictures."""
    one = encoder(labelled_set.to_input(pixels[:1], (0, 0, 0), (1, 1, 1)))
    return bool(pictures * one.numel() * 4 <= _KEPT_BYTES)


def learning_rate(plan: TransferPlan, settings: TrainingSettings) -> float:
    """Return the largest learning rate that a training ends with: of its last stage."""
    stages = {"scratch": "whole", "fine-tune": "fine-tune"}
    return _rate(settings, stages.get(plan.scenario, "head"))


def _rate(settings: TrainingSettings, stage: str) -> float:
    if settings.learning_rate is not None:
        return settings.learning_rate * (0.1 if stage == "fine-tune" else 1.0)
    return _RATES[settings.optimiser][stage]


def _modes(plan: TransferPlan) -> Callable[[nn.Module], None]:
    """Put the trained parts, and only those, into train mode.

    Fine-tuning leaves all batch norms' statistics as they are: those of a few small batches are
    others than the ones that the decoder was trained behind, and would undo what it learned.
    """

    def train(module: nn.Module) -> None:
        module.eval()
        if plan.scenario == "scratch":
            module.train()
            return
        for name in plan.trained_names():
            module.get_submodule(name).train()
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._NormBase):
                part.eval()

    return train


def _finished(plan: TransferPlan, trained: nn.Module) -> nn.Module:
    """Put the trained weights into a plain network, without what only training needs."""
    if plan.auxiliary:
        whole = build(plan.network.spec, num_classes=len(plan.form.classes))
        for name in plan.auxiliary:
            put(whole, name, None)
        if isinstance(whole, GoogLeNet):
            whole.aux_logits = False
    else:
        with torch.device("meta"):
            whole = in_form(clone(plan.network.module), plan.form, plan.network.spec.auxiliary)
    wanted = whole.state_dict()
    state = {name: value for name, value in trained.state_dict().items() if name in wanted}
    whole.load_state_dict(state, assign=True)
    return whole.eval().requires_grad_(False)
