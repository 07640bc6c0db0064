"""What the page Transfer learning says of plans and trainings, against numbers made by hand."""

import re
from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import binomtest, fisher_exact

from convviz.datasets.labelled_set import Partition, Split, partition
from convviz.datasets.shapes import shapes
from convviz.learning.config import TrainingSettings
from convviz.learning.plan import Part, TransferPlan
from convviz.learning.transfer import Lesson, Recipe, TransferOutcome, TransferProgress
from convviz.networks.decoders import Form
from convviz.networks.network import Weights
from convviz.ui.transfer import findings
from convviz.weights.trained import TrainedInfo


@pytest.mark.claims("convviz.ui.transfer.findings.trainings")
def test_how_many_trainings_a_start_begins() -> None:
    assert findings.trainings(20, compare=False) == "One training, for at most 20 seconds."
    three = findings.trainings(20, compare=True)
    assert three.startswith("Three trainings: this one")
    assert "each for at most 20 seconds" in three
    assert "(with the 5 networks that test it)" in findings.trainings(5, compare=False, folds=5)
    assert "(with the 5 networks that test each)" in findings.trainings(5, compare=True, folds=5)


def outcome(correct: list[bool], **more: Any) -> TransferOutcome:
    """Make a training whose images are tested as given; all errors go from class 0 to class 1."""
    right = sum(correct)
    form = Form("fc", 4, ("a", "b"))
    weights = Weights("bundled", "by hand", "none", True, 0, "0" * 64, (), 32, 32)
    values: dict[str, Any] = {
        "name": "this training",
        "accuracy": right / len(correct),
        "measured": "test",
        "tested": tuple(range(len(correct))),
        "correct": tuple(correct),
        "different": tuple(range(len(correct))),
        "folds": 0,
        "guessing": 0.5,
        "validation_accuracy": 0.5,
        "train_accuracy": 1.0,
        "seconds": 3.0,
        "test_seconds": 0.0,
        "encoding_seconds": 0.0,
        "epoch_seconds": (1.0, 2.0),
        "epochs": 2,
        "best_epoch": 1,
        "confusion": ((right, len(correct) - right), (0, 0)),
        "mistakes": (),
        "source": "trained-0",
        "about": TrainedInfo("tiny", form, 32, "data", "", 0.5),
        "trained": ("fc",),
        "parts": ("fc",),
        "on": weights,
        "ending": "epochs",
        "note": "",
    }
    return TransferOutcome(**{**values, **more})


def made_plan(*parts: tuple[str, int, str], scenario: Any = "fine-tune") -> TransferPlan:
    rows = tuple(Part(name, name, size, state) for name, size, state in parts)  # type: ignore[arg-type]
    return TransferPlan(None, scenario, Form("fc", 1, ("a", "b")), "fc", rows)  # type: ignore[arg-type]


@pytest.mark.claims("convviz.ui.transfer.findings.division")
def test_the_parts_of_the_images_are_counted() -> None:
    made = Partition(Split(tuple(range(120)), tuple(range(120, 150)), tuple(range(150, 1200))))
    assert findings.division(made) == (
        "120 pictures to learn from, 30 to choose the best epoch by, 1,050 to test the result: "
        "these choose nothing."
    )
    few = partition(shapes(8))
    text = findings.division(few)
    assert text.startswith("36 pictures to learn from, 12 to choose")
    assert "5 more networks" in text
    assert "all 48 pictures" in text
    assert "All 6 trainings share the time" in text


@pytest.mark.claims("convviz.ui.transfer.findings.trained_share")
@pytest.mark.parametrize(
    ("frozen", "trained", "share"),
    [(900, 100, "10 %"), (999_999, 1, "Less than 0.1 %"), (1, 999_999, "More than 99.9 %")],
)
def test_the_share_that_learns(frozen: int, trained: int, share: str) -> None:
    text = findings.trained_share(made_plan(("c", frozen, "frozen"), ("fc", trained, "replaced")))
    assert text.startswith(f"{share} of the {frozen + trained:,} parameters")
    assert "others stay exactly" in text
    scratch = made_plan(("fc", 1200, "from scratch"), scenario="scratch")
    assert findings.trained_share(scratch) == "All 1,200 parameters are drawn anew and learn."
    thawed = made_plan(("c", 5, "thawed"), ("fc", 7, "keeps learning"))
    assert findings.trained_share(thawed) == "All 12 parameters learn."


