"""Sentences of the page Transfer learning, made from the numbers of a plan or of a training."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from convviz.datasets.labelled_set import Partition
from convviz.formatting import percent
from convviz.language import again, later, numeral, tr, trn, trp
from convviz.learning.plan import TransferPlan
from convviz.learning.significance import (
    LEVEL,
    PairedComparison,
    compare_paired,
    interval,
    p_value_higher,
)
from convviz.learning.transfer import TransferOutcome, TransferProgress
from convviz.plain_text import plain, quoted

_KNOWS_ITS_PICTURES = 0.95  # of the training images: from here on they count as known
_LEARNED_LITTLE = 0.9  # of the training images: below this one, more weights may help


def division(partition: Partition) -> str:
    """Say what the images are for."""
    split = partition.split
    learn, choose = len(split.train), len(split.validation)
    if not partition.folds:
        return tr(
            "{pictures} to learn from, {choose:,} to choose the best epoch by, {test:,} to test "
            "the result: these choose nothing.",
            pictures=_pictures(learn),
            choose=choose,
            test=len(split.test),
        )
    folds = len(partition.folds)
    return tr(
        "{pictures} to learn from, {choose:,} to choose the best epoch by. With so few, none are "
        "set aside for the test alone: {folds} more networks are trained in the same way, each "
        "without one part of all {count:,} pictures that it is then tested with, so that each "
        "picture is tested once. All {trainings} trainings share the time below.",
        pictures=_pictures(learn),
        choose=choose,
        folds=folds,
        count=len(partition.tested),
        trainings=folds + 1,
    )


def augmentation_cost(images: int, seconds: float, limit: float) -> str:
    """Say what it costs to change the pictures each time they are learned from.

    Args:
        images: How many there are to learn from.
        seconds: For the network to run over all of them once.
        limit: Time for the training, in seconds.
    """
    epochs = int(limit / seconds) if seconds else 0
    length = numeral(f"{seconds:.2g}" if seconds < 10 else f"{seconds:,.0f}")
    enough = (
        trn(
            "the {limit:g} s chosen are about {count:,} such epoch",
            "the {limit:g} s chosen are about {count:,} such epochs",
            epochs,
            limit=limit,
        )
        if epochs
        else tr("the {limit:g} s chosen are less than one such epoch", limit=limit)
    )
    return tr(
        "What a frozen encoder makes of changed pictures cannot be computed once and kept: every "
        "epoch runs it over all {pictures}, about {seconds} s on this machine; {enough}.",
        pictures=_pictures(images),
        seconds=length,
        enough=enough,
    )


def trained_share(plan: TransferPlan) -> str:
    """Say how much of a network learns."""
    trained, whole = plan.trainable_parameters, plan.parameters
    if plan.frozen_parameters:
        share = percent(trained / whole)
        share = f"{share[0].upper()}{share[1:]}"
        return tr(
            "{share} of the {count:,} parameters learn; the others stay exactly as they are.",
            share=share,
            count=whole,
        )
    if plan.scenario == "scratch":
        return tr("All {count:,} parameters are drawn anew and learn.", count=whole)
    return tr("All {count:,} parameters learn.", count=whole)


def computed_once(plan: TransferPlan) -> str:
    """Say what of a fine-tuning is computed once, and what in every epoch."""
    names = [part.name for part in plan.parts]
    first = next(part for part in plan.parts if part.trained)
    if names.index(first.name) == 0:
        return tr(
            "At most. The first part learns too, so every picture runs through the whole "
            "network in every epoch."
        )
    return tr(
        "At most. What comes before {part} does not change: it runs once over each picture, and "
        "its output is kept. In every epoch the pictures run through {part} and what follows. (A "
        "network of your own whose parts do not run one after the other, or an output above "
        "400 MB, is computed anew in every epoch.)",
        part=plain(again(first.title).split(" (")[0]),
    )


def trainings(seconds: float, *, compare: bool, folds: int = 0) -> str:
    """Say how many trainings a press of Start begins, and how long each may take.

    Args:
        seconds: The time that is chosen for one.
        compare: Whether it is compared with no transfer.
        folds: How many networks test it; 0 with a test part.
    """
    if compare:
        text = (
            later(
                "Three trainings (with the {folds} networks that test each): this one and the same "
                "on an untrained encoder, each for at most {seconds:g} seconds, then everything "
                "from scratch, for about as long as the first took."
            )
            if folds
            else later(
                "Three trainings: this one and the same on an untrained encoder, each for at most "
                "{seconds:g} seconds, then everything from scratch, for about as long as the "
                "first took."
            )
        )
    elif folds:
        text = later(
            "One training (with the {folds} networks that test it), for at most {seconds:g} "
            "seconds."
        )
    else:
        text = later("One training, for at most {seconds:g} seconds.")
    return tr(text, seconds=seconds, folds=folds)


def doing(view: TransferProgress) -> str:
    """Say what a job does now."""
    phase = {
        "reading": tr("Reading the pictures"),
        "encoding": tr("Computing the frozen parts' output, once"),
        "training": trp("what is done now", "Training"),
        "testing": trp("what is done now", "Testing"),
        "done": tr("Done"),
    }[view.phase]
    parts = [phase, tr(view.doing)]
    if view.fold:
        parts.append(tr("testing part {fold} of {folds}", fold=view.fold, folds=view.folds))
    return " · ".join([*parts, f"{view.seconds:.0f} s"])


def accuracy_name(outcome: TransferOutcome) -> str:
    """Name an accuracy by the images that it was measured on."""
    return tr("Validation accuracy") if outcome.measured == "validation" else tr("Test accuracy")


def accuracy_interval(outcome: TransferOutcome) -> str:
    """Write the 95 % interval of an accuracy."""
    low, high = interval(_correct(outcome), outcome.images, len(outcome.different))
    return tr("{low} to {high}", low=percent(low), high=percent(high))


def measured(outcome: TransferOutcome, validation_images: int) -> str:
    """Say what an accuracy was measured on, and what guessing gives there.

    Args:
        outcome: The training.
        validation_images: How many images chose its epoch.
    """
    images, correct = outcome.images, _correct(outcome)
    right = trn(
        "{count:,} of {pictures} is classified correctly",
        "{count:,} of {pictures} are classified correctly",
        correct,
        pictures=_pictures(images),
    )
    epoch, chosen = outcome.best_epoch, _pictures(validation_images)
    if outcome.measured == "test":
        text = tr(
            "{right}; these chose nothing, neither weights nor the epoch. Kept are the weights of "
            "epoch {epoch}, the best on {pictures} set aside for that choice.",
            right=right,
            epoch=epoch,
            pictures=chosen,
        )
    elif outcome.measured == "folds":
        text = tr(
            "{right}, each by one of {folds} networks trained in the same way without it: the "
            "accuracy is that of this way of training. The network that is kept learned from more "
            "pictures than they; its weights are those of epoch {epoch}, the best on {pictures} "
            "set aside for that choice.",
            right=right,
            folds=outcome.folds,
            epoch=epoch,
            pictures=chosen,
        )
    else:
        text = tr(
            "{right}, but these are the pictures that chose epoch {epoch}, so new pictures may "
            "fare worse.",
            right=right,
            epoch=epoch,
        )
    guessing = tr(
        "Always naming the largest class would classify {share} of them correctly.",
        share=percent(outcome.guessing),
    )
    return f"{text} {guessing} {_what_the_interval_counts(outcome)}"


def _what_the_interval_counts(outcome: TransferOutcome) -> str:
    different = len(outcome.different)
    if different < outcome.images:
        return tr(
            "The interval counts the chance of which pictures were tested (95 %, from the "
            "{count:,} different ones), not that of the seed: the training ran with one.",
            count=different,
        )
    return tr(
        "The interval counts the chance of which pictures were tested (95 %), not that of the "
        "seed: the training ran with one."
    )


def time_spent(outcome: TransferOutcome) -> str:
    """Say where the time of a training went; empty without a frozen encoder's features."""
    sentences = []
    if outcome.augmented and outcome.epoch_seconds:
        sentences.append(
            tr(
                "As the pictures changed each time, every epoch ran the network over all of them: "
                "it took {seconds:.2f} s.",
                seconds=median(outcome.epoch_seconds),
            )
        )
    elif outcome.encoding_seconds and outcome.epoch_seconds:
        sentences.append(
            tr(
                "The frozen parts ran over each picture once, in {encoding:.1f} s; after that an "
                "epoch took {epoch:.2f} s.",
                encoding=outcome.encoding_seconds,
                epoch=median(outcome.epoch_seconds),
            )
        )
    if outcome.folds:
        sentences.append(
            tr(
                "The {folds} networks of the test took {seconds:.1f} s.",
                folds=outcome.folds,
                seconds=outcome.test_seconds,
            )
        )
    return " ".join(sentences)


