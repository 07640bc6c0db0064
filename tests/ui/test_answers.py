"""Questions with computed answers: each comes out either way, and says the numbers compared."""

import pytest

from convviz.ui import answers
from convviz.ui.answers import AMOUNTS, YES_NO, Answer
from convviz.ui.questions import Question, verdict


def says(answer: Answer, right: str, *words: str) -> None:
    assert answer.right == (right,)
    assert [word for word in words if word not in answer.sentence] == []


@pytest.mark.claims("convviz.ui.answers.sureness")
@pytest.mark.parametrize(
    ("probability", "right", "told"),
    [
        (0.0, "no", "< 0.1 %"),
        (0.5, "no", "50.0 %"),
        (0.501, "yes", "50.1 %"),
        (1.0, "yes", "> 99.9 %"),
    ],
)
def test_how_sure_a_network_is(probability: float, right: str, told: str) -> None:
    says(answers.sureness("Net", "cat", probability), right, "Net", "*cat*", told)


@pytest.mark.claims("convviz.ui.answers.active_share")
def test_how_much_of_a_map_is_active() -> None:
    says(answers.active_share(7, 0.25), "no", "Channel 7", "25.0 %")
    says(answers.active_share(7, 0.75), "yes", "75.0 %")
    says(answers.active_share(0, 0.5), "no", "Channel 0", "50.0 %")


@pytest.mark.claims("convviz.ui.answers.same_class")
def test_whether_two_networks_say_the_same() -> None:
    says(answers.same_class({"A": "cat", "B": "cat"}), "yes", "A says *cat*, B says *cat*.")
    says(answers.same_class({"A": "cat", "B": "dog"}), "no", "A says *cat*, B says *dog*.")


@pytest.mark.claims("convviz.ui.answers.surest")
def test_which_network_is_surer() -> None:
    def between(first: float, second: float) -> Answer:
        return answers.surest({"a": ("A", first), "b": ("B", second)})

    says(between(0.4, 0.6), "b", "A gives its first guess 40.0 %", "B gives its first guess 60.0 %")
    says(between(0.6, 0.4), "a")
    assert between(0.5, 0.5).right == ("a", "b")


@pytest.mark.claims("convviz.ui.answers.empty_shares")
@pytest.mark.parametrize(
    ("first", "last", "right"),
    [
        ((0, 64), (10, 256), "more"),
        ((10, 64), (10, 256), "less"),
        ((1, 3), (2, 6), "same"),
        ((0, 64), (0, 512), "same"),
        ((64, 64), (63, 64), "less"),
    ],
)
def test_which_layer_has_a_larger_share_of_empty_channels(
    first: tuple[int, int], last: tuple[int, int], right: str
) -> None:
    answer = answers.empty_shares(("relu1", *first), ("relu5", *last))
    says(answer, right, f"{first[0]} of {first[1]} channels", f"{last[0]} of {last[1]} channels")
    assert answer.sentence.index("relu1") < answer.sentence.index("relu5")


@pytest.mark.claims("convviz.ui.answers.no_relu")
def test_a_network_without_a_relu_has_nothing_to_compare() -> None:
    answer = answers.no_relu("ViT")
    assert set(answer.right) == set(AMOUNTS)
    assert answer.sentence.startswith("ViT has fewer than two layers with a ReLU")


@pytest.mark.claims("convviz.ui.answers.highest")
def test_which_branch_holds_the_largest_activation() -> None:
    answer = answers.highest({"1": ("1×1", 0.5), "2": ("3×3", 2.0), "3": ("5×5", 1.25)})
    says(answer, "2", "1×1 0.50", "3×3 2.00", "5×5 1.25")
    assert answers.highest({"1": ("a", 0.0), "2": ("b", 0.0)}).right == ("1", "2")


