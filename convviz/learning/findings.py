"""Sentences about gradients, auxiliary losses, and how classes separate with depth.

Every function makes its text from the numbers of a result alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convviz.features.predictions import HeadPrediction
from convviz.formatting import MINUS, in_words, percent, times
from convviz.learning.auxiliary import Comparison, Settings
from convviz.learning.fine_tuning_record import FineTuningRecord
from convviz.learning.gradients import Gradients, Initialisation, LayerGradient
from convviz.learning.separation import Separation, StageSeparation
from convviz.learning.significance import LEVEL, PairedComparison, interval
from convviz.plain_text import plain
from convviz.structure.costs import Head

if TYPE_CHECKING:  # it makes sentences itself, for its networks' files
    from convviz.learning.design_results import DesignComparison, DesignResult, DesignRun

_ALIKE = 1.2  # up to this factor two gradients count as equally long
_LEFT = 0.9  # a loss below this share of guessing's has begun to fall

# Gradients, as shares of their weights: what a step with learning rate 1 would change.
_NOTHING = 1e-4
_LITTLE = 1e-2

_ONE_SEED = (
    "This is one seed: other first weights or another order of the pictures may turn it round, so "
    "train with several seeds before you judge the auxiliary losses by it."
)


# Gradients at one moment


def main_alone(stages: Sequence[LayerGradient]) -> str:
    """Say how long the main loss's gradient is at the first and at the last stage.

    Args:
        stages: From the image to the classes, at least one.
    """
    first, last = stages[0], stages[-1]
    broken = [stage.title for stage in stages if not stage.is_finite]
    if broken:
        return (
            f"The gradient is no longer a number at {len(broken)} of {len(stages)} stages, "
            f"{broken[0]} the first of them."
        )
    if not any(stage.without for stage in stages):
        return "The main loss alone has a gradient of exactly 0 at every stage."
    text = (
        f"With the main loss alone the gradient is {in_words(first.without)} long at "
        f"{first.title} and {in_words(last.without)} at {last.title}, next to the loss"
    )
    if first.without and last.without:
        text += f": at {first.title} {_as_long(first.without / last.without)} as at {last.title}"
    return f"{text}. {_arrival(stages)}"


def _as_long(factor: float) -> str:
    if 1 / _ALIKE < factor < _ALIKE:
        return f"about as long ({factor:.2f} times)"
    return f"{times(factor)} times as long"


def _arrival(stages: Sequence[LayerGradient]) -> str:
    """Judge what arrives by what it would change, a share of the weights."""
    first = stages[0]
    if not first.without:
        return f"**So nothing arrives at {first.title}.**"
    most = max(stages, key=lambda stage: stage.relative)
    for limit, what in ((_NOTHING, "hardly anything"), (_LITTLE, "little")):
        if most.relative < limit:
            return (
                f"**So {what} arrives at any stage:** a step with learning rate 1 would change no "
                f"stage's weights by more than {in_words(most.relative)} of their length."
            )
        if first.relative < limit:
            return (
                f"**So {what} arrives at {first.title}:** a step with learning rate 1 would change "
                f"its weights by {in_words(first.relative)} of their length, and those of "
                f"{most.title} by {in_words(most.relative)}."
            )
    return (
        f"**So the main loss arrives at {first.title} without help:** a step with learning rate 1 "
        f"would change its weights by {in_words(first.relative)} of their length."
    )


def with_auxiliary(stages: Sequence[LayerGradient], weight: float) -> str:
    """Say how much longer the gradient is with the auxiliary losses; "" where it is no number.

    Args:
        stages: From the image to the classes, at least one.
        weight: Factor of each auxiliary loss.
    """
    if not all(stage.is_finite for stage in stages):
        return ""
    first = stages[0]
    if not weight:
        return "With weight 0 the auxiliary losses add nothing, so both gradients are the same."
    if not first.with_heads:
        either = "" if first.without else " either"
        return f"No gradient arrives at {first.title} with the auxiliary losses{either}."
    if not first.without:
        return f"Only the auxiliary losses bring a gradient to {first.title}."
    known = [stage for stage in stages if stage.without]
    least = min(known, key=lambda stage: stage.factor)
    most = max(known, key=lambda stage: stage.factor)
    if 1 / _ALIKE < first.factor < _ALIKE:
        factor = f"**about as long** ({first.factor:.2f} times)"
    else:
        factor = f"**{times(first.factor)} times as long**"
    text = f"With the auxiliary losses the gradient at {first.title} is {factor}"
    if least.factor == most.factor:
        return f"{text}."
    return (
        f"{text}; over all stages from {_factor(least.factor)} times ({least.title}) to "
        f"{_factor(most.factor)} times ({most.title})."
    )


def _factor(factor: float) -> str:
    return times(factor, digits=2, whole_from=100)


def initial_gradients(gradients: Gradients, *, batch_norm: bool, start: Initialisation) -> str:
    """Say what arrives at the first layer before training, and what to try next.

    Args:
        gradients: Of a network with random weights.
        batch_norm: Whether it has batch norm.
        start: How its weights were drawn.
    """
    stages, weight = gradients.stages, gradients.loss.weight
    advice = next_start(stages, weight, batch_norm=batch_norm, start=start)
    parts = (main_alone(stages), with_auxiliary(stages, weight), advice)
    return " ".join(part for part in parts if part)


def next_start(
    stages: Sequence[LayerGradient], weight: float, *, batch_norm: bool, start: Initialisation
) -> str:
    """Advise what to try next: never what is set already.

    Args:
        stages: What was measured, from the image to the classes.
        weight: Factor of each auxiliary loss.
        batch_norm: Whether the network has batch norm.
        start: How its weights were drawn.
    """
    if not weight:
        return "Now raise the weight, to see what the heads add."
    first = stages[0]
    is_weak = not (first.is_finite and first.relative >= _LITTLE)
    if is_weak or first.factor >= _ALIKE:
        changes = {
            "the network with batch norm": not batch_norm,
            "weights scaled to each layer": start == "narrow",
        }
    else:
        changes = {
            "the paper's network, which has no batch norm": batch_norm,
            "narrow first weights": start == "he",
        }
    others = [change for change, is_other in changes.items() if is_other]
    return f"Now try {', or '.join(others) or 'another seed'}."


# Two trainings


def gradients(comparison: Comparison) -> str:
    """Compare the gradients at the beginning and at the end."""
    first, last = comparison.moments[0], comparison.moments[-1]
    weight = comparison.settings.weight
    beginning = f"{main_alone(first.stages)} {with_auxiliary(first.stages, weight)}".strip()
    text = f"**Before the first step.** {beginning}"
    if last.step == first.step:
        return text
    stages = last.stages
    if all(stage.is_finite for stage in stages):
        end = with_auxiliary(stages, weight)
    else:
        end = main_alone(stages)
    if weight:
        end += (
            " By then the two networks have different weights, and where a loss has fallen its "
            "gradient is short too."
        )
    return f"{text}\n\n**{_after(last.step)}.** {end}"


def learning(comparison: Comparison) -> str:
    """Compare when the two began to learn, and their accuracies at the end."""
    step_with, step_without = (
        begun(comparison, with_heads=with_heads) for with_heads in (True, False)
    )
    text = (
        "Guessing, knowing only how often each class occurs, has a loss of "
        f"{comparison.guessing.loss:.2f}. "
    )
    if step_with is None and step_without is None:
        text += (
            f"Neither network's main loss fell below {percent(_LEFT, 0)} of it in "
            f"{_steps(comparison.step)}."
        )
    elif step_with == step_without:
        text += (
            f"Both networks' main loss fell below {percent(_LEFT, 0)} of it by step {step_with:,}."
        )
    else:
        text += (
            f"The main loss fell below {percent(_LEFT, 0)} of it {_by(step_with, comparison)} with "
            f"the auxiliary losses, and {_by(step_without, comparison)} without."
        )
    return f"{text} {accuracy(comparison)}"


def begun(comparison: Comparison, *, with_heads: bool) -> int | None:
    """Return the first moment at which a network's main loss had begun to fall; None for never."""
    limit = _LEFT * comparison.guessing.loss
    for moment in comparison.moments:
        loss = (moment.with_heads if with_heads else moment.without).loss
        if loss is not None and loss < limit:
            return moment.step
    return None


