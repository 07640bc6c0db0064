"""What a plan freezes, replaces and trains."""

from dataclasses import replace

import pytest
import torch

from convviz.errors import SettingError
from convviz.learning.plan import plan, plan_further, recommend, untrained_copy
from convviz.networks.decoders import EncoderOnly
from convviz.networks.network import Network
from convviz.weights.load import load

CLASSES = ("a", "b", "c")


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return load("googlenet", "bundled")


@pytest.fixture(scope="module")
def alexnet() -> Network:
    return load("alexnet", "random")


@pytest.fixture(scope="module")
def encoder(alexnet: Network) -> Network:
    features = EncoderOnly(alexnet.module.get_submodule("features")).eval()
    return Network(alexnet.spec, features, alexnet.weights)


def test_last_layer_of_a_full_network(alexnet: Network) -> None:
    result = plan(alexnet, "last-layer", CLASSES)
    assert [p.name for p in result.parts if p.trained] == ["classifier.6"]
    assert result.trainable_parameters == 4096 * 3 + 3
    assert result.parameters == 61_100_840 - (4096 * 1000 + 1000) + 4096 * 3 + 3
    assert result.head == "classifier.6"


def test_several_fully_connected_layers(alexnet: Network) -> None:
    result = plan(alexnet, "several", CLASSES)
    assert [p.name for p in result.parts if p.trained] == [f"classifier.{k}" for k in (1, 4, 6)]
    assert result.trainable_parameters == 9216 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 3 + 3
    assert result.frozen_parameters == 61_100_840 - 58_631_144
    assert result.head == "classifier"


