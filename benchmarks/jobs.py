"""What it costs a reconstruction that visitors watch it: the real app, runs side by side.

Starts the app, then does the same run again and again, in turns with nobody watching and with
visitors whose pages ask once a second, as browsers do. Each visitor is a connection that
sends what a browser sends and fetches the images that the page names; drawing them is left out,
because a visitor's browser usually runs on another machine. Prints the steps per second of each run
and what watching costs.

    python -m benchmarks.jobs --network googlenet --layer inception4a --visitors 3
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

ROOT = Path(__file__).parent.parent
RESULT = re.compile(r"after ([\d,]+) steps in ([\d.]+) seconds")


class Visitor:
    """One connection to the app, with the cookie of a browser."""

    def __init__(self, address: str, secret: str, query: str) -> None:
        self._address = address
        self._query = query
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://{address}/_stcore/stream",
                subprotocols=["streamlit"],  # type: ignore[list-item]
                additional_headers={"Cookie": f"convviz_visitor={secret}"},
                max_size=None,
                proxy=None,
            )
        )
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.texts: list[str] = []
        self.buttons: dict[str, str] = {}
        self.polled: dict[str, float] = {}
        self.polls = 0

    def run(self, *, press: str = "", fragment: str = "") -> None:
        """Let the page run, as after a click or a poll, and take in what it sends."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_name = "Reconstruction"
        state.fragment_id = fragment
        state.is_auto_rerun = bool(fragment)
        if press:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = self.buttons[press], True
        if not fragment:
            self._forget()
        self._socket.send(message.SerializeToString())
        self._receive()

    def watch(self, stop: threading.Event) -> None:
        """Ask again and again for as long as the page says, as a browser does."""
        while not stop.is_set():
            fragment, seconds = next(iter(self.polled.items()), ("", 1.0))
            if stop.wait(seconds):
                return
            self.run(fragment=fragment)
            self.polls += 1

    def close(self) -> None:
        """End the connection."""
        self._open.close()

    def _forget(self) -> None:
        self.texts, self.buttons, self.polled = [], {}, {}

    def _receive(self) -> None:
        """Take in messages until the script has run; a script may ask to be run anew."""
        while True:
            raw = self._socket.recv(timeout=120)
            message = ForwardMsg.FromString(raw if isinstance(raw, bytes) else raw.encode())
            kind = message.WhichOneof("type")
            if kind == "delta":
                self._take(message.delta.new_element)
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.polled[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                self.polled.pop(message.stop_auto_rerun.fragment_id, None)
            elif kind == "script_finished":
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return
                self._forget()  # the page runs anew

    def _take(self, element: Element) -> None:
        kind = element.WhichOneof("type")
        if kind == "markdown":
            self.texts.append(element.markdown.body)
        elif kind == "button":
            self.buttons[element.button.label] = element.button.id
        elif kind == "imgs":
            for image in element.imgs.imgs:
                if image.url.startswith("/media/"):
                    self._direct.open(f"http://{self._address}{image.url}", timeout=30).read()


def measure(address: str, query: str, visitors: int, seconds: int) -> tuple[float, int]:
    """Do one run and return its steps per second, and how often it was asked for."""
    secret = secrets.token_urlsafe(32)
    starter = Visitor(address, secret, query)
    starter.run()
    starter.run(press="Start")
    watchers = [Visitor(address, secret, query) for _ in range(visitors)]
    stop = threading.Event()
    threads = [threading.Thread(target=visitor.watch, args=(stop,)) for visitor in watchers]
    for visitor in watchers:
        visitor.run()
    for thread in threads:
        thread.start()
    time.sleep(seconds + 1)
    stop.set()
    for thread in threads:
        thread.join()
    for _ in range(60):
        starter.run()
        match = RESULT.search("\n".join(starter.texts))
        if match:
            break
        time.sleep(1)
    else:
        raise SystemExit("the run did not end:\n" + "\n".join(starter.texts))
    for visitor in (starter, *watchers):
        visitor.close()
    polls = sum(visitor.polls for visitor in watchers)
    return int(match[1].replace(",", "")) / float(match[2]), polls


def main() -> None:
    """Start the app, do the runs in turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="googlenet")
    parser.add_argument("--layer", default="inception4a")
    parser.add_argument("--weights", default="")
    parser.add_argument("--visitors", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, choices=(4, 8, 12, 20, 30, 60))
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    query = f"network={options.network}&layer={options.layer}&seconds={options.seconds}"
    if options.weights:
        query += f"&weights={options.weights}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    server = subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    address = f"127.0.0.1:{port}"
    try:
        _wait(port)
        measure(address, query, 0, 4)  # loads the network and warms everything up
        rates_alone: list[float] = []
        rates_watched: list[float] = []
        print(f"{options.network} {options.layer}, {options.seconds} s, steps per second")
        for turn in range(options.turns):
            for visitors in (0, options.visitors) if turn % 2 == 0 else (options.visitors, 0):
                rate, polls = measure(address, query, visitors, options.seconds)
                (rates_watched if visitors else rates_alone).append(rate)
                print(f"  {visitors} visitors  {rate:7.2f}  ({polls} polls)", flush=True)
        ratio = statistics.median(rates_watched) / statistics.median(rates_alone)
        print(f"median alone {statistics.median(rates_alone):.2f}, ", end="")
        print(f"watched {statistics.median(rates_watched):.2f}: watching costs {1 - ratio:.1%}")
    finally:
        server.terminate()
        server.wait(20)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the app did not start")


if __name__ == "__main__":
    main()
