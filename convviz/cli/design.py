"""`python -m convviz design`: what a network costs that is written one line a block."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz.cli import design_training
from convviz.cli.options import json_output
from convviz.cli.output import check_target, table, write, write_json
from convviz.errors import DesignError, SettingError
from convviz.formatting import grouped

if TYPE_CHECKING:
    from convviz.networks.design import Design
    from convviz.networks.design_module import PlacedDesign
    from convviz.structure.design_costs import BlockCost, DesignCosts

_START = "start:"
_MOST_BYTES = 200_000


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "design",
        parents=[json_output()],
        help="count a network that is written as text, one line a block, or train it",
        description="Count a network that is written one line a block, as docs/DESIGN_LANGUAGE.md "
        "says: the size, parameters, multiply–accumulates (MACs), memory and receptive field of "
        "each block. Auxiliary classifiers are counted apart. With --train it is trained, or "
        "compared with a second design.",
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a text file, or start:lenet5, start:googlenet, …; two with --train",
    )
    parser.add_argument(
        "--torch",
        metavar="FILE.py",
        help="write the network as a module in plain PyTorch; with --train the first design, as it "
        "was trained",
    )
    design_training.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convviz.networks.design_code import torch_code
    from convviz.networks.design_module import place_blocks
    from convviz.structure.design_costs import count_placed

    check_target(args.json)
    check_target(args.torch, ".py")
    check_target(args.out, ".safetensors")
    design_training.check_options(args)
    placed, *others = (_placed(name) for name in args.files)
    training = None
    if args.train is not None:
        training = design_training.train([each.design for each in (placed, *others)], args)
        # What is counted and written goes with the weights: it has an output for each class.
        placed = place_blocks(training.results[0].design)
    costs = count_placed(placed)
    if args.torch is not None:
        write(args.torch, torch_code(placed).encode())
    if args.json is not None:
        fields = as_json(costs)
        if training is not None:
            fields["training"] = design_training.as_json(training)
        write_json(args.json, fields, indent=2)
    if args.json != "-":
        print(table(list(_COLUMNS), [[c(row) for c in _COLUMNS.values()] for row in costs.blocks]))
        print()
        header = ("parameters", "with auxiliary", "MACs", "bytes kept in training")
        print(table(header, [_totals(costs)]))
        if training is not None:
            design_training.print_result(training)
    return 0


def _placed(name: str) -> PlacedDesign:
    from convviz.networks.design_module import place_blocks

    try:
        return place_blocks(read_design(name))
    except DesignError as error:
        raise SettingError(f"{name}: {error}") from error


def read_design(name: str) -> Design:
    """Read a design from a file, or one to begin with by "start:" and its name.

    Raises:
        SettingError: The file cannot be read.
        DesignError: It holds no design.
        NetworkError: There is no such design to begin with.
    """
    from convviz.networks.design import Design
    from convviz.networks.design_starts import start

    if name.startswith(_START):
        return start(name.removeprefix(_START))
    path = Path(name)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingError(
                f"{name} is larger than {_MOST_BYTES // 1000} kB, which no design is: choose a "
                "text file with one line a block."
            )
        text = path.read_bytes().decode()
    except OSError as error:
        raise SettingError(f"{name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingError(
            f"{name} is no text in UTF-8: save it as plain text, one line a block."
        ) from error
    except ValueError as error:  # a name with a null character
        raise SettingError("The file's name holds a null character.") from error
    return Design.parse(text, path.stem)


def as_json(costs: DesignCosts) -> dict[str, Any]:
    """Return a design's costs as plain numbers."""
    return {
        "name": costs.design.name,
        "input": list(costs.design.input.shape),
        "parameters": costs.parameters,
        "parameters_with_auxiliary": costs.parameters_with_auxiliary,
        "macs": costs.macs,
        "activation_bytes": costs.activation_bytes,
        "blocks": [_block_as_json(block) for block in costs.blocks],
    }


def _block_as_json(block: BlockCost) -> dict[str, Any]:
    return {
        "line": block.line,
        "text": block.text,
        "output": list(block.output),
        "formula": block.formula,
        "left_over": list(block.left_over),
        "parameters": block.parameters,
        "auxiliary": block.auxiliary,
        "macs": block.macs,
        "activation_bytes": block.activation_bytes,
        "receptive_field": block.receptive_field,
        "jump": block.jump,
    }


def _totals(costs: DesignCosts) -> list[str]:
    numbers = (
        costs.parameters,
        costs.parameters_with_auxiliary,
        costs.macs,
        costs.activation_bytes,
    )
    return list(map(grouped, numbers))


# The columns: heading and cell.
_COLUMNS: dict[str, Callable[[BlockCost], str]] = {
    "line": lambda block: str(block.line),
    "block": lambda block: block.text,
    "output": lambda block: "×".join(map(str, block.output)),
    "parameters": lambda block: grouped(block.parameters),
    "MACs": lambda block: grouped(block.macs),
    "bytes kept": lambda block: grouped(block.activation_bytes),
    "field": lambda block: str(block.receptive_field),
    "jump": lambda block: f"{block.jump:g}",
    "size": lambda block: block.formula,
}
