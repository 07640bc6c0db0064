"""The command for what a page shows is one that the command line takes, and makes the same."""

import argparse
import importlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from convviz.cli import main
from convviz.features import filters as features
from convviz.features.filters import FilterOrder
from convviz.features.overview import overview
from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.design_link import to_link
from convviz.reconstruction.amplify import AmplifyConfig
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import (
    AmplifyProgress,
    ReconstructionProgress,
    SeriesProgress,
    Subject,
)
from convviz.sprites.kernels import kernel_sheet
from convviz.structure.layers import layer
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.commands import of_page, of_run, why_none
from convviz.weights.load import load

SAMPLE = ChosenImage.of("cat", "Cat", b"", "sample", "Somebody")
SUBJECT = Subject(
    *("Cat", "alexnet", "AlexNet", "encoder", "Weights", "features.9", "conv4"),
    *(43264, 224, 256),
)
USUAL = {"seconds": 60, "seed": 0, "start_from": "noise", "precision": "auto", "optimizer": None}


def chosen(image: ChosenImage = SAMPLE, source: str = "bundled") -> Choice:
    network = load("googlenet", fetch=False)
    network = replace(network, weights=replace(network.weights, source=source))
    return Choice(image, "googlenet", network, layer(network, "inception3a"))


def command(
    title: str,
    link: Mapping[str, str],
    values: Mapping[str, object] = USUAL,
    choice: Choice | None = None,
) -> str:
    return of_page(title, choice or chosen(), link, {**values, **link})


def parsed(line: str) -> argparse.Namespace:
    """Read a command as the command line does."""
    program, words = shlex.split(line)[:3], shlex.split(line)[3:]
    assert program == ["python", "-m", "convviz"]
    parser = argparse.ArgumentParser(exit_on_error=False)
    subparsers = parser.add_subparsers(dest="command")
    importlib.import_module(f"convviz.cli.{words[0]}").add(subparsers)
    return parser.parse_args(words)


def test_activations() -> None:
    link = {"tau": "0.05", "order": "active", "contrast": "shared", "colours": "magma"}
    args = parsed(command("Activations", link))
    assert (args.command, args.image, args.network) == ("activations", "sample:cat", "googlenet")
    assert (args.weights, args.layer, args.threshold) == ("bundled", "inception3a", 0.05)
    assert (args.order, args.contrast, args.colormap) == ("active", "shared", "magma")
    args = parsed(command("Activations", {"order": "salience", "show": "only"}))
    assert (args.order, args.show) == ("salience", "only")
    assert parsed(command("Activations", {"view": "This layer"})).show == "all"


@pytest.mark.parametrize("view", ["Compare", "All layers", "One channel"])
def test_the_grid_s_command_is_not_that_of_another_view(view: str) -> None:
    assert command("Activations", {"view": view}) == ""


def test_evidence_names_a_layer_only_for_a_method_that_looks_at_one() -> None:
    link = {"class": "tabby", "against": "goose", "method": "hirescam"}
    args = parsed(command("Evidence", link))
    assert (args.class_name, args.against, args.method) == ("tabby", "goose", "hirescam")
    assert args.layer == "inception3a"
    assert parsed(command("Evidence", {})).layer == "inception3a"
    for method in ("gradient", "smoothgrad", "integrated", "guided", "occlusion"):
        args = parsed(command("Evidence", {"method": method}))
        assert (args.method, args.layer) == (method, None)
    assert parsed(command("Evidence", {"class": "tabby", "against": "tabby"})).against is None
    assert command("Evidence", {"evidence": "Two networks"}) == ""


def test_evidence_without_maps_at_the_chosen_layer_leaves_it_to_the_command() -> None:
    choice = chosen()
    vector = Choice(choice.image, "googlenet", choice.loaded, layer(choice.network, "fc"))
    assert parsed(command("Evidence", {}, choice=vector)).layer is None


def test_a_class_that_shares_its_name_goes_by_its_number() -> None:
    choice = chosen()
    weights = replace(choice.network.weights, classes=("crane", "tabby", "crane"))
    twice = replace(choice, loaded=replace(choice.network, weights=weights))
    args = parsed(command("Evidence", {"class": "crane (2)", "against": "tabby"}, choice=twice))
    assert (args.class_name, args.against) == ("2", "tabby")