@pytest.mark.claims("convviz.ui.answers.few_channels")
def test_whether_a_few_channels_carry_a_class() -> None:
    # The two that add most bring 7 of 10; what takes away does not count.
    says(
        answers.few_channels("cat", [3.0, -9.0, 1.0, 4.0, 2.0], few=2),
        *("yes", "*cat*", "The 2 channels", "70.0 %", "4 channels add"),
    )
    says(answers.few_channels("cat", [1.0] * 4, few=2), "no", "50.0 %")
    says(answers.few_channels("cat", [-1.0, 0.0]), "no", "The 2 channels", "0.0 %", "0 channels")


@pytest.mark.claims("convviz.ui.answers.heads_agree")
def test_whether_two_heads_agree() -> None:
    says(answers.heads_agree("cat", "cat"), "yes", "auxiliary classifier says *cat*")
    says(answers.heads_agree("cat", "dog"), "no", "*cat*", "the main one *dog*")


@pytest.mark.claims("convviz.ui.answers.alike")
def test_whether_a_reconstruction_is_alike() -> None:
    says(answers.alike("relu3", 0.51), "yes", "relu3", "0.51")
    says(answers.alike("relu3", 0.5), "no", "0.50")
    says(answers.alike("relu3", -0.1), "no", "-0.10")


@pytest.mark.claims("convviz.ui.answers.always_gains")
def test_whether_fine_tuning_always_helps() -> None:
    says(answers.always_gains("Net", [0.1, 0.02]), "yes", "Net", "2 of 2", "+2.0 to +10.0")
    says(answers.always_gains("Net", [0.1, -0.01]), "no", "1 of 2", "-1.0 to +10.0")
    says(answers.always_gains("Net", [0.0]), "no", "0 of 1", "+0.0 to +0.0")


@pytest.mark.claims("convviz.ui.answers.deepest_field")
def test_whether_a_position_sees_the_whole_width() -> None:
    says(answers.deepest_field("relu5", 195, 224), "no", "relu5", "195 pixels", "224")
    says(answers.deepest_field("relu5", 224, 224), "yes")


@pytest.mark.claims("convviz.ui.answers.decoder_share")
def test_whether_the_decoder_holds_most_parameters() -> None:
    says(answers.decoder_share("Net", 3, 4), "yes", "3 of Net's 4", "75.0 %")
    says(answers.decoder_share("Net", 2, 4), "no", "50.0 %")
    says(answers.decoder_share("Net", 0, 0), "no", "0.0 %")


@pytest.mark.claims("convviz.ui.answers.fewer")
def test_which_network_has_fewer_of_something() -> None:
    says(answers.fewer(("A", 1000), ("B", 2000), "MACs"), "yes", "A has 1,000 and B has 2,000 MACs")
    says(answers.fewer(("A", 2), ("B", 2), "layers"), "no")


@pytest.mark.claims("convviz.ui.answers.strongest_is_salient")
def test_whether_the_strongest_channel_is_the_clearest() -> None:
    says(answers.strongest_is_salient(3, 3), "yes", "Channel 3", "channel 3")
    says(answers.strongest_is_salient(3, 5), "no", "Channel 3", "channel 5")


@pytest.mark.claims("convviz.ui.answers.loss_fell_half")
def test_when_the_loss_fell() -> None:
    says(answers.loss_fell_half(5.0, 2.0, 1.0), "yes", "5.00", "2.00", "1.00", "75.0 %")
    says(answers.loss_fell_half(5.0, 3.0, 1.0), "no", "50.0 %")
    says(answers.loss_fell_half(1.0, 1.0, 1.0), "no", "0.0 %")


@pytest.mark.claims("convviz.ui.questions.verdict")
def test_what_is_said_of_a_prediction() -> None:
    question = Question("?", YES_NO)
    answer = Answer(("yes",), "")
    assert verdict(question, answer, "yes") == "**As you predicted.**"
    assert verdict(question, answer, "no") == "**Otherwise than you predicted: Yes.**"
    tie = Answer(("yes", "no"), "")
    assert verdict(question, tie, "no") == verdict(question, tie, "yes") == "**As you predicted.**"
