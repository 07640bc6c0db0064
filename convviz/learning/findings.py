"""Sentences about gradients, auxiliary losses, and fine-tuning.

Every function makes its text from the numbers of a result alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from convviz.features.predictions import HeadPrediction
from convviz.formatting import in_words, percent, times
from convviz.language import later, numeral, tr, trn
from convviz.learning.auxiliary import Comparison, Settings
from convviz.learning.fine_tuning_record import FineTuningRecord
from convviz.learning.gradients import Gradients, Initialisation, LayerGradient
from convviz.learning.significance import PairedComparison
from convviz.plain_text import plain
from convviz.structure.costs import Head

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
        least=times(least.factor),
        least_stage=least.title,
        most=times(most.factor),
        most_stage=most.title,
    )


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
        "**aux{number}** reads the {shape} values of {after}, after {depth} layers with weights; "
        "the main classifier reads what {encoder_depth} have made. {parameters:,} parameters of "
        "its own.",
        number=number,
        shape=shape,
        after=head.after,
        depth=head.depth,
        encoder_depth=head.encoder_depth,
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