def test_one_layer_with_the_page_s_settings() -> None:
    args = parsed(command("Reconstruction", {"series": "layer", "amplify": "channel"}))
    assert (args.command, args.layer, args.seconds) == ("reconstruct", "inception3a", 60)
    assert (args.optimizer, args.tv, args.start, args.seed) == (None, None, None, 0)
    values = {
        **{"seconds": 30, "most_steps": 9, "seed": 7, "optimizer": "adam", "learning_rate": 0.02},
        **{"decay": 1.0, "total_variation": 0.5, "start_from": "grey", "precision": "float32"},
    }
    args = parsed(command("Reconstruction", {"series": "layer"}, values))
    assert (args.seconds, args.steps, args.seed, args.optimizer) == (30, 9, 7, "adam")
    assert (args.learning_rate, args.decay, args.tv) == (0.02, 1, 0.5)
    assert (args.start, args.precision) == ("grey", "float32")


def test_amplify_with_the_page_s_settings() -> None:
    values = {**USUAL, "octaves": 3, "strength": 0.2, "amplify_channel": 5}
    args = parsed(command("Reconstruction", {"series": "amplify"}, values))
    assert (args.command, args.channel, args.octaves) == ("amplify", None, 3)
    assert (args.strength, args.seconds, args.seed) == (0.2, 60, 0)
    args = parsed(command("Reconstruction", {"series": "amplify", "amplify": "channel"}, values))
    assert args.channel == 5


def test_a_design_to_begin_with_is_counted() -> None:
    args = parsed(command("Design", {"design": "small-vgg"}))
    assert (args.command, args.files, args.train) == ("design", ["start:small-vgg"], None)
    assert parsed(command("Design", {})).files == ["start:lenet5"]
    own = {"design": to_link("input 3x32x32\nconv 4 3x3\n")}
    assert command("Design", own) == ""  # a text has no name
    assert command("Design", {"design_view": "sweep"}) == ""


def test_two_designs_are_trained_with_the_page_s_settings() -> None:
    link = {"design": "lenet5", "design_view": "train"}
    values = {"design_a": "at-hand", "design_b": "small-vgg", "data": "shapes"} | {
        **{"design_equal": "seconds", "design_seconds": 10, "design_epochs": 5},
        **{"design_seeds": 2, "design_rate": 0.005},
    }
    args = parsed(command("Design", link, values))
    assert (args.files, args.train) == (["start:lenet5", "start:small-vgg"], "shapes")
    assert (args.seconds, args.epochs, args.seeds, args.rate) == (10, None, 2, 0.005)
    args = parsed(command("Design", link, values | {"design_equal": "epochs"}))
    assert (args.seconds, args.epochs) == (None, 5)
    assert command("Design", link, values | {"design_b": "change-norm"}) == ""
    assert command("Design", link, values | {"data": "zip"}) == ""


def test_transfer_learning_with_the_page_s_settings() -> None:
    values = {"data": "imagenette", "pictures": 200, "scenario": "fine-tune"} | {
        "training_seconds": 30,
        "augment": True,
    }
    args = parsed(command("Transfer learning", {}, values))
    assert (args.command, args.data, args.pictures) == ("train", "imagenette", 200)
    assert (args.network, args.weights) == ("googlenet", "bundled")
    assert (args.scenario, args.seconds, args.augment) == ("fine-tune", 30, True)
    values = {"data": "directions", "pictures": 200, "scenario": "scratch", "augment": False}
    args = parsed(command("Transfer learning", {}, values))
    assert (args.data, args.pictures, args.augment) == ("directions", None, False)
    args = parsed(command("Transfer learning", {"transfer": "separate"}, values))
    assert (args.command, args.data, args.network) == ("separation", "directions", "googlenet")
    assert command("Transfer learning", {}, {"data": "zip"}) == ""


@pytest.mark.parametrize("series", ["depth", "networks"])
def test_a_series_has_no_command_before_its_run(series: str) -> None:
    assert command("Reconstruction", {"series": series}) == ""
    assert of_run(SeriesProgress((SUBJECT,), ())) == ""


