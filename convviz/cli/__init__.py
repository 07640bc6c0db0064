"""The command line: ``python -m convviz COMMAND …``.

Every command is a module with ``add``, which describes it to argparse, and ``run``, which returns
the exit status. They import torch only inside ``run``, so that ``--help`` is quick.

Exit status: 0 if all went well, 2 with one sentence on stderr if the user can do something about
it, 130 after Ctrl-C. Results go to stdout, progress to stderr and only if that is a terminal.
"""

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import NoReturn, TextIO

from convviz import __version__, limits
from convviz.downloads import cache
from convviz.errors import MEMORY_SHORT, ConvvizError, is_about_memory

__all__ = ["main"]

_ENDED_BY_NETWORK = (
    "the network's own code ends the program (sys.exit or exit): take that out of its forward()."
)
_FROM_SHAPES = ("layers", "costs")
_COMMANDS = (
    "app",
    "activations",
    "evidence",
    "batch",
    "layers",
    "overview",
    "filters",
    "weights",
    "reconstruct",
    "amplify",
    "costs",
    "design",
    "train",
    "separation",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments; None for those the program was started with.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal knows a ×
    parser = _Parser(prog="convviz", description="Look inside AlexNet, VGG and GoogLeNet.")
    parser.add_argument("--version", action="version", version=f"convviz {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    try:
        limits.check()
        cache.check_user_folder()
    except ConvvizError as error:
        print(f"convviz: {error}", file=sys.stderr)
        return 2
    commands = {name: importlib.import_module(f"convviz.cli.{name}") for name in _COMMANDS}
    for command in commands.values():
        command.add(subparsers)
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:  # argparse ends so, after --help too
        return stop.code if isinstance(stop.code, int) else 2
    try:
        with redirect_stdout(_Results(sys.stdout)), _collector_off(args.command in _FROM_SHAPES):
            status: int = commands[args.command].run(args)
        sys.stdout.flush()
    except SystemExit:  # no command does so: it is the code of a user's network
        print(f"convviz: {_ENDED_BY_NETWORK}", file=sys.stderr)
        return 2
    except ConvvizError as error:
        print(f"convviz: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not is_about_memory(error):
            raise
        print(f"convviz: {MEMORY_SHORT}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("convviz: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output (`| head`) has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


@contextmanager
def _collector_off(off: bool) -> Iterator[None]:
    """Do without the garbage collector, which goes over all of PyTorch's objects again and again.

    For commands that only read shapes, which takes little memory; it is a third of their time.

    Args:
        off: Whether to.
    """
    if not (off and gc.isenabled()):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Results(io.TextIOBase):
    """Takes what convviz writes to stdout; what a user's network file prints goes to stderr.

    Args:
        stdout: Where results go.
    """

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def write(self, text: str) -> int:
        """Write a text, to where it belongs by the module that writes it."""
        writer = str(sys._getframe(1).f_globals.get("__name__", ""))
        ours = writer.partition(".")[0] == "convviz"
        return (self._stdout if ours else sys.stderr).write(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._stdout.flush()

    def fileno(self) -> int:
        """Return the number of the file that results go to."""
        return self._stdout.fileno()


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")
