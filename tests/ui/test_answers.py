"""Questions with computed answers: each comes out either way, and says the numbers compared."""

import pytest

from convviz.ui import answers
from convviz.ui.answers import YES_NO, Answer
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
        (0.5003, "yes", "50.03 %"),
        (0.4999998, "no", "49.99998 %"),
        (0.99996, "yes", "> 99.9 %"),
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
    says(answers.active_share(0, 0.5004), "yes", "50.04 %")
    says(answers.active_share(0, 1.0), "yes", " 100.0 %")
    says(answers.active_share(0, 0.99996), "yes", " 99.996 %")


@pytest.mark.claims("convviz.ui.answers.same_class")
def test_whether_two_networks_say_the_same() -> None:
    says(answers.same_class(("A", "cat"), [("B", "cat")]), "yes", "A says *cat*, B says *cat*.")
    says(answers.same_class(("A", "cat"), [("B", "dog")]), "no", "A says *cat*, B says *dog*.")
    several = answers.same_class(("A", "cat"), [("B", "dog"), ("C", "cat")])
    says(several, "yes", "A says *cat*, B says *dog*, C says *cat*.")
    # That two others agree with each other says nothing of the first; titles may be alike.
    says(answers.same_class(("A", "cat"), [("A", "dog"), ("A", "dog")]), "no", "A says *cat*")


@pytest.mark.claims("convviz.ui.answers.surest")
def test_which_network_is_surer() -> None:
    def between(first: float, second: float) -> Answer:
        return answers.surest({"a": ("A", first), "b": ("B", second)})

    says(between(0.4, 0.6), "b", "A gives its first guess 40.0 %", "B gives its first guess 60.0 %")
    says(between(0.6, 0.4), "a")
    assert between(0.5, 0.5).right == ("a", "b")
    says(between(0.9997, 0.9999), "b", "99.97 %", "99.99 %")
    says(between(0.00001, 0.00002), "b", "0.001 %", "0.002 %")


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


def test_shares_that_differ_are_written_so() -> None:
    answer = answers.empty_shares(("relu1", 1000, 4000), ("relu5", 1001, 4000))
    says(answer, "more", "(25.00 %) of relu1", "(25.02 %) of relu5")


@pytest.mark.claims("convviz.ui.answers.never_empty")
def test_a_layer_that_no_relu_made_has_no_empty_channels() -> None:
    answer = answers.never_empty("fc8")
    assert answer.right == ()
    assert answer.sentence.startswith("No ReLU sets the numbers of fc8 to 0")


@pytest.mark.claims("convviz.ui.answers.no_relu")
def test_a_network_without_a_relu_has_nothing_to_compare() -> None:
    answer = answers.no_relu("ViT")
    assert answer.right == ()
    assert answer.sentence.startswith("ViT has fewer than two layers with a ReLU")


@pytest.mark.claims("convviz.ui.answers.highest")
def test_which_branch_holds_the_largest_activation() -> None:
    answer = answers.highest({"1": ("1×1", 0.5), "2": ("3×3", 2.0), "3": ("5×5", 1.25)}, "Why.")
    says(answer, "2", "1×1 0.50", "3×3 2.00", "5×5 1.25. Why.")
    assert answers.highest({"1": ("a", 0.0), "2": ("b", 0.0)}, "").right == ("1", "2")
    says(answers.highest({"1": ("a", 3.141), "2": ("b", 3.144)}, ""), "2", "a 3.141", "b 3.144")
    says(answers.highest({"1": ("a", -0.5), "2": ("b", -2.0)}, ""), "1", "a −0.50, b −2.00")


@pytest.mark.claims("convviz.ui.answers.few_channels")
def test_whether_a_few_channels_carry_a_class() -> None:
    # The two that add most bring 7 of 10; what takes away does not count.
    says(
        answers.few_channels("cat", [3.0, -9.0, 1.0, 4.0, 2.0], few=2),
        *("yes", "4 channels add to the score of *cat*; the 2 that add most bring 70.0 % of it."),
    )
    says(answers.few_channels("cat", [1.0] * 4, few=2), "no", "50.0 %")
    few = answers.few_channels("cat", [1.0, 2.0, -5.0, *[0.0] * 20])
    says(few, "yes", "Only 2 channels add to the score of *cat*: they bring all of it.")
    says(answers.few_channels("cat", [1.0, -5.0]), "yes", "Only one channel adds")
    says(answers.few_channels("cat", [50.04, 49.96, 0.0], few=1), "yes", "50.04 %", "2 channels")
    nearly = answers.few_channels("cat", [1e6, 1.0, -3.0], few=1)
    says(nearly, "yes", "99.9999 %")
    assert answers.few_channels("cat", [-1.0, 0.0]) == Answer(
        (), "No channel adds to the score of *cat*."
    )