@pytest.mark.claims("convviz.ui.transfer.findings.computed_once")
def test_what_is_computed_once_ends_at_the_first_part_that_learns() -> None:
    """That it is so, test_fit measures: 5 epochs, 20 images, 21 of them through the first part."""
    text = findings.computed_once(
        made_plan(("conv1", 5, "frozen"), ("deep (5a)", 5, "thawed"), ("fc", 7, "keeps learning"))
    )
    assert "What comes before deep does not change: it runs once over each picture" in text
    assert "through deep and what follows" in text
    all_of_it = findings.computed_once(made_plan(("conv1", 5, "thawed"), ("fc", 7, "replaced")))
    assert "through the whole network in every epoch" in all_of_it
    assert "once" not in all_of_it


@pytest.mark.claims("convviz.ui.transfer.findings.doing")
def test_progress_names_the_fold() -> None:
    recipe = Recipe("tiny", "random", "last-layer", (), TrainingSettings())
    lesson = Lesson(shapes(1), Partition(Split((), ())), (recipe,))
    view = TransferProgress("Tiny", "this training", "training", 0.5, 7.6, ("a", "b"), lesson)
    assert findings.doing(view) == "Training · this training · 8 s"
    folded = replace(view, fold=2, folds=5, phase="testing")
    assert findings.doing(folded) == "Testing · this training · testing part 2 of 5 · 8 s"


@pytest.mark.claims(
    "convviz.ui.transfer.findings.accuracy_name",
    "convviz.ui.transfer.findings.accuracy_interval",
    "convviz.ui.transfer.findings.measured",
    "convviz.ui.transfer.findings._what_the_interval_counts",
)
@pytest.mark.parametrize(("right", "images"), [(0, 5), (5, 5), (1, 1), (85, 120)])
def test_an_accuracy_has_its_images_and_its_interval(right: int, images: int) -> None:
    one = outcome([True] * right + [False] * (images - right), guessing=0.92)
    assert findings.accuracy_name(one) == "Test accuracy"
    expected = binomtest(right, images).proportion_ci(0.95, method="wilson")
    low, high = (float(n) for n in re.findall(r"[\d.]+(?= %)", findings.accuracy_interval(one)))
    assert (low, high) == pytest.approx((100 * expected.low, 100 * expected.high), abs=0.51)
    text = findings.measured(one, 30)
    assert text.startswith(f"{right} of {images} picture")
    assert "chose nothing" in text
    assert "epoch 1, the best on 30 pictures" in text
    assert "largest class would classify 92 % of them" in text
    folded = findings.measured(replace(one, measured="folds", folds=5), 12)
    assert "each by one of 5 networks" in folded
    assert "chose nothing" not in folded
    untested = replace(one, measured="validation", tested=(), correct=())
    assert findings.accuracy_name(untested) == "Validation accuracy"
    assert "chose epoch 1, so new pictures may fare worse" in findings.measured(untested, images)


def test_copies_of_a_picture_make_nothing_surer() -> None:
    """Three names for each of 8 pictures: 24 answers, of which 8 say something."""
    names, different = 3, tuple(range(0, 24, 3))
    right = [True] * 6 + [False] * 2
    one = outcome([x for x in right for _ in range(names)], different=different)
    expected = binomtest(6, 8).proportion_ci(0.95, method="wilson")
    low, high = (float(n) for n in re.findall(r"[\d.]+(?= %)", findings.accuracy_interval(one)))
    assert (low, high) == pytest.approx((100 * expected.low, 100 * expected.high), abs=0.51)
    assert "from the 8 different ones" in findings.measured(one, 30)
    assert "different" not in findings.measured(outcome(right), 30)
    # 8 of 8 learned against 6 of 8 tested is chance; 24 of 24 against 18 of 24 would not be.
    assert fisher_exact([[8, 0], [6, 2]], alternative="greater").pvalue > 0.05
    assert fisher_exact([[24, 0], [18, 6]], alternative="greater").pvalue < 0.05
    assert "no sign of learning by heart" in findings.by_heart(one)
    other = outcome([True] * 24, different=different, name="other")
    text = findings.compared([one, other])
    assert text.startswith("Of the same 8 different pictures, this training classifies 6 correctly")
    assert "0 only by the first, 2 only by the second" in text
    assert f"p = {binomtest(0, 2).pvalue:.2g}" in text
    assert "Of the same 8 different pictures" in findings.fine_tuned(one, other)


