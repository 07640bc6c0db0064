"""The sentences of the page Auxiliary classifiers that stand before and beside its results."""

import itertools
import math
from dataclasses import replace

import pytest

from convviz.learning.auxiliary import Comparison, Moment, Settings, Standing
from convviz.learning.auxiliary_recording import RecordedComparisons
from convviz.learning.config import Validation
from convviz.learning.guessing import Guessing
from convviz.learning.significance import PairedComparison
from convviz.learning.small_networks import initialise, small_inception
from convviz.lessons import auxiliary_loss
from convviz.networks.registry import build, spec
from convviz.ui.auxiliary import findings


def comparison(*steps: int) -> Comparison:
    standing = Standing(None, Validation(1.0, 0.5), 0.0)
    moments = tuple(Moment(k, (), standing, standing, PairedComparison(1, 0, 0, 1)) for k in steps)
    guess = Guessing(0.5, math.log(2))
    return Comparison(Settings(), ("a", "b"), 6, 2, 10, 5, guess, steps[-1], moments)


@pytest.mark.claims(
    "convviz.ui.auxiliary.findings.introduction",
    "convviz.ui.auxiliary.findings.weight_help",
    "convviz.lessons.auxiliary_loss.point",
)
def test_the_papers_weight() -> None:
    # Szegedy et al. 2015, section 5: "the losses … were weighted by 0.3".
    assert "each weighted 0.3; after training" in findings.introduction()
    assert findings.weight_help().startswith("0.3 in the paper.")
    assert "adds 0.3 times their losses.**" in auxiliary_loss.point()


@pytest.mark.claims("convviz.ui.auxiliary.findings.setting")
@pytest.mark.parametrize("weight", [k / 10 for k in range(11)])
def test_what_is_compared(weight: float) -> None:
    text = findings.setting(weight)
    assert f"main + {weight:g} · aux1 + {weight:g} · aux2 on one side" in text
    wide = build(spec("googlenet")).get_submodule("conv3.conv").weight
    narrow = small_inception(6).get_submodule("conv3.conv").weight
    factor = wide.shape[0] // narrow.shape[0]
    assert f"every layer {factor} times narrower" in text
    names = [name for name, _ in small_inception(6).named_children()]
    assert sum(name.startswith("inception") for name in names) == 9
    assert "nine Inception modules" in text


@pytest.mark.claims("convviz.ui.auxiliary.findings.in_short")
@pytest.mark.parametrize(
    ("batch_norm", "start"), list(itertools.product((False, True), ("lecun", "he")))
)
def test_in_short(batch_norm: bool, start: str) -> None:
    settings = Settings(weight=0.0, batch_norm=batch_norm, start=start, seed=7)  # type: ignore[arg-type]
    text = findings.in_short(settings)
    module = initialise(small_inception(3), settings.start, 0).get_submodule("conv3.conv")
    variance = float(module.weight.detach().var()) * 8 * 9  # times the inputs
    assert f"variance {round(variance)} / inputs" in text
    assert ("no batch norm" in text) == (not batch_norm)
    assert "weighted 0 against none" in text
    assert "learning rate 0.008, seed 7." in text


@pytest.mark.claims("convviz.ui.auxiliary.findings.steps_help")
def test_what_a_step_is() -> None:
    # 400 · 0.12 s = 48 s, to the next five.
    text = findings.steps_help(Settings())
    assert text.startswith("Of 32 pictures each")
    assert "400 steps of both networks took about 50 seconds" in text


@pytest.mark.claims("convviz.ui.auxiliary.findings.recorded")
def test_how_the_recorded_runs_were_made() -> None:
    recording = RecordedComparisons((comparison(0, 400),), "drawn shapes", 1, "1.2")
    text = findings.recorded(recording)
    assert "by convviz 1.2 on 6 pictures of the drawn shapes, in 400 steps of 32 pictures" in text
    assert "of 64 × 64 pixels each" in text
    assert findings.in_short(Settings()) in text


@pytest.mark.claims("convviz.ui.auxiliary.findings.seeds", "convviz.ui.auxiliary.findings._in_row")
def test_seeds_are_compared_one_by_one() -> None:
    def ended(*counts: int) -> Comparison:
        before = comparison(0, 20)
        moment = replace(before.moments[-1], paired=PairedComparison(*counts))
        return replace(before, moments=(before.moments[0], moment))

    # 20 only with against 2 only without: p = 2 · (1 + 22 + 231) / 2²² = 0.00012.
    surely, hardly, behind = ended(40, 20, 2, 38), ended(50, 3, 2, 45), ended(30, 1, 20, 49)
    assert findings.seeds([surely]) == ""
    text = findings.seeds([surely, hardly, behind]).replace("\xa0", " ")
    assert "**Over 3 seeds**, 60 %, 53 % and 31 % of the validation pictures" in text
    assert "and 42 %, 52 % and 50 % without" in text
    assert "more in 2 of 3 (by more than chance would explain in 1)" in text
    assert "fewer in 1 (by more than chance in 1)." in text
    even = findings.seeds([hardly, ended(5, 0, 0, 5)])
    assert "more in 1 of 2 (by more than chance would explain in 0), fewer in 0." in even
    assert even.endswith("seed 0.")


@pytest.mark.claims("convviz.ui.auxiliary.findings.progress")
def test_progress() -> None:
    assert findings.progress(comparison(0, 20), 12.4) == "Step 20 of 400 of each network · 12 s"


@pytest.mark.claims("convviz.ui.auxiliary.findings.moment", "convviz.ui.auxiliary.findings.when")
def test_a_moment_is_named_by_the_steps_behind_it() -> None:
    three = comparison(0, 1, 1200)
    assert [findings.when(three, index) for index in range(3)] == [
        "before the first step",
        "after 1 step",
        "after 1,200 steps",
    ]
    # Only before the first step have the two networks equal weights.
    assert findings.moment(three, 0).startswith("Before the first step. ")
    assert "the two are equal" in findings.moment(three, 0)
    assert findings.moment(three, 2).startswith("After 1,200 steps. ")
    assert "the two are equal" not in findings.moment(three, 2)


@pytest.mark.claims("convviz.ui.auxiliary.findings.in_a_sentence")
def test_the_result_in_a_sentence() -> None:
    said = findings.in_a_sentence(1400, 0.42, 0.3)
    assert "After 1,400 steps" in said
    assert "with auxiliary losses names 42 % of the unseen" in said
    assert said.endswith("without them it is 30 %.")