def accuracy(comparison: Comparison) -> str:
    """Compare the two accuracies at the newest moment, paired over the same images."""
    last, paired = comparison.moments[-1], comparison.moments[-1].paired
    with_heads, without = (
        (paired.both + alone) / paired.images for alone in (paired.only_first, paired.only_second)
    )
    text = (
        f"{_after(last.step)}, {percent(with_heads)} of the {paired.images:,} validation pictures "
        f"are named correctly with the auxiliary losses and {percent(without)} without"
    )
    if not comparison.settings.weight:
        return f"{text}. With weight 0 the two are the same training."
    return f"{text}: {_verdict(paired)} {_ONE_SEED}"


def _verdict(paired: PairedComparison) -> str:
    one, two = paired.only_first, paired.only_second
    if not one and not two:
        return "both name the very same pictures correctly, so there is **no difference**."
    counts = f"{one:,} only with them, {two:,} only without"
    if one == two:
        return f"{counts}, so there is **no difference** in number."
    test = f"McNemar's exact test over the same pictures: p = {_p_value(paired.p_value)}"
    if not paired.is_significant:
        return f"{counts}, which is **no difference to count on** ({test})."
    better = "with" if one > two else "without"
    return (
        f"{counts}. Of these two networks the one **{better}** them is better on such pictures, by "
        f"more than chance would explain ({test})."
    )


