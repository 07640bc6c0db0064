"""Trainings as jobs: what they yield, keep and compare."""

import pickle
from dataclasses import replace

from convviz.datasets.labelled_set import Dataset, Split
from convviz.features.predictions import predict
from convviz.learning.config import TrainingSettings
from convviz.learning.plan import plan as make_plan
from convviz.learning.transfer import TransferProgress, train_transfer
from convviz.networks.network import Network
from convviz.weights.load import load

SHORT = TrainingSettings(epochs=3, size=32, batch=8)


def views(tiny: Network, few: Dataset, split: Split, **more: bool) -> list[TransferProgress]:
    plan = make_plan(tiny, "last-layer", few.classes)
    return list(
        train_transfer(
            stop=lambda: False, plan=plan, dataset=few, split=split, settings=SHORT, **more
        )
    )


def test_every_epoch_is_seen_once_and_the_outcome_adds_up(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    moments = views(tiny, few, few_split)
    last = moments[-1]
    assert [epoch.number for epoch in last.epochs] == [0, 1, 2, 3]
    assert last.epochs[0].loss is None
    (outcome,) = last.outcomes
    assert outcome.accuracy == max(epoch.accuracy for epoch in last.epochs)
    assert sum(map(sum, outcome.confusion)) == len(few_split.validation) == last.validation_images
    errors = len(few_split.validation) - sum(outcome.confusion[k][k] for k in range(6))
    assert len(outcome.mistakes) == min(8, errors)
    shares = [mistake.probability for mistake in outcome.mistakes]
    assert shares == sorted(shares, reverse=True)
    assert all(mistake.is_class != mistake.taken_for for mistake in outcome.mistakes)
    assert [moment.fraction for moment in moments] == sorted(moment.fraction for moment in moments)
    assert last.fraction == 1
    assert pickle.loads(pickle.dumps(last)) == last
    assert last.nbytes > sum(len(mistake.png) for mistake in outcome.mistakes)


def test_the_network_is_kept_and_names_pictures(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    outcome = views(tiny, few, few_split)[-1].outcomes[0]
    network = load("tiny", outcome.source)
    labels = {prediction.label for prediction in predict(network, few.images.image(0), k=6)}
    assert labels == set(few.classes)


def test_the_comparison_trains_an_untrained_encoder_and_everything(
    tiny: Network, few: Dataset, few_split: Split
) -> None:
    last = views(tiny, few, few_split, compare=True)[-1]
    assert [outcome.name for outcome in last.outcomes] == [
        "this training",
        "the same decoder on an untrained encoder",
        "everything from scratch, for the same time",
    ]
    assert [epoch.number for epoch in last.epochs] == [0, 1, 2, 3]


def test_it_stops_when_asked(tiny: Network, few: Dataset, few_split: Split) -> None:
    requests: list[bool] = []
    plan = make_plan(tiny, "scratch", few.classes)
    settings = replace(SHORT, epochs=1000)
    for view in train_transfer(
        stop=lambda: bool(requests),
        plan=plan,
        dataset=few,
        split=few_split,
        settings=settings,
        compare=True,
    ):
        if len(view.epochs) == 2:
            requests.append(True)
    assert len(view.outcomes) == 1
    assert view.outcomes[0].ending == "stopped"
    assert view.outcomes[0].note
