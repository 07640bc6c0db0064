"""A recorded comparison of two designs: a small and a large receptive field on distant marks.

`scripts/record_receptive_field.py` makes the file with `design_comparison.compare_designs`. What is
read is a `DesignComparison` as any other, without curves, gradients and networks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from convviz.errors import DesignError, RecordingError
from convviz.language import later, tr
from convviz.learning.design_results import (
    DesignComparison,
    DesignResult,
    DesignRun,
    DesignSettings,
)
from convviz.networks.design import Design

# What the two designs are called, as scripts/record_receptive_field.py writes it.
_NAMES = (later("sees 8 pixels"), later("sees 44 pixels"))

FILE = Path(__file__).with_name("data") / "receptive_field.json"


def write(comparison: DesignComparison, file: Path = FILE) -> None:
    """Write a comparison that has come to its end."""
    contents = {
        "settings": asdict(comparison.settings),
        "dataset": comparison.dataset,
        "classes": comparison.classes,
        "train_images": comparison.train_images,
        "validation_images": comparison.validation_images,
        "test_images": comparison.test_images,
        "guessing": comparison.guessing,
        "linear": comparison.linear,
        "results": [
            {
                "design": result.design.text,
                "parameters": result.parameters,
                "auxiliary_parameters": result.auxiliary_parameters,
                "macs": result.macs,
                "epoch_steps": result.epoch_steps,
                "runs": [_run_fields(run) for run in result.runs],
            }
            for result in comparison.results
        ],
    }
    file.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


def _run_fields(run: DesignRun) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "steps": run.steps,
        "seconds": round(run.seconds, 3),
        "correct": "".join("1" if each else "0" for each in run.correct),
        "ending": run.ending,
    }


def read(file: Path = FILE) -> DesignComparison:
    """Read the comparison.

    Raises:
        RecordingError: The file is missing or damaged.
    """
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        results = tuple(
            DesignResult(
                **result
                | {
                    "design": _told(Design.parse(result["design"])),
                    "runs": tuple(_run(run) for run in result["runs"]),
                }
            )
            for result in fields["results"]
        )
        return DesignComparison(
            **fields
            | {
                "settings": DesignSettings(**fields["settings"]),
                "classes": tuple(fields["classes"]),
                "results": results,
                "stage": "done",
                "fraction": 1.0,
            }
        )
    except FileNotFoundError as error:
        raise RecordingError(
            tr("No recorded comparison comes with this installation; press Start to make one.")
        ) from error
    except (OSError, ValueError, KeyError, TypeError, DesignError) as error:
        raise RecordingError(
            tr(
                "The recorded comparison is damaged; install convviz again, or press Start "
                "to make one."
            )
        ) from error


def _told(design: Design) -> Design:
    """Name a recorded design in the reader's language."""
    return replace(design, name=tr(design.name)) if design.name in _NAMES else design


def _run(fields: dict[str, Any]) -> DesignRun:
    correct = tuple(each == "1" for each in fields["correct"])
    return DesignRun(**fields | {"correct": correct})