def _p_value(value: float) -> str:
    return f"{value:.2g}" if value >= 0.001 else "less than 0.001"


def _by(step: int | None, comparison: Comparison) -> str:
    return f"not in {_steps(comparison.step)}" if step is None else f"by step {step:,}"


def _after(step: int) -> str:
    return f"After {_steps(step)}" if step else "Before the first step"


def _steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"


def aftermath(settings: Settings) -> str:
    """Say what became of auxiliary classifiers, and which settings show it.

    Args:
        settings: Of the training that has ended.
    """
    others = [
        name
        for name, is_other in (
            ("batch norm", not settings.batch_norm),
            ("first weights with variance 2 / inputs", settings.start != "he"),
        )
        if is_other
    ]
    if others:
        advice = (
            f"Choose {' or '.join(others)} above, train again, and compare the gradients before "
            "the first step."
        )
    else:
        advice = "This training had both; choose neither above to compare."
    return (
        "They were made before batch norm (Ioffe and Szegedy 2015) and before first weights that "
        f"make up for what ReLUs take away (He et al. 2015). {advice} The authors later found that "
        "the heads hardly help early in a training, and act as a regulariser towards its end "
        "(Szegedy et al. 2016, §4)."
    )


# The heads themselves


def head_placement(number: int, head: Head) -> str:
    """Say what an auxiliary head reads, and how deep it sits.

    Args:
        number: Of the head, from 1.
        head: The head.
    """
    shape = " × ".join(map(str, head.shape))
    return (
        f"**aux{number}** reads the {shape} values of {head.after}, after {head.depth} of "
        f"{head.network_depth} layers with weights; {head.parameters:,} parameters of its own."
    )


def head_predictions(heads: Sequence[HeadPrediction]) -> str:
    """Compare what the heads and the main classifier say of one image.

    Args:
        heads: From the shallowest to the main classifier, at least two.
    """
    first_choices = [head.predictions[0] for head in heads]
    agree = len({prediction.index for prediction in first_choices}) == 1
    shallowest, deepest = first_choices[0].probability, first_choices[-1].probability
    surer = "surer" if deepest > shallowest else "less sure" if deepest < shallowest else "as sure"
    return (
        (f"All {len(heads)} name the same class first. " if agree else "They do not agree. ")
        + f"The main classifier, after {heads[-1].depth} layers, is {surer} of its first choice "
        f"({percent(deepest, 1)}) {'as' if surer == 'as sure' else 'than'} {heads[0].name}, after "
        f"{heads[0].depth}, of its own ({percent(shallowest, 1)})."
    )


# Fine-tuning