def test_each_image_of_a_series_has_a_command() -> None:
    deeper = replace(SUBJECT, layer="features.11")
    runs = tuple(
        ReconstructionProgress(each, ReconstructionConfig(layer=each.layer, seconds=9.0), b"")
        for each in (SUBJECT, deeper)
    )
    args = [parsed(line) for line in of_run(SeriesProgress((SUBJECT, deeper), runs)).split("\n")]
    assert [each.layer for each in args] == ["features.9", "features.11"]
    assert [each.out for each in args] == ["image-1.png", "image-2.png"]
    assert {(each.command, each.image, each.seconds) for each in args} == {
        ("reconstruct", "sample:cat", 9.0)
    }


def test_a_run_s_own_image_network_layer_and_settings() -> None:
    config = ReconstructionConfig(
        layer="features.9", seconds=60.0, steps=40, optimizer="adam", tv=0.25, start="grey", seed=3
    )
    args = parsed(of_run(ReconstructionProgress(SUBJECT, config, b"")))
    assert (args.command, args.image, args.network) == ("reconstruct", "sample:cat", "alexnet")
    assert (args.weights, args.layer) == ("encoder", "features.9")
    assert (args.seconds, args.steps, args.optimizer, args.tv) == (60, 40, "adam", 0.25)
    assert (args.start, args.seed) == ("grey", 3)

    own = replace(SUBJECT, image="-x.jpg")
    amplified = AmplifyConfig(channel=0, octaves=2, strength=0.3, seconds=8.0, seed=4)
    args = parsed(of_run(AmplifyProgress(own, amplified, b"")))
    assert (args.command, args.image, args.channel) == ("amplify", "./-x.jpg", 0)
    assert (args.octaves, args.strength, args.seconds, args.seed) == (2, 0.3, 8, 4)


def test_what_a_run_of_another_kind_made_has_no_command() -> None:
    assert of_run(object()) == ""
    start = ReconstructionConfig(layer="features.9", start=sample_pixels())
    assert of_run(ReconstructionProgress(SUBJECT, start, b"")) == ""


def sample_pixels() -> object:
    return ChosenImage.of("cat", "Cat", sample("cat").read(), "sample").pixels


def test_architectures_where_costs_prints_what_the_view_shows() -> None:
    args = parsed(command("Architectures", {"compared": "vgg16,alexnet"}, {"side": 96}))
    assert (args.networks, args.input_size) == (["vgg16", "alexnet"], 96)
    too_small = {"compared": "googlenet,alexnet"}
    assert parsed(command("Architectures", too_small, {"side": 48})).networks == ["googlenet"]
    assert command("Architectures", {"compared": ""}, {"side": 224}) == ""

    args = parsed(command("Architectures", {"architectures": "layers"}, {"side_torchvision": 96}))
    assert (args.networks, args.input_size, args.per_layer) == (["googlenet"], 96, True)
    assert command("Architectures", {"architectures": "layers", "form": "paper"}) == ""
    assert command("Architectures", {"architectures": "papers"}) == ""


def test_weights_that_no_command_can_name_are_a_file_to_fill_in() -> None:
    args = parsed(command("Evidence", {}, choice=chosen(source="trained-0123456789ab")))
    assert args.weights == "FILE"


def bytes_of(line: str, folder: Path) -> bytes:
    """Run a command of a worksheet; return the picture that it writes."""
    target = str(folder / parsed(line).out)
    assert main([*shlex.split(line)[3:-1], target]) == 0
    return Path(target).read_bytes()


def filters_as_shown(layer_name: str, order: FilterOrder, most: int, bound: float) -> bytes:
    network = load("alexnet", fetch=False)
    shown = features.filters(network, layer(network, layer_name))
    channels = shown.order(order).tolist()[:most]
    return kernel_sheet([shown.drawn(each) for each in channels], tile=66, bound=bound).png


def with_filters(layer_name: str) -> Choice:
    network = load("alexnet", fetch=False)
    return Choice(SAMPLE, "alexnet", network, layer(network, layer_name))


