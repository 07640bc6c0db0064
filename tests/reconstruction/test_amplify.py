"""Amplifying a layer: it rises by PyTorch's own measure, is repeatable, and fits any network."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError, ReconstructionError, SettingError
from convviz.networks.network import Network
from convviz.reconstruction import findings
from convviz.reconstruction.amplify import AmplifyConfig, AmplifyStep, amplify, octave_sides
from convviz.reconstruction.progress import AmplifyProgress, amplify_one, amplify_plan
from convviz.structure.layers import layer
from tests.networks_for_tests import network_of, seeded

TORCH_PIXELS = 48


def small() -> nn.Module:
    return seeded(
        nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU(inplace=True)
        )
    )


@pytest.fixture
def network() -> Network:
    return network_of(small(), side=TORCH_PIXELS)


@pytest.fixture
def image() -> Image.Image:
    return Image.linear_gradient("L").resize((TORCH_PIXELS, TORCH_PIXELS)).convert("RGB")


def pixels(image: Image.Image) -> Tensor:
    data = torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8)
    return data.reshape(1, image.height, image.width, 3).permute(0, 3, 1, 2) / 255


def last(network: Network, image: Image.Image, name: str, **settings: Any) -> AmplifyStep:
    config = AmplifyConfig(**{"steps": 4, "octaves": 2, **settings})
    *_, step = amplify(network, image, name, config)
    return step


def test_a_layer_answers_more_as_torch_measures_it(network: Network, image: Image.Image) -> None:
    step = last(network, image, "0", strength=0.5)
    for picture, said in ((image, step.start), (step.picture, step.score)):
        with torch.no_grad():
            passed = network.module[0](pixels(picture)).relu()  # what its ReLU lets through
        assert said == pytest.approx(float(passed.square().mean().sqrt()), rel=1e-5)
    assert step.score > step.start
    assert step.rectified
    assert step.ended
    assert step.changed
    assert step.fraction == 1


def test_a_channel_answers_more_before_its_relu(network: Network, image: Image.Image) -> None:
    step = last(network, image, "1", channel=2)
    with torch.no_grad():
        before = float(network.module[0](pixels(image))[0, 2].mean())
        after = float(network.module[0](pixels(step.picture))[0, 2].mean())
    assert (step.start, step.score) == pytest.approx((before, after), abs=1e-5)
    assert after > before
    assert step.before_relu
    assert not step.rectified


def test_the_same_seed_gives_the_same_image(network: Network, image: Image.Image) -> None:
    torch.manual_seed(0)
    first = last(network, image, "2", seed=4).picture.tobytes()
    torch.manual_seed(1)
    assert last(network, image, "2", seed=4).picture.tobytes() == first
    assert last(network, image, "2", seed=5).picture.tobytes() != first


def test_the_image_moves_no_further_than_the_strength_in_each_octave(
    network: Network, image: Image.Image
) -> None:
    grey = Image.new("RGB", image.size, (128, 128, 128))  # far from both ends of the range
    for strength in (0.02, 0.05):
        step = last(network, grey, "2", strength=strength, octaves=1, steps=6)
        moved = float((pixels(step.picture) - pixels(grey)).square().mean().sqrt())
        assert 0.2 * strength < moved <= strength + 1 / 255


def test_octaves_are_as_large_as_they_should_be(network: Network) -> None:
    assert octave_sides(network, layer(network, "2"), 3) == (24, 34, 48)  # 48 / 1.96, 48 / 1.4
    assert octave_sides(network, layer(network, "2"), 8) == (17, 24, 34, 48)  # none below 16


def test_a_network_that_takes_one_size_gets_one_octave(image: Image.Image) -> None:
    module = seeded(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 46 * 46, 3)))
    network = network_of(module, side=TORCH_PIXELS)
    step = last(network, image, "2", octaves=4)
    assert (step.octaves, step.smallest_side) == (1, TORCH_PIXELS)
    assert step.score > step.start


def test_a_network_for_grey_images_gets_grey_images(image: Image.Image) -> None:
    module = seeded(nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU()))
    network = network_of(module, side=TORCH_PIXELS)
    network = replace(network, spec=replace(network.spec, mean=(0.0,), std=(1.0,)))
    colourful = Image.merge("RGB", (image.getchannel(0), *Image.new("RGB", image.size).split()[:2]))
    step = last(network, colourful, "1")
    red, green, blue = step.picture.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()
    assert step.score > step.start


def test_it_ends_when_it_is_asked_to(network: Network, image: Image.Image) -> None:
    config = AmplifyConfig(steps=500)
    (step,) = amplify(network, image, "2", config, stop=lambda: True)
    assert step.ended
    assert step.step == 1
    assert step.picture.size == image.size


def test_a_short_time_still_takes_three_steps_in_each_octave(
    network: Network, image: Image.Image
) -> None:
    step = last(network, image, "2", steps=None, seconds=1e-6)
    assert step.step == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"octaves": 0},
        {"octaves": 9},
        {"strength": 0.0},
        {"strength": float("nan")},
        {"strength": 3.0},
        {"steps": 0},
        {"seconds": 0.0},
        {"seed": -1},
        {"channel": 4},
        {"channel": -1},
    ],
)
def test_settings_out_of_range_are_refused_at_the_call(
    network: Network, image: Image.Image, wrong: dict[str, Any]
) -> None:
    with pytest.raises(SettingError):
        amplify(network, image, "2", AmplifyConfig(**wrong))
    with pytest.raises(NetworkError):
        amplify(network, image, "nowhere")


def test_numbers_that_are_not_finite_end_it_with_a_sentence(image: Image.Image) -> None:
    module = small()
    module[0].bias.data[0] = float("nan")
    with pytest.raises(ReconstructionError, match="not finite"):
        last(network_of(module, side=TORCH_PIXELS), image, "2")


def run(network: Network, image: Image.Image, name: str, **settings: Any) -> AmplifyProgress:
    config = AmplifyConfig(**{"steps": 3, "octaves": 2, **settings})
    plan = amplify_plan(network, layer(network, name), image, "Ramp", config)
    *_, done = amplify_one(stop=lambda: False, plan=plan)
    return done


def test_a_run_for_a_page_has_frames_and_ends_with_a_png(
    network: Network, image: Image.Image
) -> None:
    done = run(network, image, "2")
    assert Image.open(io.BytesIO(done.image)).format == "PNG"
    assert [Image.open(io.BytesIO(frame.jpeg)).size for frame in done.frames]
    assert done.frames[-1].score == done.score
    assert done.frames[-1].step == done.step == 6
    assert done.ended
    assert done.nbytes > len(done.image)


@pytest.mark.claims(
    "convviz.reconstruction.findings.amplified", "convviz.reconstruction.findings._answer"
)
def test_the_sentence_says_by_how_much_the_answer_rose(
    network: Network, image: Image.Image
) -> None:
    done = run(network, image, "1")
    assert done.start is not None
    assert done.score is not None
    said = findings.amplified(done)
    assert f"{done.start:.3g} before, {done.score:.3g} after" in said
    known = replace(done, start=2.0, points=(replace(done.points[-1], score=5.0),))
    little = replace(known, points=(replace(done.points[-1], score=2.5),))
    assert "rose by 25 %: 2 before, 2.5 after" in findings.amplified(little)
    title = done.subject.layer_title
    assert f"of {title} is 2.5 times as large: 2 before, 5 after" in findings.amplified(known)
    follows = replace(known, rectified=True)
    assert f"of {title}, after its ReLU, is 2.5 times as" in findings.amplified(follows)
    one = run(network, image, "1", channel=0)
    assert "mean of channel 0" in findings.amplified(one)
    assert "before its ReLU" in findings.amplified(one)
    point = replace(done.points[-1], score=3.0)
    below = replace(done, start=-1.5, points=(point,))
    assert "rose by 4.5: -1.5 before, 3 after" in findings.amplified(below)
    fallen = replace(done, start=4.0, points=(point,))
    assert "did not rise: 4 before, 3 after" in findings.amplified(fallen)
    same = replace(done, start=3.0, points=(point,))
    assert "did not rise" in findings.amplified(same)
    unmoved = replace(done, changed=False, start=3.0)
    assert "stayed at 3: no pixel" in findings.amplified(unmoved)
    assert findings.amplified(replace(done, start=None, points=())) == ""


@pytest.mark.claims("convviz.reconstruction.findings.amplified_how")
def test_the_sentence_says_in_how_many_octaves(network: Network, image: Image.Image) -> None:
    said = findings.amplified_how(run(network, image, "1"))
    assert said.startswith("6 steps in 2 octaves, 34 to 48 pixels a side; strength 0.1.")
    assert "48 × 48 pixels, as saved." in said
    assert "would need" not in said
    missing = findings.amplified_how(run(network, image, "1", octaves=6, steps=1))
    assert missing.startswith("4 steps in 4 octaves, 17 to 48 pixels")
    assert "2 of the 6 octaves would need a smaller image than Tiny can take" in missing
    single = findings.amplified_how(run(network, image, "1", octaves=1, steps=1))
    assert single.startswith("1 step in one octave, 48 pixels a side")
    assert findings.amplified_how(replace(run(network, image, "1"), octaves=0)) == ""


def test_a_silent_layer_leaves_the_image_as_it_is(image: Image.Image) -> None:
    module = small()
    module[0].weight.data.zero_()
    module[0].bias.data.fill_(-1.0)
    done = run(network_of(module, side=TORCH_PIXELS), image, "1")
    assert not done.changed
    assert (done.start, done.score) == (0, 0)
    final = Image.open(io.BytesIO(done.image))
    assert final.tobytes() == Image.open(io.BytesIO(done.original)).tobytes()
    assert "no pixel has an influence" in findings.amplified(done)
