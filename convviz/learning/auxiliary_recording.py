"""Recorded comparisons with and without auxiliary losses: the same settings from several seeds.

`scripts/record_auxiliary.py` makes the file with `auxiliary.compare_auxiliary`, on the generated
shapes. All runs have the same settings but for the seed, which draws the first weights and the
order of the images; the images and their split are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from convviz.errors import RecordingError
from convviz.language import tr
from convviz.learning.auxiliary import Comparison, Moment, Settings, Standing
from convviz.learning.config import Validation
from convviz.learning.gradients import LayerGradient
from convviz.learning.guessing import Guessing
from convviz.learning.significance import PairedComparison

FILE = Path(__file__).with_name("data") / "auxiliary_recording.json"

_FORMAT = 1


@dataclass(frozen=True)
class RecordedComparisons:
    """Comparisons that were made before.

    Attributes:
        comparisons: One for each seed, all run to their end.
        dataset: Name of the images.
        threads: How many threads the measurements ran with.
        version: Of convviz that computed them.
    """

    comparisons: tuple[Comparison, ...]
    dataset: str
    threads: int
    version: str

    @property
    def settings(self) -> Settings:
        """Those of all runs, with the first one's seed."""
        return self.comparisons[0].settings


def write(recorded: RecordedComparisons, file: Path = FILE) -> None:
    """Write the comparisons; the same ones make the same bytes."""
    contents = {
        "version": recorded.version,
        "dataset": recorded.dataset,
        "threads": recorded.threads,
        "comparisons": [asdict(comparison) for comparison in recorded.comparisons],
    }
    text = json.dumps({"format": _FORMAT, "sha256": _sha256(contents), "contents": contents})
    file.write_text(text + "\n", encoding="utf-8")


def read(file: Path = FILE) -> RecordedComparisons:
    """Read the comparisons.

    Raises:
        RecordingError: The file is missing or damaged.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        contents = data["contents"]
        if data["format"] != _FORMAT or data["sha256"] != _sha256(contents):
            raise ValueError("another format, or not what was written")
        comparisons = tuple(_comparison(fields) for fields in contents["comparisons"])
        recorded = RecordedComparisons(
            comparisons, contents["dataset"], contents["threads"], contents["version"]
        )
        _check(comparisons)
    except FileNotFoundError as error:
        raise RecordingError(
            tr("No recorded run comes with this installation; press Start to make one.")
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(
            tr("The recorded run is damaged; install convviz again, or press Start to make one.")
        ) from error
    return recorded


def _check(comparisons: Sequence[Comparison]) -> None:
    """Check that the runs differ in their seeds alone.

    Raises:
        ValueError: They do not, or there is none.
    """
    settings = {replace(comparison.settings, seed=0) for comparison in comparisons}
    seeds = {comparison.settings.seed for comparison in comparisons}
    if len(settings) != 1 or len(seeds) != len(comparisons):
        raise ValueError("the runs are not one setting's")


def _sha256(contents: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def _comparison(fields: dict[str, Any]) -> Comparison:
    return Comparison(
        **fields
        | {
            "settings": Settings(**fields["settings"]),
            "classes": tuple(fields["classes"]),
            "guessing": Guessing(**fields["guessing"]),
            "moments": tuple(_moment(moment) for moment in fields["moments"]),
        }
    )


def _moment(fields: dict[str, Any]) -> Moment:
    return Moment(
        fields["step"],
        tuple(LayerGradient(**stage) for stage in fields["stages"]),
        _standing(fields["with_heads"]),
        _standing(fields["without"]),
        PairedComparison(**fields["paired"]),
    )


def _standing(fields: dict[str, Any]) -> Standing:
    return Standing(fields["loss"], Validation(**fields["validation"]), fields["seconds"])