def test_an_encoder_alone_gets_a_pooled_decoder(encoder: Network) -> None:
    result = plan(encoder, "last-layer", CLASSES)
    assert result.trainable_parameters == 256 * 3 + 3
    assert result.frozen_parameters == 61_100_840 - 58_631_144
    module = result.build(torch.Generator().manual_seed(0))
    assert module(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
    several = plan(encoder, "several", CLASSES)
    assert several.trainable_parameters == 256 * 128 + 128 + 128 * 3 + 3


def test_googlenet_has_one_fully_connected_layer_so_several_are_two_new_ones(
    googlenet: Network,
) -> None:
    result = plan(googlenet, "several", CLASSES)
    assert result.trainable_parameters == 1024 * 128 + 128 + 128 * 3 + 3
    encoder = 6_624_904 - (1024 * 1000 + 1000)
    assert result.frozen_parameters == encoder
    assert not any(p.name.startswith("aux") for p in result.parts)


def test_fine_tuning_thaws_the_end_of_the_encoder_or_what_is_named(googlenet: Network) -> None:
    result = plan(googlenet, "fine-tune", CLASSES)
    assert [p.name for p in result.parts if p.state == "thawed"] == ["inception5a", "inception5b"]
    named = plan(googlenet, "fine-tune", CLASSES, thaw=["conv1"])
    assert [p.name for p in named.parts if p.state == "thawed"] == ["conv1"]
    with pytest.raises(SettingError, match=r"no part conv9.*choose from conv1"):
        plan(googlenet, "fine-tune", CLASSES, thaw=["conv9"])


def test_from_scratch_everything_is_trained_with_auxiliary_heads_if_wanted(
    googlenet: Network,
) -> None:
    plain = plan(googlenet, "scratch", CLASSES)
    assert plain.frozen_parameters == 0
    helped = plan(googlenet, "scratch", CLASSES, auxiliary=True)
    assert {"aux1", "aux2"} <= {p.name for p in helped.parts}
    module = helped.build(torch.Generator().manual_seed(0)).train()
    assert [o.shape for o in module(torch.zeros(2, 3, 64, 64))] == [(2, 3)] * 3


def test_rows_add_up_to_what_the_built_network_has(googlenet: Network) -> None:
    for scenario in ("last-layer", "several", "fine-tune", "scratch"):
        result = plan(googlenet, scenario, CLASSES)
        module = result.build(torch.Generator().manual_seed(0))
        sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
        assert sum(n for n, _ in sizes) == result.parameters
        assert sum(n for n, wants in sizes if wants) == result.trainable_parameters


def test_a_build_shares_frozen_weights_and_owns_what_it_trains(googlenet: Network) -> None:
    module = plan(googlenet, "fine-tune", CLASSES).build(torch.Generator())
    original = dict(googlenet.module.named_parameters())
    shared = {
        name.split(".")[0]
        for name, p in module.named_parameters()
        if name in original and p.data_ptr() == original[name].data_ptr()
    }
    assert "conv1" in shared
    assert not shared & {"inception5a", "inception5b", "fc"}
    assert not any(p.requires_grad for p in googlenet.module.parameters())


def test_a_decoder_of_several_layers_is_replaced_whole(googlenet: Network) -> None:
    several = plan(googlenet, "several", CLASSES)
    module = several.build(torch.Generator().manual_seed(0)).requires_grad_(False)
    repeated = plan(replace(googlenet, module=module), "last-layer", ("x", "y"))
    assert (repeated.form.decoder, repeated.form.inputs) == ("fc", 1024)
    assert repeated.trainable_parameters == 1024 * 2 + 2


def test_fine_tuning_can_go_on_from_what_was_learned(googlenet: Network) -> None:
    first = plan(googlenet, "last-layer", CLASSES)
    module = first.build(torch.Generator().manual_seed(0)).requires_grad_(False)
    learned = replace(googlenet, module=module)
    result = plan_further(learned, first.form, first.trained_names(), thaw=["inception5b"])
    assert {p.name: p.state for p in result.parts if p.trained} == {
        "inception5b": "thawed",
        "fc": "keeps learning",
    }
    built = result.build(torch.Generator().manual_seed(1))
    state = module.state_dict()
    assert all(value.equal(state[name]) for name, value in built.state_dict().items())
    shared = {n for n, p in built.named_parameters() if p.data_ptr() == state[n].data_ptr()}
    assert not any(name.startswith(("fc", "inception5b")) for name in shared)
    assert "conv1.conv.weight" in shared
    with pytest.raises(SettingError, match=r"no part conv9.*choose from"):
        plan_further(learned, first.form, first.trained_names(), thaw=["conv9"])


def test_settings_that_make_no_sense_get_a_sentence(tiny: Network) -> None:
    with pytest.raises(SettingError, match="no scenario"):
        plan(tiny, "magic", CLASSES)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="at least two"):
        plan(tiny, "last-layer", ("a",))
    with pytest.raises(SettingError, match="no auxiliary heads"):
        plan(tiny, "scratch", CLASSES, auxiliary=True)


@pytest.mark.claims("convviz.learning.plan.recommend")
@pytest.mark.parametrize(
    ("images", "classes", "scenario", "words"),
    [
        (360, 6, "last-layer", "360 pictures to learn from, about 60 for each class, are a small"),
        (200, 2, "last-layer", "about 100 for each class, are a small data set (up to 100 for"),
        (202, 2, "several", "202 pictures to learn from, about 101 for each class, are enough"),
        (100_000, 200, "several", "100,000 pictures to learn from, about 500 for each class"),
        (1_200, 2, "fine-tune", "about 600 for each class, are a large data set (more than 500"),
        (2, 2, "last-layer", "about 1 for each class"),
    ],
)
def test_the_courses_rule(images: int, classes: int, scenario: str, words: str) -> None:
    """A zip of 2,000 files has 1,200 to learn from: it can get every advice."""
    advice = recommend(images, classes)
    assert advice.scenario == scenario
    assert words in advice.why
    assert "by heart" not in advice.why


def test_the_untrained_copy_ends_where_the_original_ends(
    encoder: Network, googlenet: Network
) -> None:
    copied = untrained_copy(encoder)
    assert isinstance(copied.module, EncoderOnly)
    assert copied.weights.source == "random"
    assert untrained_copy(googlenet).name == "googlenet"