def by_heart(outcome: TransferOutcome) -> str:
    """Say whether the pictures learned from are known better than others; empty without a test."""
    train = outcome.train_accuracy
    if train is None:
        return ""
    images, correct = outcome.images, _correct(outcome)
    # Training images stand in several folds: count as many as are tested, and no copies.
    number = len(outcome.different)
    p_value = p_value_higher(
        round(train * number), number, round(correct / images * number), number
    )
    text = tr(
        "Of the pictures learned from, {learned} are classified correctly, of the tested ones "
        "{tested}",
        learned=percent(train),
        tested=percent(outcome.accuracy),
    )
    if p_value < LEVEL and train >= _KNOWS_ITS_PICTURES:
        return tr(
            "{text}: much was learned by heart. Fewer weights to learn, or more "
            "pictures, may narrow the gap.",
            text=text,
        )
    if p_value < LEVEL:
        return tr("{text}: part of what was learned holds for those pictures only.", text=text)
    text = tr("{text}: chance may explain that, so it is no sign of learning by heart.", text=text)
    if train < _LEARNED_LITTLE:
        return text + " " + tr("More weights to learn, or more time, may raise both.")
    return text


def compared(outcomes: Sequence[TransferOutcome]) -> str:
    """Compare the first training with each of the others, over the same images."""
    first = outcomes[0]
    sentences = []
    for other in outcomes[1:]:
        paired = _paired(first, other)
        if paired is None:
            sentences.append(
                tr("“{training}” was stopped before its test.", training=plain(tr(other.name)))
            )
            continue
        sentences.append(
            tr(
                "Of the same {pictures}, this training classifies {first:,} correctly and "
                "“{training}” {second:,}: {verdict}.",
                pictures=_compared(first, paired),
                first=paired.both + paired.only_first,
                training=plain(tr(other.name)),
                second=paired.both + paired.only_second,
                verdict=_verdict(paired),
            )
        )
    times = "; ".join(f"{plain(tr(each.name))}, {_total(each):.0f} s" for each in outcomes)
    sentences.append(
        tr(
            "Each was trained with one seed; another one moves these numbers, too. All trainings "
            "and tests together: {times}.",
            times=times,
        )
    )
    return " ".join(sentences)


