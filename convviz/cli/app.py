"""`python -m convviz app`: the app in the browser, from a checkout or from an installed wheel."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from convviz import preflight
from convviz.errors import SettingError

PACKAGE = Path(__file__).parents[1]


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it takes."""
    parser = subparsers.add_parser(
        "app",
        help="start the app and open it in the browser",
        description="Start the app and open it in the browser. It answers to this machine alone "
        "unless --host or CONVVIZ_HOSTS says otherwise. What stands after -- goes to Streamlit as "
        "it is: -- --server.headless true",
    )
    parser.add_argument("--port", type=int, default=8501, help="where it listens (default: 8501)")
    parser.add_argument(
        "--host",
        help="the address to listen on and to answer to; 0.0.0.0 for a whole network (default: "
        "localhost, or every address if CONVVIZ_HOSTS names hosts)",
    )
    parser.add_argument("streamlit", nargs="*", metavar="-- OPTION", help="Streamlit's own options")


def run(args: argparse.Namespace) -> int:
    """Run the command until the server ends."""
    if not 1 <= args.port <= 65_535:
        raise SettingError(f"The port cannot be {args.port}: choose one from 1 to 65,535.")
    problem = preflight.problem()
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2
    environment = dict(os.environ)
    hosts = environment.get("CONVVIZ_HOSTS", "")
    address = args.host or ("0.0.0.0" if hosts else "localhost")  # noqa: S104 - was asked for
    environment["CONVVIZ_HOSTS"] = hosts or address
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(script())),
        *("--server.port", str(args.port), "--server.address", address),
        *args.streamlit,
    ]
    sys.stdout.flush()
    if os.name == "posix":  # signals reach the server itself
        os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted
    return subprocess.call(command, env=environment)  # noqa: S603 - made of checked parts


def script() -> Path:
    """Return the app's script: the wheel's, else that of the checkout around the package.

    Raises:
        SettingError: There is none.
    """
    for folder in (PACKAGE / "site", PACKAGE.parent):
        if (folder / "app.py").is_file() and (folder / "pages").is_dir():
            return folder / "app.py"
    raise SettingError(
        "This installation of convviz has no pages: install the wheel anew, or start the app from "
        "its own folder with make run."
    )