@pytest.mark.claims("convviz.ui.transfer.findings.time_spent")
def test_the_time_is_the_median_epochs() -> None:
    one = outcome([True], encoding_seconds=1.25, epoch_seconds=(0.1, 0.3, 0.9))
    text = findings.time_spent(one)
    assert "in 1.2 s" in text
    assert "an epoch took 0.30 s" in text
    changed = findings.time_spent(replace(one, augmented=True))
    assert changed.endswith("every epoch ran the network over all of them: it took 0.30 s.")
    assert findings.time_spent(outcome([True])) == ""
    folded = outcome([True], folds=5, test_seconds=4.26)
    assert findings.time_spent(folded) == "The 5 networks of the test took 4.3 s."
    assert findings.time_spent(outcome([True], encoding_seconds=1.0, epoch_seconds=())) == ""


@pytest.mark.claims("convviz.ui.transfer.findings.by_heart")
@pytest.mark.parametrize("right", range(0, 41, 4))
@pytest.mark.parametrize("train", [0.0, 0.5, 0.94, 0.95, 1.0])
def test_learned_by_heart_is_said_only_where_the_numbers_show_it(right: int, train: float) -> None:
    one = outcome([True] * right + [False] * (40 - right), train_accuracy=train)
    known = round(train * 40)
    p_value = fisher_exact([[known, 40 - known], [right, 40 - right]], alternative="greater").pvalue
    text = findings.by_heart(one)
    assert ("much was learned by heart" in text) == (p_value < 0.05 and train >= 0.95)
    assert ("for those pictures only" in text) == (p_value < 0.05 and train < 0.95)
    assert ("no sign of learning by heart" in text) == (p_value >= 0.05)
    assert ("More weights" in text) == (p_value >= 0.05 and train < 0.9)
    assert findings.by_heart(replace(one, train_accuracy=None)) == ""


@pytest.mark.claims(
    "convviz.ui.transfer.findings.compared", "convviz.ui.transfer.findings._verdict"
)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([True] * 24, [True] * 24),
        ([False] * 24, [False] * 24),
        ([True] * 12 + [False] * 12, [False] * 12 + [True] * 12),
        ([True] * 24, [True] * 18 + [False] * 6),
        ([True] * 24, [True] * 19 + [False] * 5),
        ([True] * 30, [False] * 30),
        ([True], [False]),
    ],
)
def test_two_trainings_are_compared_over_the_same_pictures(
    first: list[bool], second: list[bool]
) -> None:
    other = outcome(second, name="the other one", seconds=5.0, test_seconds=6.0)
    text = findings.compared([outcome(first), other])
    assert "with one seed" in text
    assert "the other one, 11 s" in text
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    assert f"classifies {sum(first)} correctly and “the other one” {sum(second)}:" in text
    if first == second:
        assert "no difference" in text
        assert "chance" not in text
    elif only_first == only_second:
        assert "neither is better" in text
    else:
        p_value = binomtest(only_first, only_first + only_second).pvalue
        assert ("chance hardly explains" in text) == (p_value < 0.05)
        assert ("may be chance" in text) == (p_value >= 0.05)
        written = re.search(r"p (=|<) ([\d.]+)", text)
        assert written
        if written.group(1) == "=":
            assert float(written.group(2)) == pytest.approx(p_value, rel=0.05)
        else:
            assert p_value < float(written.group(2))


def test_only_pictures_that_both_were_tested_with_are_compared() -> None:
    stopped = outcome([False, False], name="the other one", tested=(1, 3))
    text = findings.compared([outcome([True, False, True, True]), stopped])
    assert "Of the same 2 pictures, this training classifies 1 correctly" in text
    untested = replace(outcome([True], name="the other one"), tested=(), correct=())
    assert "stopped before its test" in findings.compared([outcome([True]), untested])


