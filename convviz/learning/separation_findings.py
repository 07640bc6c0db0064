"""Sentences about how well classes separate in the features of each stage.

Every function makes its text from the numbers of a result alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import percent
from convviz.language import tr, trn
from convviz.learning.separation import Separation, StageSeparation
from convviz.learning.significance import LEVEL, interval
from convviz.plain_text import plain


def probed(separation: Separation) -> str:
    """Say how accuracies of class means and linear probes were measured."""
    count, folds = len(separation.indices), len(separation.folds)
    return tr(
        "{pictures}, {side} × {side} pixels, in {folds} parts with all classes in each and copies "
        "of a picture in one: each part is classified by what the other {others} teach. Always "
        "naming the largest class would classify {guessing} correctly. The bars are 95 % "
        "intervals.",
        pictures=_probed_pictures(
            count, len(separation.dataset), different=len(separation.different)
        ),
        side=separation.side,
        folds=folds,
        others=folds - 1,
        guessing=percent(separation.guessing),
    )


def _probed_pictures(count: int, whole: int, *, different: int) -> str:
    """Count the images that were probed, those of the whole set, and those that are no copies."""
    if count < whole and different < count:
        return tr(
            "{count:,} pictures (drawn from {whole:,}), {different:,} of them different",
            count=count,
            whole=whole,
            different=different,
        )
    if count < whole:
        return tr("{count:,} pictures (drawn from {whole:,})", count=count, whole=whole)
    if different < count:
        return tr(
            "{count:,} pictures, {different:,} of them different", count=count, different=different
        )
    return tr("{count:,} pictures", count=count)


def separates(separation: Separation) -> str:
    """Say what follows from the accuracies of linear probes, stage by stage."""
    accuracies = [sum(each.answers.linear) / len(separation.indices) for each in separation.stages]
    best = max(range(len(accuracies)), key=accuracies.__getitem__)
    first, top = separation.stages[0], separation.stages[best]
    share, stage = percent(accuracies[0]), plain(first.layer.title)
    if best:
        text = tr(
            "The linear probe classifies {share} correctly at {stage} and most, {most}, at "
            "{best_stage}.",
            share=share,
            stage=stage,
            most=percent(accuracies[best]),
            best_stage=plain(top.layer.title),
        )
    elif len(accuracies) > 1:
        text = tr(
            "The linear probe classifies {share} correctly at {stage}, and no more at any later "
            "stage.",
            share=share,
            stage=stage,
        )
    else:
        text = tr(
            "The linear probe classifies {share} correctly at {stage}.", share=share, stage=stage
        )
    text = f"{text} {_above_guessing(separation, best)}"
    compared = [(each, separation.compared(each)) for each in separation.stages]
    pairs = [(each, paired) for each, paired in compared if paired is not None]
    if not pairs:
        return text
    level = LEVEL / len(pairs)
    better = [each for each, p in pairs if p.p_value < level and p.only_first > p.only_second]
    worse = [each for each, p in pairs if p.p_value < level and p.only_first < p.only_second]
    test = trn(
        "(McNemar's test on the same pictures, p below {level:g} / {count} as {count} stage is "
        "compared).",
        "(McNemar's test on the same pictures, p below {level:g} / {count} as {count} stages are "
        "compared).",
        len(pairs),
        level=LEVEL,
    )
    return f"{text} {_trained_against_untrained(len(pairs), better, worse)} {test}"


def _trained_against_untrained(
    count: int, better: Sequence[StageSeparation], worse: Sequence[StageSeparation]
) -> str:
    """Say at which of so many stages the trained encoder is ahead or behind; no full stop."""
    if better and worse:
        return trn(
            "Of {count} stage the trained encoder is ahead of the untrained one at {better} and "
            "behind it at {worse} by more than chance; this lead is what can be transferred",
            "Of {count} stages the trained encoder is ahead of the untrained one at {better} and "
            "behind it at {worse} by more than chance; this lead is what can be transferred",
            count,
            better=_named(better),
            worse=_named(worse),
        )
    if better:
        return trn(
            "Of {count} stage the trained encoder is ahead of the untrained one at {better} by "
            "more than chance; this lead is what can be transferred",
            "Of {count} stages the trained encoder is ahead of the untrained one at {better} by "
            "more than chance; this lead is what can be transferred",
            count,
            better=_named(better),
        )
    if worse:
        return trn(
            "Of {count} stage the trained encoder is behind it at {worse} by more than chance",
            "Of {count} stages the trained encoder is behind it at {worse} by more than chance",
            count,
            worse=_named(worse),
        )
    return tr(
        "The trained encoder is at none of them ahead of the untrained one, or behind it, by more "
        "than chance: for these classes its training shows no gain here"
    )


def _above_guessing(separation: Separation, best: int) -> str:
    """Say whether the best stage is better than guessing."""
    answers = separation.stages[best].answers.linear
    low, _ = interval(sum(answers), len(answers), len(separation.different))
    guess = percent(separation.guessing)
    if low > separation.guessing:
        return tr(
            "Even the low end of its interval there, {low}, is above guessing ({guess}).",
            low=percent(low),
            guess=guess,
        )
    return tr(
        "Its interval there begins at {low}, not above guessing ({guess}).",
        low=percent(low),
        guess=guess,
    )


def _named(stages: Sequence[StageSeparation]) -> str:
    titles = [plain(stage.layer.title) for stage in stages]
    if len(titles) > 3:
        return tr(
            "{count}, {first} to {last} among them",
            count=len(titles),
            first=titles[0],
            last=titles[-1],
        )
    return ", ".join(titles)