def fine_tuning_over_seeds(record: FineTuningRecord, network: str) -> str:
    """Say what fine-tuning added over several seeds, and judge by whether it did so in each.

    Args:
        record: The figures, of one seed at least.
        network: Title of the network.
    """
    seeds = record.seeds
    before, after = (
        sum(shares) / len(seeds)
        for shares in (
            [seed.before / seed.images for seed in seeds],
            [seed.after / seed.images for seed in seeds],
        )
    )
    gains = [100 * seed.gain for seed in seeds]
    better, worse = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    if better == len(seeds):
        verdict = f"better with every seed, by {min(gains):.1f} to {max(gains):.1f} points"
    elif worse == len(seeds):
        verdict = f"worse with every seed, by {-max(gains):.1f} to {-min(gains):.1f} points"
    else:
        verdict = (
            f"better with {better} of {len(seeds)} seeds and worse with {worse}: no difference "
            "that these seeds show"
        )
    return (
        f"What fine-tuning adds here was measured beforehand, over {len(seeds)} "
        f"{'seed' if len(seeds) == 1 else 'seeds'}: with its encoder frozen {plain(network)} names "
        f"{percent(before, 1)} of the test pictures correctly on average, after {record.epochs} "
        f"epochs of fine-tuning {percent(after, 1)}; {verdict}."
    )


# Designs that were trained


def accuracy_of_design(run: DesignRun) -> str:
    """Say how well one trained design does, for its file."""
    return (
        f"{percent(run.accuracy, 1)} of {len(run.correct):,} test pictures, which chose nothing, "
        f"were classified correctly, from seed {run.seed}."
    )


def design_verdict(comparison: DesignComparison) -> str:
    """Say which of two designs is better, as far as their seeds and test images show it."""
    first, second = comparison.results
    paired, images, seeds = comparison.interval, comparison.images, comparison.seeds
    if images is None:
        return "Nothing can be compared: no seed was trained to its end with both designs."
    if paired is None:
        a, b = (percent(result.accuracies[0], 1) for result in comparison.results)
        return (
            f"One seed: “{first.name}” classifies {a} of {images.images:,} test pictures "
            f"correctly, “{second.name}” {b}. It does not show what chance does: train with two "
            "seeds or more before you call one better."
        )
    better, worse = (second, first) if paired.mean > 0 else (first, second)
    low, high = (paired.low, paired.high) if paired.mean > 0 else (-paired.high, -paired.low)
    ahead = f"{_points(abs(paired.mean))} points ahead of “{worse.name}”"
    ends = f"95 % interval over {seeds} seeds: {_points(low)} to {_points(high)}"
    if not paired.mean:
        return (
            f"No difference that these {seeds} seeds show: on average both designs classify as "
            "many test pictures correctly."
        )
    if not paired.is_significant:
        return (
            f"No difference that these {seeds} seeds show: on average “{better.name}” is {ahead}, "
            f"but that may be chance ({ends})."
        )
    if not images.is_significant:
        return (
            f"No difference that these {images.images:,} test pictures show: “{better.name}” is "
            f"{ahead} ({ends}), but so few pictures tell the two apart that others may decide "
            f"otherwise (McNemar's test, p = {images.p_value:.2g})."
        )
    return f"“{better.name}” is better on these data, {ahead} ({ends})."


def _points(share: float) -> str:
    return f"{MINUS if share < 0 else ''}{100 * abs(share):.1f}"


def design_baselines(comparison: DesignComparison) -> str:
    """Say what is reached without a design, and which designs do no better than guessing."""
    guess = percent(comparison.guessing, 1)
    text = f"Guessing the largest class gives {guess}"
    if comparison.linear is not None:
        text += f", a linear classifier on pixels {percent(comparison.linear, 1)}"
    no_better = [
        f"“{result.name}”"
        for result in comparison.results
        if result.accuracy is not None
        and comparison.test_images
        and interval(round(result.accuracy * comparison.test_images), comparison.test_images)[0]
        <= comparison.guessing
    ]
    if not no_better:
        return f"{text}."
    names = " and ".join(no_better)
    return (
        f"{text}. {names} {'does' if len(no_better) == 1 else 'do'} no better than guessing, as "
        f"far as {comparison.test_images:,} test pictures tell."
    )


def diverged_designs(comparison: DesignComparison) -> str:
    """Say which trainings ended because a loss was no longer a number; empty if none did."""
    parts = [
        f"{result.diverged} of {len(result.runs)} trainings of {result.name}"
        for result in comparison.results
        if result.diverged
    ]
    if not parts:
        return ""
    return (
        f"The loss became infinite or no number in {' and '.join(parts)}: what is tested then are "
        "the last good weights. Choose a smaller learning rate, or batch norm."
    )


