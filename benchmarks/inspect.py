"""How long it takes to open one channel: every part of the view “One channel”, and the page itself.

The layer's maps are there already, as they are once its grid has been drawn. Then, for channel
after channel, everything is computed that the view's questions show, and each part is timed; the
row "all of it" is their sum, more than a visitor ever waits for, because a page computes only the
question that is open. The second table times the page: from a click on "Next channel" until its
script has run (the browser's drawing is left out).

    python -m benchmarks.inspect
    python -m benchmarks.inspect --cases googlenet:inception4e --channels 10 --no-page
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import torch
from streamlit.testing.v1 import AppTest

from convviz.features.ablation import ablate, deeper_layers
from convviz.features.activations import Activations, activations
from convviz.features.arithmetic import arithmetic
from convviz.features.effective_field import effective_field
from convviz.figures import activations as figures
from convviz.images.decode import decode
from convviz.images.preprocess import crop
from convviz.images.samples import sample
from convviz.networks.network import Network
from convviz.sprites.overlay import heatmap, overlay
from convviz.structure.costs import receptive_field
from convviz.ui import exports
from convviz.weights.load import load

ROOT = Path(__file__).parent.parent
CASES = ("vgg16:features.28", "googlenet:inception4e")
QUESTIONS = ("Map and field", "Arithmetic", "Switch it off")
_PIXELS = 448
_WAIT_SECONDS = 120


def parts(
    network: Network,
    layer: str,
    first_activations: Activations,
    second_activations: Activations,
    channel: int,
) -> Iterator[tuple[str, Callable[[], object]]]:
    """List what opening a channel computes, with its name."""
    image = decode(sample("coffee").read())
    weights = network.weights
    width = first_activations.maps.shape[2]
    row, column = divmod(int(first_activations.maps[channel].argmax()), width)
    unit = (channel, row, column)
    deeper = deeper_layers(network, layer)[0].name

    def pictures() -> None:
        enlarged = crop(image, size=weights.input_size, resize=weights.resize)
        enlarged = enlarged.resize((_PIXELS, _PIXELS))
        height, width = first_activations.maps.shape[1:]
        exports.png(heatmap(first_activations.maps[channel], (width, height)))
        overlay(enlarged, second_activations.maps[channel]).save(BytesIO(), "JPEG")

    yield "receptive field", lambda: receptive_field(network, layer, channel)
    yield "effective field", lambda: effective_field(network, image, layer, *unit)
    yield "pictures", pictures
    yield "histogram", lambda: figures.histogram(first_activations.maps[channel])
    yield "arithmetic", lambda: arithmetic(network, image, layer, *unit)
    yield "switched off", lambda: ablate(network, image, layer, [channel], deeper)


def measure(case: str, channels: int) -> None:
    """Open some channels of a layer and print how long each part takes."""
    name, layer = case.split(":")
    network = load(name, "auto", fetch=False)
    first, second = (decode(sample(name).read()) for name in ("coffee", "cat"))
    first_activations = activations(network, first, layer)
    second_activations = activations(network, second, layer)
    channels_by_strength = first_activations.order("strength").tolist()[: channels + 1]
    seconds_of: dict[str, list[float]] = {}
    for turn, channel in enumerate(channels_by_strength):
        for part, compute in parts(network, layer, first_activations, second_activations, channel):
            start = time.perf_counter()
            compute()
            if turn:  # the first one warms everything up
                seconds_of.setdefault(part, []).append(time.perf_counter() - start)
    seconds_of["all of it"] = [sum(times) for times in zip(*seconds_of.values(), strict=True)]
    for part, seconds in seconds_of.items():
        row(case, part, seconds)


def row(case: str, part: str, seconds: list[float]) -> None:
    """Print one row of a table."""
    middle, most = 1000 * statistics.median(seconds), 1000 * max(seconds)
    print(f"| {case} | {part} | {middle:.0f} | {most:.0f} |", flush=True)


def measure_page(case: str, channels: int) -> None:
    """Step through some channels on the page, for every question, and print how long that takes."""
    name, layer = case.split(":")
    for question in QUESTIONS:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=_WAIT_SECONDS)
        app.switch_page("pages/1_Activations.py")
        choices = {"network": name, "layer": layer, "view": "One channel", "question": question}
        for key, value in {**choices, "channel": "100"}.items():
            app.query_params[key] = value
        app.run()
        seconds = []
        for turn in range(channels + 1):
            button = app.button(key="activations_inspected_next")
            start = time.perf_counter()
            button.click().run()
            if turn:
                seconds.append(time.perf_counter() - start)
            if app.exception or app.error:
                raise SystemExit(f"the page failed: {app.exception or app.error}")
        row(case, question, seconds)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    parser.add_argument("--channels", type=int, default=5)
    parser.add_argument("--no-page", action="store_true", help="only the core, not the page")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| layer | part | median ms | most ms |\n| --- | --- | ---: | ---: |")
    for case in options.cases:
        measure(case, options.channels)
    if not options.no_page:
        print("\n| layer | page | median ms | most ms |\n| --- | --- | ---: | ---: |")
        for case in options.cases:
            measure_page(case, options.channels)


if __name__ == "__main__":
    main()
