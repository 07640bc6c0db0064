"""Sentences about gradients, auxiliary losses, and how classes separate with depth.

Every function makes its text from the numbers of a result alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convviz.features.predictions import HeadPrediction
from convviz.formatting import MINUS, in_words, percent, times
from convviz.language import later, numeral, tr, trn
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

_ONE_SEED = later(
    "This is one seed: other first weights or another order of the pictures may turn it "
    "round, so train with several seeds before you judge the auxiliary losses by it."
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
        return tr(
            "The gradient is no longer a number at {count} of {stages} stages, {stage} the "
            "first of them.",
            count=len(broken),
            stages=len(stages),
            stage=broken[0],
        )
    if not any(stage.without for stage in stages):
        return tr("The main loss alone has a gradient of exactly 0 at every stage.")
    return f"{_lengths(first, last)} {_arrival(stages)}"


def _lengths(first: LayerGradient, last: LayerGradient) -> str:
    """Compare how long the main loss's gradient is at the first and at the last stage."""
    lengths = {
        "first": first.title,
        "first_length": in_words(first.without),
        "last": last.title,
        "last_length": in_words(last.without),
    }
    if not (first.without and last.without):
        return tr(
            "With the main loss alone the gradient is {first_length} long at {first} and "
            "{last_length} at {last}, next to the loss.",
            **lengths,
        )
    factor = first.without / last.without
    if 1 / _ALIKE < factor < _ALIKE:
        return tr(
            "With the main loss alone the gradient is {first_length} long at {first} and "
            "{last_length} at {last}, next to the loss: at {first} about as long ({factor:.2f} "
            "times) as at {last}.",
            **lengths,
            factor=factor,
        )
    return tr(
        "With the main loss alone the gradient is {first_length} long at {first} and "
        "{last_length} at {last}, next to the loss: at {first} {factor} times as long as at "
        "{last}.",
        **lengths,
        factor=times(factor),
    )