def test_filters_writes_the_kernels_that_the_page_draws(tmp_path: Path) -> None:
    # relu1 has none of its own: the page draws those of conv1.
    choice = with_filters("features.1")
    line = command("Filters", {"filter_order": "norm"}, choice=choice)
    args = parsed(line)
    assert (args.command, args.layer, args.order) == ("filters", "features.0", "norm")
    shown = features.filters(choice.network, layer(choice.network, "features.0"))
    assert bytes_of(line, tmp_path) == filters_as_shown("features.0", "norm", 64, shown.reach)
    link = {"filter_look": "One input channel", "filter_input": "5"}
    args = parsed(command("Filters", link, choice=with_filters("features.3")))
    assert (args.layer, args.input_channel) == ("features.3", 5)


def test_trained_and_untrained_kernels_are_two_commands_on_one_scale(tmp_path: Path) -> None:
    choice = with_filters("features.0")
    lines = command("Filters", {"filters_view": "Trained and untrained"}, choice=choice)
    first, second = lines.splitlines()
    shown = features.filters(choice.network, layer(choice.network, "features.0"))
    untrained = features.untrained_like(shown)
    bound = max(shown.reach, untrained.reach)
    assert bytes_of(first, tmp_path) == filters_as_shown("features.0", "norm", 64, bound)
    drawn = [untrained.drawn(each) for each in untrained.order("norm").tolist()[:64]]
    assert bytes_of(second, tmp_path) == kernel_sheet(drawn, tile=66, bound=bound).png


def test_first_layers_are_a_command_for_each_network() -> None:
    link = {"filters_view": "First layers"}
    lines = command("Filters", link).splitlines()
    args = [parsed(line) for line in lines]
    assert [each.network for each in args] == ["alexnet", "vgg16", "googlenet"]
    assert {(each.order, each.most, each.layer, each.scale) for each in args} == {
        ("norm", 64, None, None)
    }
    scaled = command("Filters", link, {"filters_one_scale": True}).splitlines()
    (scale,) = {parsed(line).scale for line in scaled}
    assert scale > 0


def test_home_where_overview_prints_what_the_page_shows(tmp_path: Path) -> None:
    line = command("Home", {})
    assert (parsed(line).command, parsed(line).image) == ("overview", "sample:cat")
    told = tmp_path / "told.json"
    assert main([*shlex.split(line)[3:], "--json", str(told)]) == 0
    said = json.loads(told.read_text("utf-8"))
    network = load("googlenet", fetch=False)
    seen = overview(network, decode(sample("cat").read()))
    assert [(each["layer"], tuple(each["clearest"])) for each in said["stages"]] == [
        (each.layer.name, each.strongest) for each in seen.stages
    ]
    assert [each["empty"] for each in said["stages"]] == [
        None if each.is_signed else each.empty for each in seen.stages
    ]
    guesses = predict(network, decode(sample("cat").read()))
    assert [each["index"] for each in said["classes"]] == [each.index for each in guesses]
    assert [each["probability"] for each in said["classes"]] == pytest.approx(
        [each.probability for each in guesses], abs=1e-5
    )


def test_a_page_that_no_command_makes_says_why() -> None:
    assert command("Training", {}) == command("Auxiliary classifiers", {}) == ""
    assert "was recorded once" in why_none("Training", {})
    for title, link in (("Training", {"watch": "live"}), ("Auxiliary classifiers", {})):
        assert "trained on the page alone" in why_none(title, link)
    assert why_none("Activations", {"view": "Compare"}).startswith("No command line makes")


@pytest.mark.parametrize("name", ["my cat.jpg", "a;rm -rf ~.png", "$(x) 'y'.jpg"])
def test_a_file_s_name_stays_one_word(name: str) -> None:
    image = replace(SAMPLE, name=name, origin="upload")
    assert parsed(command("Evidence", {}, choice=chosen(image))).image == name


def test_a_file_s_name_is_taken_for_no_option() -> None:
    image = replace(SAMPLE, name="-x.jpg", origin="upload")
    assert parsed(command("Activations", {}, choice=chosen(image))).image == "./-x.jpg"