def fine_tuned(before: TransferOutcome, after: TransferOutcome) -> str:
    """Say what fine-tuning changed."""
    paired = _paired(before, after)
    if paired is None:
        text = tr("Not both were tested with the same pictures, so the two accuracies say little.")
    else:
        text = tr(
            "Of the same {pictures}, {before:,} were classified correctly before fine-tuning and "
            "{after:,} after it: {verdict}. Each was trained with one seed.",
            pictures=_compared(before, paired),
            before=paired.both + paired.only_first,
            after=paired.both + paired.only_second,
            verdict=_verdict(paired),
        )
    if after.best_epoch == 0:
        kept = tr(
            "For the network that is kept, no epoch was better than the beginning on the pictures "
            "that choose it, so its weights are as before."
        )
    else:
        kept = tr(
            "Kept are the weights of epoch {epoch}, the best on the pictures that choose it; "
            "epoch 0 is the network as it was before.",
            epoch=after.best_epoch,
        )
    return f"{text} {kept}"


def question(title: str) -> str:
    """Ask what the network takes the visitor's image for."""
    return tr("**What it takes your image ({image}) for**", image=quoted(again(title)))


def cell(is_class: str, taken_for: str, count: int) -> str:
    """Name a cell of the confusion matrix: "disc taken for square: 3 pictures".

    Args:
        is_class: Name of the pictures' class.
        taken_for: Name of the class that they were taken for.
        count: How many there are.
    """
    return tr(
        "{is_class} taken for {taken_for}: {pictures}",
        is_class=is_class,
        taken_for=taken_for,
        pictures=_pictures(count),
    )


def most_confident(shown: int, count: int) -> str:
    """Say that only some of a cell's pictures are shown.

    Args:
        shown: How many.
        count: How many there are.
    """
    return tr("The {shown:,} most confident of {count:,} are shown.", shown=shown, count=count)


def on_other_pages(title: str) -> str:
    """Say where else a trained network can be used."""
    return tr(
        "You can choose it among the weights of {network} on the other pages, for as long "
        "as this visit and the server's memory last. To keep it, save it as a file: open "
        "the file in the sidebar, or name it with `--weights` on the command line.",
        network=plain(title),
    )


def no_script(title: str) -> str:
    """Say why a user's own network has no script that loads it without convviz."""
    return tr(
        "{network} is a network of your own: only your Python file builds it. Save the whole "
        "network above; safetensors.torch.load_file reads its weights for what your file builds.",
        network=plain(title),
    )