def _arrival(stages: Sequence[LayerGradient]) -> str:
    """Judge what arrives by what it would change, a share of the weights."""
    first = stages[0]
    if not first.without:
        return tr("**So nothing arrives at {stage}.**", stage=first.title)
    most = max(stages, key=lambda stage: stage.relative)
    for limit, what in ((_NOTHING, tr("hardly anything")), (_LITTLE, tr("little"))):
        if most.relative < limit:
            return tr(
                "**So {what} arrives at any stage:** a step with learning rate 1 would "
                "change no stage's weights by more than {relative} of their length.",
                what=what,
                relative=in_words(most.relative),
            )
        if first.relative < limit:
            return tr(
                "**So {what} arrives at {first}:** a step with learning rate 1 would "
                "change its weights by {relative} of their length, and those of "
                "{most} by {most_relative}.",
                what=what,
                first=first.title,
                relative=in_words(first.relative),
                most=most.title,
                most_relative=in_words(most.relative),
            )
    return tr(
        "**So the main loss arrives at {stage} without help:** a step with learning rate "
        "1 would change its weights by {relative} of their length.",
        stage=first.title,
        relative=in_words(first.relative),
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
        return tr("With weight 0 the auxiliary losses add nothing, so both gradients are the same.")
    if not first.with_heads:
        if first.without:
            return tr(
                "No gradient arrives at {stage} with the auxiliary losses.", stage=first.title
            )
        return tr(
            "No gradient arrives at {stage} with the auxiliary losses either.", stage=first.title
        )
    if not first.without:
        return tr("Only the auxiliary losses bring a gradient to {stage}.", stage=first.title)
    known = [stage for stage in stages if stage.without]
    least = min(known, key=lambda stage: stage.factor)
    most = max(known, key=lambda stage: stage.factor)
    if 1 / _ALIKE < first.factor < _ALIKE:
        factor = tr("**about as long** ({factor:.2f} times)", factor=first.factor)
    else:
        factor = tr("**{factor} times as long**", factor=times(first.factor))
    text = tr(
        "With the auxiliary losses the gradient at {stage} is {factor}",
        stage=first.title,
        factor=factor,
    )
    if least.factor == most.factor:
        return f"{text}."
    return tr(
        "{text}; over all stages from {least} times ({least_stage}) to {most} times "
        "({most_stage}).",
        text=text,
        least=_factor(least.factor),
        least_stage=least.title,
        most=_factor(most.factor),
        most_stage=most.title,
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
        return tr("Now raise the weight, to see what the heads add.")
    first = stages[0]
    is_weak = not (first.is_finite and first.relative >= _LITTLE)
    if is_weak or first.factor >= _ALIKE:
        changes = {
            tr("the network with batch norm"): not batch_norm,
            tr("weights scaled to each layer"): start == "narrow",
        }
    else:
        changes = {
            tr("the paper's network, which has no batch norm"): batch_norm,
            tr("narrow first weights"): start == "he",
        }
    others = [change for change, is_other in changes.items() if is_other]
    return tr("Now try {change}.", change=tr(", or ").join(others) or tr("another seed"))


# Two trainings


def gradients(comparison: Comparison) -> str:
    """Compare the gradients at the beginning and at the end."""
    first, last = comparison.moments[0], comparison.moments[-1]
    weight = comparison.settings.weight
    beginning = f"{main_alone(first.stages)} {with_auxiliary(first.stages, weight)}".strip()
    text = tr("**Before the first step.** {beginning}", beginning=beginning)
    if last.step == first.step:
        return text
    stages = last.stages
    if all(stage.is_finite for stage in stages):
        end = with_auxiliary(stages, weight)
    else:
        end = main_alone(stages)
    if weight:
        different = tr(
            "By then the two networks have different weights, and where a loss has fallen its "
            "gradient is short too."
        )
        end = f"{end} {different}"
    return f"{text}\n\n**{after(last.step)}.** {end}"


def learning(comparison: Comparison) -> str:
    """Compare when the two began to learn, and their accuracies at the end."""
    step_with, step_without = (
        begun(comparison, with_heads=with_heads) for with_heads in (True, False)
    )
    guessing = tr(
        "Guessing, knowing only how often each class occurs, has a loss of {loss:.2f}.",
        loss=comparison.guessing.loss,
    )
    share, steps = percent(_LEFT, 0), _steps(comparison.step)
    if step_with is None and step_without is None:
        fell = tr(
            "Neither network's main loss fell below {share} of it in {steps}.",
            share=share,
            steps=steps,
        )
    elif step_with == step_without:
        fell = tr(
            "Both networks' main loss fell below {share} of it by step {step:,}.",
            share=share,
            step=step_with,
        )
    elif step_with is None:
        fell = tr(
            "The main loss fell below {share} of it not in {steps} with the auxiliary losses, and "
            "by step {step:,} without.",
            share=share,
            steps=steps,
            step=step_without,
        )
    elif step_without is None:
        fell = tr(
            "The main loss fell below {share} of it by step {step:,} with the auxiliary losses, "
            "and not in {steps} without.",
            share=share,
            step=step_with,
            steps=steps,
        )
    else:
        fell = tr(
            "The main loss fell below {share} of it by step {step_with:,} with the auxiliary "
            "losses, and by step {step_without:,} without.",
            share=share,
            step_with=step_with,
            step_without=step_without,
        )
    return f"{guessing} {fell} {accuracy(comparison)}"


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
    text = tr(
        "{after}, {with_heads} of the {images:,} validation pictures are named correctly "
        "with the auxiliary losses and {without} without",
        after=after(last.step),
        with_heads=percent(with_heads),
        images=paired.images,
        without=percent(without),
    )
    if not comparison.settings.weight:
        same = tr("With weight 0 the two are the same training.")
        return f"{text}. {same}"
    return f"{text}: {_verdict(paired)} {tr(_ONE_SEED)}"


def _verdict(paired: PairedComparison) -> str:
    one, two = paired.only_first, paired.only_second
    if not one and not two:
        return tr("both name the very same pictures correctly, so there is **no difference**.")
    counts = tr("{one:,} only with them, {two:,} only without", one=one, two=two)
    if one == two:
        return tr("{counts}, so there is **no difference** in number.", counts=counts)
    test = tr(
        "McNemar's exact test over the same pictures: p = {p_value}",
        p_value=_p_value(paired.p_value),
    )
    if not paired.is_significant:
        return tr(
            "{counts}, which is **no difference to count on** ({test}).", counts=counts, test=test
        )
    if one > two:
        return tr(
            "{counts}. Of these two networks the one **with** them is better on such pictures, by "
            "more than chance would explain ({test}).",
            counts=counts,
            test=test,
        )
    return tr(
        "{counts}. Of these two networks the one **without** them is better on such pictures, by "
        "more than chance would explain ({test}).",
        counts=counts,
        test=test,
    )


def _p_value(value: float) -> str:
    return numeral(f"{value:.2g}") if value >= 0.001 else tr("less than 0.001")


def after(step: int) -> str:
    """Name a moment of a training as sentences begin: "After 20 steps"."""
    if not step:
        return tr("Before the first step")
    return trn("After {count:,} step", "After {count:,} steps", step)


def _steps(count: int) -> str:
    return trn("{count:,} step", "{count:,} steps", count)


def aftermath(settings: Settings) -> str:
    """Say what became of auxiliary classifiers, and which settings show it.

    Args:
        settings: Of the training that has ended.
    """
    others = [
        name
        for name, is_other in (
            (tr("batch norm"), not settings.batch_norm),
            (tr("first weights with variance 2 / inputs"), settings.start != "he"),
        )
        if is_other
    ]
    if others:
        advice = tr(
            "Choose {settings} above, train again, and compare the gradients before the first "
            "step.",
            settings=tr(" or ").join(others),
        )
    else:
        advice = tr("This training had both; choose neither above to compare.")
    return tr(
        "They were made before batch norm (Ioffe and Szegedy 2015) and before first "
        "weights that make up for what ReLUs take away (He et al. 2015). {advice} The "
        "authors later found that the heads hardly help early in a training, and act as "
        "a regulariser towards its end (Szegedy et al. 2016, §4).",
        advice=advice,
    )


# The heads themselves


def head_placement(number: int, head: Head) -> str:
    """Say what an auxiliary head reads, and how deep it sits.

    Args:
        number: Of the head, from 1.
        head: The head.
    """
    shape = " × ".join(map(str, head.shape))
    return tr(
        "**aux{number}** reads the {shape} values of {after}, after {depth} of "
        "{network_depth} layers with weights; {parameters:,} parameters of its own.",
        number=number,
        shape=shape,
        after=head.after,
        depth=head.depth,
        network_depth=head.network_depth,
        parameters=head.parameters,
    )


def head_predictions(heads: Sequence[HeadPrediction]) -> str:
    """Compare what the heads and the main classifier say of one image.

    Args:
        heads: From the shallowest to the main classifier, at least two.
    """
    first_choices = [head.predictions[0] for head in heads]
    agree = len({prediction.index for prediction in first_choices}) == 1
    shallowest, deepest = first_choices[0].probability, first_choices[-1].probability
    if agree:
        text = tr("All {count} name the same class first.", count=len(heads))
    else:
        text = tr("They do not agree.")
    numbers = {
        "depth": heads[-1].depth,
        "share": percent(deepest, 1),
        "head": heads[0].name,
        "head_depth": heads[0].depth,
        "head_share": percent(shallowest, 1),
    }
    if deepest > shallowest:
        compared = tr(
            "The main classifier, after {depth} layers, is surer of its first choice ({share}) "
            "than {head}, after {head_depth}, of its own ({head_share}).",
            **numbers,
        )
    elif deepest < shallowest:
        compared = tr(
            "The main classifier, after {depth} layers, is less sure of its first choice "
            "({share}) than {head}, after {head_depth}, of its own ({head_share}).",
            **numbers,
        )
    else:
        compared = tr(
            "The main classifier, after {depth} layers, is as sure of its first choice ({share}) "
            "as {head}, after {head_depth}, of its own ({head_share}).",
            **numbers,
        )
    return f"{text} {compared}"


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
        verdict = tr(
            "better with every seed, by {least:.1f} to {most:.1f} points",
            least=min(gains),
            most=max(gains),
        )
    elif worse == len(seeds):
        verdict = tr(
            "worse with every seed, by {least:.1f} to {most:.1f} points",
            least=-max(gains),
            most=-min(gains),
        )
    else:
        verdict = tr(
            "better with {better} of {count} seeds and worse with {worse}: no difference "
            "that these seeds show",
            better=better,
            count=len(seeds),
            worse=worse,
        )
    return trn(
        "What fine-tuning adds here was measured beforehand, over {count} seed: with its encoder "
        "frozen {network} names {before} of the test pictures correctly on average, after "
        "{epochs} epochs of fine-tuning {after}; {verdict}.",
        "What fine-tuning adds here was measured beforehand, over {count} seeds: with its encoder "
        "frozen {network} names {before} of the test pictures correctly on average, after "
        "{epochs} epochs of fine-tuning {after}; {verdict}.",
        len(seeds),
        network=plain(network),
        before=percent(before, 1),
        epochs=record.epochs,
        after=percent(after, 1),
        verdict=verdict,
    )


# Designs that were trained


def accuracy_of_design(run: DesignRun) -> str:
    """Say how well one trained design does, for its file."""
    return tr(
        "{share} of {count:,} test pictures, which chose nothing, were classified correctly, "
        "from seed {seed}.",
        share=percent(run.accuracy, 1),
        count=len(run.correct),
        seed=run.seed,
    )


def design_verdict(comparison: DesignComparison) -> str:
    """Say which of two designs is better, as far as their seeds and test images show it."""
    first, second = comparison.results
    paired, images, seeds = comparison.interval, comparison.images, comparison.seeds
    if images is None:
        return tr("Nothing can be compared: no seed was trained to its end with both designs.")
    if paired is None:
        share, other = (percent(result.accuracies[0], 1) for result in comparison.results)
        return tr(
            "One seed: “{design}” classifies {share} of {images:,} test pictures correctly, "
            "“{other_design}” {other_share}. It does not show what chance does: train with two "
            "seeds or more before you call one better.",
            design=first.name,
            share=share,
            images=images.images,
            other_design=second.name,
            other_share=other,
        )
    better, worse = (second, first) if paired.mean > 0 else (first, second)
    low, high = (paired.low, paired.high) if paired.mean > 0 else (-paired.high, -paired.low)
    ahead = tr(
        "{points} points ahead of “{design}”",
        points=_points(abs(paired.mean)),
        design=worse.name,
    )
    ends = tr(
        "95 % interval over {seeds} seeds: {low} to {high}",
        seeds=seeds,
        low=_points(low),
        high=_points(high),
    )
    if not paired.mean:
        return tr(
            "No difference that these {seeds} seeds show: on average both designs "
            "classify as many test pictures correctly.",
            seeds=seeds,
        )
    if not paired.is_significant:
        return tr(
            "No difference that these {seeds} seeds show: on average “{design}” is "
            "{ahead}, but that may be chance ({ends}).",
            seeds=seeds,
            design=better.name,
            ahead=ahead,
            ends=ends,
        )
    if not images.is_significant:
        return tr(
            "No difference that these {images:,} test pictures show: “{design}” is {ahead} "
            "({ends}), but so few pictures tell the two apart that others may decide "
            "otherwise (McNemar's test, p = {p_value:.2g}).",
            images=images.images,
            design=better.name,
            ahead=ahead,
            ends=ends,
            p_value=images.p_value,
        )
    return tr(
        "“{design}” is better on these data, {ahead} ({ends}).",
        design=better.name,
        ahead=ahead,
        ends=ends,
    )


def _points(share: float) -> str:
    return numeral(f"{MINUS if share < 0 else ''}{100 * abs(share):.1f}")


def design_baselines(comparison: DesignComparison) -> str:
    """Say what is reached without a design, and which designs do no better than guessing."""
    guess = percent(comparison.guessing, 1)
    if comparison.linear is None:
        text = tr("Guessing the largest class gives {guess}.", guess=guess)
    else:
        text = tr(
            "Guessing the largest class gives {guess}, a linear classifier on pixels {linear}.",
            guess=guess,
            linear=percent(comparison.linear, 1),
        )
    no_better = [
        tr("“{design}”", design=result.name)
        for result in comparison.results
        if result.accuracy is not None
        and comparison.test_images
        and interval(round(result.accuracy * comparison.test_images), comparison.test_images)[0]
        <= comparison.guessing
    ]
    if not no_better:
        return text
    judged = trn(
        "{designs} does no better than guessing, as far as {images:,} test pictures tell.",
        "{designs} do no better than guessing, as far as {images:,} test pictures tell.",
        len(no_better),
        designs=tr(" and ").join(no_better),
        images=comparison.test_images,
    )
    return f"{text} {judged}"


def diverged_designs(comparison: DesignComparison) -> str:
    """Say which trainings ended because a loss was no longer a number; empty if none did."""
    parts = [
        tr(
            "{diverged} of {count} trainings of {design}",
            diverged=result.diverged,
            count=len(result.runs),
            design=result.name,
        )
        for result in comparison.results
        if result.diverged
    ]
    if not parts:
        return ""
    return tr(
        "The loss became infinite or no number in {trainings}: what is tested then are the "
        "last good weights. Choose a smaller learning rate, or batch norm.",
        trainings=tr(" and ").join(parts),
    )


def dead_relus(result: DesignResult) -> str:
    """Say how many channels of a trained design's ReLUs are dead; empty where none was counted."""
    if not result.dead:
        return ""
    dead, channels = (sum(getattr(x, name) for x in result.dead) for name in ("dead", "channels"))
    images = result.dead[0].images
    worst = max(result.dead, key=lambda relu: relu.dead / relu.channels)
    if not worst.dead:
        return tr(
            "{design}: {dead:,} of {channels:,} channels behind ReLUs are dead for {images:,} "
            "pictures.",
            design=result.name,
            dead=dead,
            channels=channels,
            images=images,
        )
    return tr(
        "{design}: {dead:,} of {channels:,} channels behind ReLUs are dead for {images:,} "
        "pictures, most in {layer}: {layer_dead:,} of {layer_channels:,}.",
        design=result.name,
        dead=dead,
        channels=channels,
        images=images,
        layer=worst.name,
        layer_dead=worst.dead,
        layer_channels=worst.channels,
    )


# How classes separate with depth


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