@pytest.mark.claims("convviz.ui.transfer.findings.fine_tuned")
def test_fine_tuning_is_compared_with_before() -> None:
    before, after = outcome([True] * 10 + [False] * 20), outcome([True] * 30, best_epoch=4)
    text = findings.fine_tuned(before, after)
    assert "Of the same 30 pictures, 10 were classified correctly before" in text
    assert "and 30 after it: 0 only by the first, 20 only by the second" in text
    assert "chance hardly explains" in text
    assert "weights of epoch 4" in text
    nothing = findings.fine_tuned(before, replace(before, best_epoch=0))
    assert "no difference" in nothing
    assert "its weights are as before" in nothing
    untested = replace(outcome([True]), tested=(), correct=())
    assert "Not both were tested" in findings.fine_tuned(untested, after)


@pytest.mark.claims(
    "convviz.ui.transfer.findings.question",
    "convviz.ui.transfer.findings.on_other_pages",
    "convviz.ui.transfer.findings.small_file",
    "convviz.ui.transfer.findings.no_small_file",
    "convviz.ui.transfer.findings.no_script",
)
def test_names_stand_where_they_belong() -> None:
    assert findings.question("Cat") == "**What it takes your image (Cat) for**"
    assert findings.on_other_pages("AlexNet").startswith(
        "You can choose it among the weights of AlexNet"
    )
    assert findings.no_script("My net").startswith("My net is a network of your own: only your")
    assert findings.small_file("AlexNet", "ImageNet").endswith(
        "It opens where AlexNet has the weights “ImageNet”."
    )
    assert "the build() of My net sets other weights each time" in findings.no_small_file("My net")


@pytest.mark.claims("convviz.ui.transfer.findings.augmentation_cost")
@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (8.0, "2 such epochs"),
        (20.0, "1 such epoch."),
        (20.5, "less than one such epoch"),
        (0.04, "500 such epochs"),
    ],
)
def test_the_cost_of_augmentation_is_counted_in_epochs(seconds: float, words: str) -> None:
    text = findings.augmentation_cost(1_200, seconds, 20.0)
    assert "runs it over all 1,200 pictures" in text
    assert f"about {seconds:.2g} s on this machine" in text
    assert words in text
    assert "about 1,200 s on this machine" in findings.augmentation_cost(9, 1_200.0, 20.0)


@pytest.mark.claims(
    "convviz.ui.transfer.findings.cell", "convviz.ui.transfer.findings.most_confident"
)
def test_cells_are_named_and_counted() -> None:
    assert findings.cell("cat", "dog", 1) == "cat taken for dog: 1 picture"
    assert findings.cell("cat", "dog", 1_200) == "cat taken for dog: 1,200 pictures"
    assert findings.most_confident(16, 17) == "The 16 most confident of 17 are shown."


@pytest.mark.claims(
    "convviz.ui.transfer.findings.axis",
    "convviz.ui.transfer.findings.points",
    "convviz.ui.transfer.findings.nearest_to",
    "convviz.ui.transfer.findings.no_tsne",
)
def test_points_of_images_are_named() -> None:
    assert findings.axis(1, (0.5, 0.25)) == "component 1 (50 % of the variance)"
    assert findings.axis(2, (0.5, 0.0)) == "component 2 (0 % of the variance)"
    assert findings.points("conv1", 1).startswith("1 picture and your image")
    assert findings.points("conv1", 1200).startswith("1,200 pictures and your image")
    assert findings.points("conv1", 2).endswith("by what conv1 makes of them")
    assert findings.nearest_to("cat_1 *b*", "relu2_1") == (
        "**Nearest to cat_1 \\*b\\* at relu2_1**, by cosine distance"
    )
    assert "convviz[tsne]" in findings.no_tsne()


@pytest.mark.claims("convviz.ui.transfer.findings.nearest")
def test_classes_of_the_nearest_images_are_counted() -> None:
    names = ["a", "b", "b", "a", "b"]
    assert findings.nearest(names, "a").startswith("2 of 5 are of its own class, a.")
    assert findings.nearest(names, "c").startswith("0 of 5 are of its own class, c.")
    assert findings.nearest(names, None).startswith("3 of 5 are of the class b;")
    assert findings.nearest([], None).startswith("The distance is")