@pytest.mark.claims("convviz.ui.answers.heads_agree")
def test_whether_two_heads_agree() -> None:
    says(answers.heads_agree("cat", "cat"), "yes", "auxiliary classifier says *cat*")
    says(answers.heads_agree("cat", "dog"), "no", "*cat*", "the main one *dog*")


@pytest.mark.claims("convviz.ui.answers.alike")
@pytest.mark.parametrize(
    ("similarities", "right", "told"),
    [
        ([0.4, 0.5, -0.1], "one", ["relu0 0.40", "relu1 0.50", "relu2 −0.10", "0.5: 0 of 3;"]),
        ([0.9, 0.4, 0.3], "one", ["0.5: 1 of 3;"]),
        ([0.9, 0.503, 0.3], "two", ["relu1 0.503", "0.5: 2 of 3;"]),
        ([0.9, 0.8, 0.7, 0.1], "more", ["relu2 0.70", "0.5: 3 of 4;"]),
        ([0.9, 0.8, 0.7, 0.6], "more", ["0.5: 4 of 4;"]),
    ],
)
def test_how_many_layers_give_an_image_back(
    similarities: list[float], right: str, told: list[str]
) -> None:
    by_layer = {f"relu{number}": value for number, value in enumerate(similarities)}
    says(answers.alike(by_layer), right, *told)


@pytest.mark.claims("convviz.ui.answers.same_nearest")
def test_whether_maps_and_pixels_name_the_same_photograph() -> None:
    says(answers.same_nearest("Cat", "Cat"), "yes", "maps your image is most like *Cat*")
    says(answers.same_nearest("Cat", "Dam"), "no", "most like *Cat*", "its pixels like *Dam*")


@pytest.mark.claims("convviz.ui.answers.wide_field")
def test_whether_a_receptive_field_is_as_wide_as_the_image() -> None:
    says(answers.wide_field("relu5", 195, 224), "no", "relu5", "is 195 pixels across", "image 224")
    says(answers.wide_field("relu5", 224, 224), "yes")
    says(answers.wide_field("relu5", 1907, 224), "yes", "1,907 pixels across")


@pytest.mark.claims("convviz.ui.answers.no_field")
def test_a_receptive_field_that_is_not_known() -> None:
    answer = answers.no_field("norm")
    assert answer.right == ()
    assert "one position of norm sees of the image cannot be followed" in answer.sentence


@pytest.mark.claims("convviz.ui.answers.decoder_share")
def test_whether_the_decoder_holds_most_parameters() -> None:
    says(answers.decoder_share("Net", 3, 4), "yes", "3 of Net's 4", "75.0 %")
    says(answers.decoder_share("Net", 2, 4), "no", "50.0 %")
    says(answers.decoder_share("Net", 0, 0), "no", "0.0 %")
    says(answers.decoder_share("Net", 50_003, 100_000), "yes", "(50.003 %)")


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
    def fell(first: float, middle: float, last: float) -> Answer:
        return answers.loss_fell_half((100, first), (2000, middle), (4000, last))

    says(fell(5.0, 2.0, 1.0), "yes", "was 5.00 after 100 steps, 2.00 after 2,000", "75.0 % of the")
    says(fell(5.0, 3.0, 1.0), "no", "1.00 after 4,000.", "50.0 % of the fall")
    says(fell(5.0, 2.999, 1.0), "yes", "50.02 %")
    # In one of the halves it rose, so the halves share no fall.
    says(fell(5.0, 6.0, 1.0), "no", "6.00 after 2,000")
    says(fell(5.0, 0.5, 1.0), "yes", "0.50 after 2,000")
    assert not any("of the fall" in fell(5, half, 1).sentence for half in (6.0, 0.5))
    for last in (5.0, 7.0):
        assert fell(5.0, 4.0, last).right == ()
        assert fell(5.0, 4.0, last).sentence.endswith("It did not fall.")


@pytest.mark.claims("convviz.ui.questions.verdict")
def test_what_is_said_of_a_prediction() -> None:
    question = Question("?", YES_NO)
    answer = Answer(("yes",), "")
    assert verdict(question, answer, "yes") == "**As you predicted.**"
    assert verdict(question, answer, "no") == "**Otherwise than you predicted: Yes.**"
    tie = Answer(("yes", "no"), "")
    assert verdict(question, tie, "no") == verdict(question, tie, "yes") == "**As you predicted.**"
    assert verdict(question, Answer((), "Nothing to compare."), "no") == ""
