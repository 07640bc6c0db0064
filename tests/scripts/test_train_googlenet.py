"""The recipe of the bundled GoogLeNet: first weights, schedule and augmentation."""

from typing import Any

import pytest
import torch

from convviz.learning import recording
from tests import project_scripts


@pytest.fixture(scope="module")
def script() -> Any:
    return project_scripts.script("train_googlenet")


def test_it_begins_with_the_recorded_weights(script: Any) -> None:
    result = script.first_layers(script.build())
    recorded = recording.state_at(0)
    compared = [name for name in result if not name.endswith("num_batches_tracked")]
    assert len(compared) > 40
    assert all(result[name].float().equal(recorded[name].float()) for name in compared)


def test_the_schedule_is_that_of_the_log(script: Any) -> None:
    points = recording.log().points
    for point in (points[0], points[9], points[40], points[-1]):
        share = script.share_at(point.step - 1)
        assert script.size_at(share) == point.size
        assert script.rate_at(share) == pytest.approx(point.learning_rate, rel=0.05, abs=1e-4)
    assert script.share_at(50, budget=100) == script.share_at(4151)


def test_the_recording_states_the_settings_of_the_recipe(script: Any) -> None:
    log = recording.log()
    assert log.smoothing == script.SMOOTHING == 0.1
    assert log.validation_images == script.CHECKED == 2000
    assert log.images == log.steps * script.BATCH


def test_augmented_pictures_are_parts_of_their_own(script: Any) -> None:
    plain = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 3, 64, 64) * 60
    generator = torch.Generator().manual_seed(1)
    result = script.augment(plain, 96, generator)
    assert result.shape == (4, 3, 96, 96)
    # A picture of one colour stays one, whatever part of it is taken.
    assert torch.allclose(result, script.prepare(plain)[:, :, :1, :1].expand_as(result), atol=1e-5)
    repeated = script.augment(plain, 96, torch.Generator().manual_seed(1))
    assert result.equal(repeated)


def test_a_line_of_the_log_reads_as_the_recorded_ones_do(script: Any) -> None:
    point = recording.log().points[4]
    line = script.as_logged(point)
    assert set(line) == {"step", "seconds", "size", "lr", "loss", "aux1", "aux2", "val_top1"}
    assert line["loss"] == point.loss
    assert "loss 4.8227 − 4.8227 = +0.0000" in script.compared(line, line)


def test_two_steps_change_the_weights_and_keep_the_first(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "BATCH", 4)
    pixels = torch.randint(0, 255, (8, 3, 64, 64), dtype=torch.uint8)
    part = (pixels, torch.arange(8))
    module, kept = script.build(), {}
    (point,) = script.train(
        module, script.Pictures(part, part), steps=2, budget=script.STEPS, kept=kept
    )
    assert (point.step, point.size, point.accuracy) == (2, 64, None)
    assert 4 < point.loss < 8  # guessing among 200 classes: 5.3
    assert list(kept) == [0, 2]
    name = "conv1.conv.weight"
    assert not kept[0][name].equal(kept[2][name])
    one, five = script.accuracy(module, *part, 96)
    assert 0 <= one <= five <= 1
