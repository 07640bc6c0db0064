"""How many frames a second does the live camera answer, for one visitor and for five?

Beside the rates stands what a frame costs the server in time of the processor, which depends less
on what else the machine does. The server's own route runs in this process, on as many cores as
PyTorch may use; each visitor is a process of its own that sends a frame as a JPEG, waits for the
answer and sends the next one, as a browser does. What the browser draws is not part of it: that is
the visitor's computer.

    python -m benchmarks.camera
    python -m benchmarks.camera --network alexnet --layers features.0 features.10 --visitors 1 5
"""

from __future__ import annotations

import argparse
import http.client
import io
import multiprocessing
import os
import socket
import threading
import time
from multiprocessing.queues import Queue

import uvicorn
from starlette.applications import Starlette

from convviz.images.decode import decode
from convviz.images.samples import sample, samples
from convviz.structure.layers import layer as find_layer
from convviz.ui import camera
from convviz.ui.camera import Through
from convviz.weights.load import load

_ALEXNET = ("features.0", "features.3", "features.6", "features.8", "features.10")


def frames(side: int) -> list[bytes]:
    """Encode the sample photographs as a camera's frames."""
    encoded = []
    for each in samples():
        file = io.BytesIO()
        image = decode(sample(each.name).read()).convert("RGB").resize((side, side))
        image.save(file, "JPEG", quality=85)
        encoded.append(file.getvalue())
    return encoded


def visit(port: int, secret: str, images: list[bytes], seconds: float, told: Queue[int]) -> None:
    """Send frames for a while; tell how many were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    host = f"127.0.0.1:{port}"
    headers = {"Host": host, "Origin": f"http://{host}", "X-Convviz-Camera": secret}
    answered, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        image = images[answered % len(images)]
        connection.request("POST", camera.path(), image, headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(body.decode())
        answered += 1
    told.put(answered)


def measure(port: int, through: Through, images: list[bytes], visitors: int, seconds: float) -> str:
    """Let some visitors send frames at once; return each one's rate, and the processor's time."""
    told: Queue[int] = multiprocessing.Queue()
    processes = []
    for number in range(visitors):
        secret = camera.live("", f"{number}", through)
        arguments = (port, secret, images, seconds, told)
        processes.append(multiprocessing.Process(target=visit, args=arguments))
    before = time.process_time()
    for process in processes:
        process.start()
    answered = sorted(told.get() for _ in processes)
    each = 1000 * (time.process_time() - before) / max(1, sum(answered))
    for process in processes:
        process.join()
    rates = " to ".join(f"{count / seconds:.1f}" for count in sorted({answered[0], answered[-1]}))
    return f"{rates} | {each:.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="alexnet")
    parser.add_argument("--layers", nargs="+", default=list(_ALEXNET))
    parser.add_argument("--visitors", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    network = load(args.network)
    images = frames(network.weights.resize)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    app = Starlette(routes=[*camera.routes()])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    load_before = os.getloadavg()[0]
    print(
        f"{network.title}, {network.weights.title}; load of the machine before: {load_before:.1f}"
    )
    print(
        "| layer | "
        + " | ".join(f"{n} at once, frames a second each | CPU ms a frame" for n in args.visitors)
        + " |"
    )
    print("| --- |" + " ---: | ---: |" * len(args.visitors))
    for name in args.layers:
        layer = find_layer(network, name)
        through = Through(network, layer.name, "channel", 0.0)
        measure(port, through, images, 1, 1.0)  # the first pass traces the network
        rates = [measure(port, through, images, n, args.seconds) for n in args.visitors]
        print(f"| {layer.title} | " + " | ".join(rates) + " |", flush=True)
    server.should_exit = True


if __name__ == "__main__":
    main()