def small_file(title: str, weights: str) -> str:
    """Say what a file with the trained parts alone needs."""
    return tr(
        "A small file. It opens where {network} has the weights “{weights}”.",
        network=plain(title),
        weights=plain(weights),
    )


def no_small_file(title: str) -> str:
    """Say why what was trained cannot be saved alone."""
    return tr(
        "There is no small file of what was trained alone: the build() of {network} sets "
        "other weights each time, so that nothing could open it. Save the whole network.",
        network=plain(title),
    )


def no_tsne() -> str:
    """Say what t-SNE needs."""
    return tr(
        "t-SNE needs scikit-learn, which is not installed on this machine (pip install "
        "“convviz[tsne]”); the principal components are drawn in its place."
    )


def axis(number: int, shares: tuple[float, float]) -> str:
    """Name an axis of the principal components with its share of the variance.

    Args:
        number: 1 or 2.
        shares: Of both.
    """
    return tr(
        "component {number} ({share} of the variance)",
        number=number,
        share=percent(shares[number - 1]),
    )


def points(stage: str, count: int) -> str:
    """Name the drawing of all images as points, for a screen reader."""
    return tr(
        "{pictures} and your image as points, by what {layer} makes of them",
        pictures=_pictures(count),
        layer=stage,
    )


def nearest_to(title: str, stage: str) -> str:
    """Introduce the nearest images."""
    return tr(
        "**Nearest to {image} at {layer}**, by cosine distance",
        image=quoted(again(title)),
        layer=quoted(stage),
    )


def nearest(names: Sequence[str], own: str | None) -> str:
    """Say which classes the nearest images are of.

    Args:
        names: Class of each, the nearest first.
        own: Class of the image whose neighbours they are; None where it has none.
    """
    measure = tr(
        "The distance is 1 − cos of the angle between the features, averages of each "
        "channel over its map: 0 for the same direction, 1 for nothing in common."
    )
    if not names:
        return measure
    if own is not None:
        text = tr(
            "{same} of {count} are of its own class, {class_name}.",
            same=sum(name == own for name in names),
            count=len(names),
            class_name=quoted(again(own)),
        )
    else:
        most = max(names, key=names.count)
        text = tr(
            "{same} of {count} are of the class {class_name}; your image need be of none of these "
            "classes, and has neighbours all the same.",
            same=names.count(most),
            count=len(names),
            class_name=quoted(again(most)),
        )
    return f"{text} {measure}"


def _verdict(paired: PairedComparison) -> str:
    """Say in words what a paired comparison says."""
    if paired.only_first == paired.only_second == 0:
        return tr("the very same ones, so no difference")
    counts = tr(
        "{only_first:,} only by the first, {only_second:,} only by the second",
        only_first=paired.only_first,
        only_second=paired.only_second,
    )
    if paired.only_first == paired.only_second:
        return tr("{counts}, so neither is better", counts=counts)
    p_value = numeral(f"p = {paired.p_value:.2g}" if paired.p_value >= 0.001 else "p < 0.001")
    if paired.is_significant:
        return tr(
            "{counts}, a difference that chance hardly explains (McNemar's test, {p_value})",
            counts=counts,
            p_value=p_value,
        )
    return tr(
        "{counts}, a difference that may be chance (McNemar's test, {p_value})",
        counts=counts,
        p_value=p_value,
    )


def _paired(first: TransferOutcome, second: TransferOutcome) -> PairedComparison | None:
    """Compare two trainings over the different images that both were tested with; None without."""
    one, two = (dict(zip(o.tested, o.correct, strict=True)) for o in (first, second))
    common = sorted(one.keys() & two.keys() & set(first.different))
    if not common:
        return None
    return compare_paired([one[index] for index in common], [two[index] for index in common])


def _compared(outcome: TransferOutcome, paired: PairedComparison) -> str:
    """Count the images of a comparison; "8 different pictures" if some have copies."""
    if len(outcome.different) == outcome.images:
        return _pictures(paired.images)
    return trn("{count:,} different picture", "{count:,} different pictures", paired.images)


def _total(outcome: TransferOutcome) -> float:
    return outcome.seconds + outcome.test_seconds


def _correct(outcome: TransferOutcome) -> int:
    return sum(row[label] for label, row in enumerate(outcome.confusion))


def _pictures(count: int) -> str:
    return trn("{count:,} picture", "{count:,} pictures", count)