def dead_relus(result: DesignResult) -> str:
    """Say how many channels of a trained design's ReLUs are dead; empty where none was counted."""
    if not result.dead:
        return ""
    dead, channels = (sum(getattr(x, name) for x in result.dead) for name in ("dead", "channels"))
    images = result.dead[0].images
    text = f"{dead:,} of {channels:,} channels behind ReLUs are dead for {images:,} pictures"
    worst = max(result.dead, key=lambda relu: relu.dead / relu.channels)
    if worst.dead:
        text += f", most in {worst.name}: {worst.dead:,} of {worst.channels:,}"
    return f"{result.name}: {text}."


# How classes separate with depth


def probed(separation: Separation) -> str:
    """Say how accuracies of class means and linear probes were measured."""
    count, folds = len(separation.indices), len(separation.folds)
    whole = len(separation.dataset)
    drawn = f" (drawn from {whole:,})" if count < whole else ""
    different = len(separation.different)
    copies = f", {different:,} of them different" if different < count else ""
    return (
        f"{count:,} pictures{drawn}{copies}, {separation.side} × {separation.side} pixels, in "
        f"{folds} parts with all classes in each and copies of a picture in one: each part is "
        f"classified by what the other {folds - 1} teach. Always naming the largest class would "
        f"classify {percent(separation.guessing)} correctly. The bars are 95 % intervals."
    )


def separates(separation: Separation) -> str:
    """Say what follows from the accuracies of linear probes, stage by stage."""
    accuracies = [sum(each.answers.linear) / len(separation.indices) for each in separation.stages]
    best = max(range(len(accuracies)), key=accuracies.__getitem__)
    first, top = separation.stages[0], separation.stages[best]
    text = (
        f"The linear probe classifies {percent(accuracies[0])} correctly at "
        f"{plain(first.layer.title)}"
    )
    if best:
        text += f" and most, {percent(accuracies[best])}, at {plain(top.layer.title)}"
    elif len(accuracies) > 1:
        text += ", and no more at any later stage"
    text += f". {_above_guessing(separation, best)}"
    compared = [(each, separation.compared(each)) for each in separation.stages]
    pairs = [(each, paired) for each, paired in compared if paired is not None]
    if not pairs:
        return text
    level = LEVEL / len(pairs)
    better = [each for each, p in pairs if p.p_value < level and p.only_first > p.only_second]
    worse = [each for each, p in pairs if p.p_value < level and p.only_first < p.only_second]
    stages = f"{len(pairs)} stage{'s' * (len(pairs) > 1)}"
    if not better and not worse:
        verdict = (
            "The trained encoder is at none of them ahead of the untrained one, or behind it, by "
            "more than chance: for these classes its training shows no gain here"
        )
    else:
        parts = []
        if better:
            parts.append(f"ahead of the untrained one at {_named(better)}")
        if worse:
            parts.append(f"behind it at {_named(worse)}")
        verdict = (
            f"Of {stages} the trained encoder is {' and '.join(parts)} by more than chance"
            + ("; this lead is what can be transferred" if better else "")
        )
    return (
        f"{text} {verdict} (McNemar's test on the same pictures, p below "
        f"{LEVEL:g} / {len(pairs)} as {stages} {'are' if len(pairs) > 1 else 'is'} compared)."
    )


def _above_guessing(separation: Separation, best: int) -> str:
    """Say whether the best stage is better than guessing."""
    answers = separation.stages[best].answers.linear
    low, _ = interval(sum(answers), len(answers), len(separation.different))
    guess = percent(separation.guessing)
    if low > separation.guessing:
        return (
            f"Even the low end of its interval there, {percent(low)}, is above guessing ({guess})."
        )
    return f"Its interval there begins at {percent(low)}, not above guessing ({guess})."


def _named(stages: Sequence[StageSeparation]) -> str:
    titles = [plain(stage.layer.title) for stage in stages]
    if len(titles) > 3:
        return f"{len(titles)}, {titles[0]} to {titles[-1]} among them"
    return ", ".join(titles)
