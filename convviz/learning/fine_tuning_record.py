"""Recorded figures of what fine-tuning adds, over several seeds.

`scripts/record_fine_tuning.py` makes the file, on the generated stripes in six directions. For each
seed the last layer is trained on the frozen encoder, and then the end of the encoder with it; the
seed draws the new weights, the order of the images, and which of them are tested. Both networks of
a seed are tested with the same images.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from convviz.errors import RecordingError
from convviz.language import tr

FILE = Path(__file__).with_name("data") / "fine_tuning.json"


@dataclass(frozen=True)
class SeedFigures:
    """Result of one seed.

    Attributes:
        seed: The seed.
        images: How many images were tested.
        before: How many of them were classified correctly with the encoder frozen.
        after: How many after fine-tuning.
    """

    seed: int
    images: int
    before: int
    after: int

    @property
    def gain(self) -> float:
        """By how much the share of correct answers rose, -1…1."""
        return (self.after - self.before) / self.images


@dataclass(frozen=True)
class FineTuningRecord:
    """What fine-tuning added to one network.

    Attributes:
        network: Name of the network.
        weights: Source of the weights that it began with, a name in `weights.load.SOURCES`.
        dataset: Name of the images.
        epochs_before: Passes over the training images with the encoder frozen.
        epochs: Passes with its end thawed.
        rate: Largest learning rate of the thawed part.
        seeds: The results.
        version: Of convviz that computed them.
    """

    network: str
    weights: str
    dataset: str
    epochs_before: int
    epochs: int
    rate: float
    seeds: tuple[SeedFigures, ...]
    version: str


def write(records: Mapping[str, FineTuningRecord], file: Path = FILE) -> None:
    """Write the figures of several networks, by name."""
    contents = {name: asdict(records[name]) for name in sorted(records)}
    file.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


def read(file: Path = FILE) -> dict[str, FineTuningRecord]:
    """Read the figures, by name of the network; none where nothing was recorded.

    Raises:
        RecordingError: The file is damaged.
    """
    try:
        contents = json.loads(file.read_text(encoding="utf-8"))
        return {
            name: FineTuningRecord(
                **{**fields, "seeds": tuple(SeedFigures(**seed) for seed in fields["seeds"])}
            )
            for name, fields in contents.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordingError(
            tr("The recorded figures of fine-tuning are damaged; install convviz again.")
        ) from error
