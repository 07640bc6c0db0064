"""The sentences about a comparison say what its numbers say, also where nothing differs."""

from dataclasses import replace

from convviz.learning import findings
from convviz.learning.auxiliary import Comparison, Moment, Settings, Standing
from convviz.learning.config import Validation
from convviz.learning.gradients import LayerGradient


def standing(loss: float | None, accuracy: float) -> Standing:
    return Standing(loss, Validation(1.0, accuracy), 1.0)


def moment(
    step: int,
    gradients: tuple[float, float],
    losses: tuple[float | None, float | None] = (None, None),
    accuracies: tuple[float, float] = (0.25, 0.25),
) -> Moment:
    without, with_heads = gradients
    stages = (LayerGradient("conv1", "conv1", without, with_heads),)
    one, two = (standing(*loss) for loss in zip(losses, accuracies, strict=True))
    return Moment(step, stages, one, two)


def comparison(*moments: Moment) -> Comparison:
    names = ("a", "b", "c", "d")
    return Comparison(Settings(), names, 300, 100, 10, 5, moments[-1].step, moments, "steps")


def test_gradients_at_the_beginning_and_at_the_end() -> None:
    text = findings.gradients(comparison(moment(0, (1.0, 7.7)), moment(40, (2.0, 1.0))))
    assert "Before the first step, the gradient at conv1 is **7.7 times as long**" in text
    assert "After 40 steps, the gradient at conv1 is **0.5 times as long**" in text


def test_no_difference_is_said_so() -> None:
    text = findings.gradients(comparison(moment(0, (1.0, 1.05))))
    assert "**about as long** with the auxiliary losses as without (1.05 times)" in text
    assert "After" not in text


def test_no_gradient_at_all_is_said_so() -> None:
    assert "in either network" in findings.gradients(comparison(moment(0, (0.0, 0.0))))
    assert "only with the" in findings.gradients(comparison(moment(0, (0.0, 1.0))))


def test_which_began_to_learn_earlier() -> None:
    # ln 4 = 1.386, and 90 % of it 1.248.
    start = moment(0, (1.0, 1.0))
    slow = comparison(start, moment(20, (1, 1), (1.2, 1.38)), moment(40, (1, 1), (0.9, 1.2)))
    assert (findings.begun(slow, with_heads=True), findings.begun(slow, with_heads=False)) == (
        20,
        40,
    )
    text = findings.learning(slow)
    assert "guessing is 1.39" in text
    assert "by step 20 with the auxiliary losses, and by step 40 without" in text
    never = comparison(start, moment(20, (1, 1), (1.2, 1.38)))
    assert (
        "by step 20 with the auxiliary losses, and not in these 20 steps without"
        in findings.learning(never)
    )
    both = comparison(start, moment(20, (1, 1), (1.1, 1.2)))
    assert "Both networks' main loss fell below 90% of it by step 20" in findings.learning(both)
    neither = comparison(start, moment(20, (1, 1), (1.3, 1.3)))
    assert "Neither network's" in findings.learning(neither)


def test_accuracies_differ_only_beyond_chance() -> None:
    # 100 pictures at about a half: the difference's standard error is about 7 points.
    near = comparison(moment(20, (1, 1), (1, 1), (0.55, 0.50)))
    assert "no difference to count on" in findings.learning(near)
    far = comparison(moment(20, (1, 1), (1, 1), (0.75, 0.50)))
    assert "75% of the validation pictures" in findings.learning(far)
    assert "more with the auxiliary losses" in findings.learning(far)
    other = replace(far, moments=(moment(20, (1, 1), (1, 1), (0.5, 0.75)),))
    assert "more without the auxiliary losses" in findings.learning(other)
