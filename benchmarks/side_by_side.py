"""Everything but reconstruction, measured side by side with what one would use instead.

    make bench                                          everything: an hour, a quiet machine
    python -m benchmarks.side_by_side --only cli grid   some parts
    python -m benchmarks.side_by_side --smallest        each part once, to see that it runs

Each pair is measured in the same run, in turns, so that both see the machine in the same state.
Each part runs in a process of its own: none inherits another's memory, and one that fails is a row
that says so. The table becomes the last section of benchmarks/RESULTS.md, part by part, with
machine, versions and date; with `--only` or `--smallest` it is printed and nothing is written,
unless `--out` names a file.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

    from convviz.networks.network import Network

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
HEADING = "## Everything else, side by side\n"
_FAILED = "failed"
_USABLE = "home_upload"  # stands on Home once PyTorch is loaded; looked for every half second


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        ours: The figure, with its unit.
        against: What it was measured against, with its figure.
        ratio: The figure that the goal is about; None for a curve.
        goal: The goal, to two decimals like the figure; None where there is none.
        unit: What stands behind ratio and goal: "×", "s" or nothing.
        at_least: Whether the goal is to reach at least that, rather than at most.
    """

    what: str
    ours: str
    against: str
    ratio: float | None = None
    goal: float | None = None
    unit: str = "×"
    at_least: bool = False

    def cells(self) -> str:
        """Write it as a line of Markdown."""
        # The verdict is on the figure as it stands there: 1.05 meets 1.05.
        figure = None if self.ratio is None else round(self.ratio, 2)
        ratio = "–" if figure is None else f"{figure:.2f} {self.unit}".strip()
        sign = "≥" if self.at_least else "≤"
        goal = "–" if self.goal is None else f"{sign} {self.goal:g} {self.unit}".strip()
        met = "–"
        if figure is not None and self.goal is not None:
            reached = figure >= self.goal if self.at_least else figure <= self.goal
            met = "yes" if reached else "no"
        return f"| {self.what} | {self.ours} | {self.against} | {ratio} | {goal} | {met} |"


def in_turns(
    works: Sequence[Callable[[], object]], turns: int, *, warm: bool = True
) -> list[float]:
    """Do several works in turns; return the median seconds of each."""
    seconds: list[list[float]] = [[] for _ in works]
    for turn in range(turns + warm):
        for number, work in enumerate(works):
            start = time.perf_counter()
            work()
            if turn >= warm:
                seconds[number].append(time.perf_counter() - start)
    return [median(each) for each in seconds]


def run(code: Sequence[str]) -> None:
    """Run Python in a process of its own."""
    subprocess.run([sys.executable, *code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def memory_of(code: str, field: str = "VmHWM") -> float:
    """Run a program in a process of its own; return its memory at the end, in bytes (Linux).

    What the system tells the parent of a child's peak holds the parent's own: the child reads it.

    Args:
        code: The program.
        field: "VmHWM" for the most that it had, "VmRSS" for what it has at its end.
    """
    tell = (
        "\nimport pathlib"
        "\nlines = pathlib.Path('/proc/self/status').read_text().splitlines()"
        f"\nprint('@', *(line.split()[1] for line in lines if line.startswith('{field}:')))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code + tell], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return 1024 * float(printed.rpartition("@")[2])


# ---- the parts -----------------------------------------------------------------------------------


def activations(smallest: bool) -> Iterator[Row]:
    """Time from an image to the PNG of a layer's maps, against the bare truncated pass."""
    import torch
    from PIL import Image

    from convviz.features.activations import activations as compute
    from convviz.features.capture import truncated
    from convviz.images.decode import decode
    from convviz.images.encode import png
    from convviz.images.samples import samples
    from convviz.sprites import grid
    from convviz.weights.load import load

    image = decode(samples()[0].read())
    for name, layer in (("alexnet", "features.8"), ("vgg16", "features.28"))[: 1 + (not smallest)]:
        network = load(name, fetch=False)
        cut = truncated(network.module, layer)
        size = network.input_size

        def ours(network: Network = network, layer: str = layer) -> int:
            maps = compute(network, image, layer)
            tile = grid.own_size(*maps.maps.shape)
            return len(grid.atlas(maps, tile=tile, marks=False).png)

        palette = Image.open(io.BytesIO(_atlas_png(network, image, layer)))
        palette.load()

        def bare(cut: nn.Module = cut, size: int = size, picture: Image.Image = palette) -> int:
            with torch.no_grad():
                cut(torch.zeros(1, 3, size, size))
            return len(png(picture, quick=True))

        first, second = in_turns([ours, bare], 1 if smallest else 15)
        yield Row(
            f"activations, image to PNG, {name} {layer}",
            f"{first * 1000:.0f} ms",
            f"bare truncated pass and the same PNG encoded: {second * 1000:.0f} ms",
            first / second,
            1.5,
        )


def _atlas_png(network: Network, image: Image.Image, layer: str) -> bytes:
    from convviz.features.activations import activations as compute
    from convviz.sprites import grid

    maps = compute(network, image, layer)
    return grid.atlas(maps, tile=grid.own_size(*maps.maps.shape), marks=False).png


def channels(smallest: bool) -> Iterator[Row]:
    """Time the grid of 512 channels, against every channel saved by matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    import torch
    from matplotlib import pyplot

    from convviz.features.activations import Activations, measure
    from convviz.sprites import grid
    from convviz.structure.layers import layer
    from convviz.weights.load import load

    network: Network = load("vgg16", "random")
    target = layer(network, "features.28")
    maps: Activations = measure(target, torch.randn(512, 14, 14))
    tile = grid.own_size(512, 14, 14)
    few = 8 if smallest else 64

    def every_channel() -> None:
        """As tutorials do: a figure for each channel. A part of them; the rest takes as long."""
        with tempfile.TemporaryDirectory() as folder:
            for number in range(few):
                figure = pyplot.figure()
                pyplot.imshow(maps.maps[number], cmap="viridis")
                pyplot.axis("off")
                pyplot.savefig(Path(folder) / f"{number}.png")
                pyplot.close(figure)

    draw = [lambda: grid.atlas(maps, tile=tile, marks=False), every_channel]
    first, second = in_turns(draw, 1 if smallest else 5)
    second *= 512 / few
    yield Row(
        "grid of 512 channels",
        f"{first * 1000:.0f} ms",
        f"each of 512 channels saved by matplotlib ({few} measured): {second:.1f} s",
        second / first,
        50,
        "× faster",
        at_least=True,
    )


def cli(smallest: bool) -> Iterator[Row]:
    """Time commands in processes of their own, against the imports."""
    imports = ["-c", "import torch, torchvision"]
    command = ["-m", "convviz", "layers", "alexnet"]
    turns = 1 if smallest else 9
    first, second = in_turns([lambda: run(command), lambda: run(imports)], turns, warm=not smallest)
    yield Row(
        "`python -m convviz layers alexnet`",
        f"{first:.2f} s",
        f"`import torch, torchvision`: {second:.2f} s",
        first / second,
        1.05,
    )
    sample = ROOT / "convviz/images/samples"
    image = str(next(iter(sorted(sample.glob("*.jpg")))))
    with tempfile.TemporaryDirectory() as folder:
        words = ["activations", image, "--network", "alexnet", "--layer", "features.8"]
        out = ["--out", str(Path(folder) / "grid.png")]
        both = ["-m", "convviz", *words, *out]
        # The weights are not drawn at random, which would take longer than the pass.
        whole = (
            "import torch, torchvision\n"
            "with torch.device('meta'): m = torchvision.models.alexnet().features[:9]\n"
            "with torch.no_grad(): m.to_empty(device='cpu')(torch.zeros(1, 3, 224, 224))"
        )
        works = [lambda: run(both), lambda: run(["-c", whole])]
        first, second = in_turns(works, turns, warm=not smallest)
    yield Row(
        "`python -m convviz activations`, AlexNet features.8",
        f"{first:.2f} s",
        f"the imports and the pass alone: {second:.2f} s",
        first / second,
        1.05,
    )


def click(smallest: bool) -> Iterator[Row]:
    """Time a click until the new layer's grid is drawn, in Chromium."""
    from benchmarks.layer_change import WAYS, measure
    from tests.load.visitor import percentile

    networks = ("alexnet",) if smallest else tuple(WAYS)
    for network, clicks in measure(networks, 4 if smallest else 100):
        new = [each.seconds for each in clicks if each.is_new]
        every = [each.seconds for each in clicks]
        what = f"click to drawn grid, {network}, to {WAYS[network].layer} and back"
        middle, slow = median(every), percentile(every, 0.95)
        at_first = f"the {len(new)} not seen before: {median(new):.3f} s"
        middles = f"{what}, {len(every)} clicks, median"
        yield Row(middles, f"{middle:.3f} s", at_first, middle, 0.15, "s")
        at_first = f"the slowest not seen before: {max(new):.3f} s"
        yield Row(f"{what}, 95th percentile", f"{slow:.3f} s", at_first, slow, 0.25, "s")


def start(smallest: bool) -> Iterator[Row]:
    """Time the server's start until Home is usable, and the first visitor's wait later."""
    from tests.load.server import Server
    from tests.load.visitor import Visitor

    turns = 1 if smallest else 5
    script = ["-c", "import streamlit, torch, torchvision"]
    ready, firsts, seconds, bare = [], [], [], []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            with Server(Path(folder)) as server, Visitor(server.address) as visitor:
                visitor.open()
                visitor.wait_for(_USABLE)
                ready.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        run(script)
        bare.append(time.perf_counter() - begun)
        with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
            time.sleep(10)
            for waits in (firsts, seconds):
                begun = time.perf_counter()
                with Visitor(server.address) as visitor:
                    visitor.open()
                    visitor.wait_for(_USABLE)
                waits.append(time.perf_counter() - begun)
    first, second = median(ready), median(bare)
    yield Row(
        "server start to a usable Home",
        f"{first:.2f} s",
        f"a script that imports streamlit, torch, torchvision: {second:.2f} s",
        first / second,
        1.3,
    )
    first, second = median(firsts), median(seconds)
    scatter = ", ".join(f"{each:.2f}" for each in seconds)
    yield Row(
        "first visitor, ten seconds after the start: longer than the slowest second one by",
        f"{first:.2f} s",
        f"second visitors: {scatter} s",
        max(0.0, first - max(seconds)),
        0.0,
        "s",
    )


def memory(smallest: bool) -> Iterator[Row]:
    """Measure memory: of an idle server, and of a reconstruction at 224 pixels."""
    from tests.load.server import Server

    imports = "import streamlit, torch, torchvision"
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        time.sleep(3 if smallest else 20)
        ours = server.memory_bytes()
    bare = memory_of(imports, "VmRSS")
    yield Row(
        "memory of an idle server",
        f"{ours / 1e6:.0f} MB",
        f"{imports}: {bare / 1e6:.0f} MB",
        ours / bare,
        1.2,
    )
    name, layer, index = ("alexnet", "features.4", 4) if smallest else ("vgg16", "features.22", 22)
    ours = memory_of(
        "from convviz.weights.load import load; from convviz.images.samples import samples; "
        "from convviz.images.decode import decode; from convviz.reconstruction.config import "
        "ReconstructionConfig as C; from convviz.reconstruction.reconstruct import reconstruct; "
        f"n = load('{name}', fetch=False); i = decode(samples()[0].read()); "
        f"list(reconstruct(n, i, C(layer='{layer}', steps=5, precision='float32')))"
    )
    bare = memory_of(
        "import torch, torchvision; from convviz.weights.load import load; "
        f"m = load('{name}', fetch=False).module.features[:{index + 1}].requires_grad_(False); "
        "x = torch.rand(1, 3, 224, 224, requires_grad=True); m(x).square().mean().backward()"
    )
    yield Row(
        f"memory of a reconstruction at 224, {name} {layer}",
        f"{ours / 1e6:.0f} MB",
        f"a bare step, forward and backward: {bare / 1e6:.0f} MB",
        ours / bare,
        1.2,
    )


def curves(smallest: bool) -> Iterator[Row]:
    """Measure how time grows with the image's side, the channels and the images of a set."""
    import torch
    from PIL import ImageChops

    from convviz.datasets.image_set import Files
    from convviz.features.activations import measure
    from convviz.features.capture import truncated
    from convviz.features.top_patches import find_top_patches
    from convviz.images.decode import decode
    from convviz.images.encode import png
    from convviz.images.samples import samples
    from convviz.sprites import grid
    from convviz.structure.layers import layer
    from convviz.weights.load import load

    network = load("alexnet", fetch=False)
    cut = truncated(network.module, "features.8")
    turns = 1 if smallest else 5

    def passed(side: int) -> Callable[[], object]:
        image = torch.zeros(1, 3, side, side)
        return lambda: cut(image)

    sides = (64, 224) if smallest else (64, 128, 224, 384, 512, 768, 1024)
    with torch.no_grad():
        points = {side: in_turns([passed(side)], turns)[0] for side in sides}
    # In proportion to the area a pass would take the same time for each pixel.
    yield _curve("a pass to AlexNet features.8, by side in pixels", points, 2)

    target = layer(network, "features.8")

    def drawn(count: int) -> Callable[[], object]:
        maps = measure(target, torch.randn(count, 13, 13))
        return lambda: grid.atlas(maps, tile=grid.own_size(count, 13, 13), marks=False)

    counts = (64, 256) if smallest else (16, 64, 128, 256, 512, 1024, 2048)
    points = {count: in_turns([drawn(count)], turns)[0] for count in counts}
    yield _curve("the grid of maps of 13 × 13, by channels", points, 1)

    photographs = [decode(each.read()).resize((224, 224)) for each in samples()]

    def shifted(number: int) -> bytes:
        """A photograph of its own: what is the same twice is looked at once."""
        photograph = photographs[number % len(photographs)]
        return png(ImageChops.offset(photograph, number % 224, number // 224), quick=True)

    numbers = (4, 8) if smallest else (100, 300, 1000, 3000, 10_000)
    points = {}
    for number in numbers:
        files = Files(tuple((f"{i}.png", shifted(i)) for i in range(number)))
        begun = time.perf_counter()
        for _ in find_top_patches(network, "features.8", files):
            pass
        points[number] = time.perf_counter() - begun
    yield _curve("top patches of AlexNet features.8, by images of the set", points, 1)


def visitors(smallest: bool) -> Iterator[Row]:
    """Measure how an action's time grows with the visitors, each with 2 to 6 s between actions."""
    from tests.load.server import Server
    from tests.load.simulation import Class, Pace
    from tests.load.visitor import percentile

    points = {}
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        people = Class(server)
        people.warm_up()
        for count in (1, 2) if smallest else (1, 5, 10, 15, 20, 25, 30):
            round_ = people.round(count, Pace(0, 0.5) if smallest else Pace(2, 6))
            if round_.faults:
                raise RuntimeError(round_.faults[0])
            points[count] = percentile(list(chain(*round_.seconds.values())), 0.95)
    cells = ", ".join(f"{count}: {_seconds(seconds)}" for count, seconds in points.items())
    alone = points[1]
    bend = next((count for count, seconds in points.items() if seconds > 1.5 * alone), None)
    sentence = (
        f"bends at {bend}: half as long again as for one visitor alone"
        if bend
        else "never half as long again as for one visitor alone"
    )
    yield Row("an action, 95th percentile, by visitors at once", cells, sentence)


def _curve(what: str, points: dict[int, float], power: int) -> Row:
    """Write a curve as a row, and where it bends: where it grows faster than in proportion.

    Args:
        what: What was measured, by what.
        points: Seconds for each size.
        power: 1 if the time should grow with the size, 2 if with its square.
    """
    cells = ", ".join(f"{size:,}: {_seconds(seconds)}" for size, seconds in points.items())
    sizes = list(points)
    bend = next(
        (
            large
            for small, large in pairwise(sizes)
            if points[large] / points[small] > 1.3 * (large / small) ** power
        ),
        None,
    )
    grows = "the area" if power == 2 else "the number"
    if bend is None:
        return Row(what, cells, f"never grows faster than {grows}")
    return Row(what, cells, f"bends at {bend:,}: from there on it grows faster than {grows}")


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def classifiers(smallest: bool) -> Iterator[Row]:
    """Time layers and costs of torchvision's classifiers, against torchinfo."""
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    names = names[:2] if smallest else names
    ours, theirs, most = 0.0, 0.0, [0.0, 0.0]
    for name in names:
        side = 299 if name == "inception_v3" else 224
        codes = (
            "import sys, torch, torchvision\nfrom convviz.cli import main\n"
            f"if main(['layers', '{name}']) or main(['costs', '{name}']): sys.exit(1)",
            "import torch, torchvision, torchinfo\n"
            f"m = torchvision.models.get_model('{name}', weights=None)\n"
            f"torchinfo.summary(m, (1, 3, {side}, {side}), verbose=0)",
        )
        for number, code in enumerate(codes):
            begun = time.perf_counter()
            most[number] = max(most[number], memory_of(code))
            spent = time.perf_counter() - begun
            ours, theirs = (ours + spent, theirs) if number == 0 else (ours, theirs + spent)
    what = f"layers and costs of {len(names)} of torchvision's classifiers, imports included"
    yield Row(f"{what}, time", f"{ours:.0f} s", f"torchinfo: {theirs:.0f} s", ours / theirs, 1.0)
    largest = [f"{each / 1e6:.0f} MB" for each in most]
    yield Row(f"{what}, memory", largest[0], f"torchinfo: {largest[1]}", most[0] / most[1], 1.0)


def cluster(smallest: bool) -> Iterator[Row]:
    """Time a depth series on two workers of a cluster, against one."""
    from benchmarks.cluster import compare

    network, steps, turns = ("alexnet", 5, 1) if smallest else ("vgg16", 10, 3)
    one, two = compare(network, steps, turns)
    yield Row(
        f"depth series of ten layers, {network}, {steps} steps each, two workers of one thread",
        f"{two:.1f} s",
        f"one worker: {one:.1f} s",
        one / two,
        1.5,
        "× faster",
        at_least=True,
    )


PARTS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "activations": activations,
    "grid": channels,
    "click": click,
    "start": start,
    "cli": cli,
    "memory": memory,
    "curves": curves,
    "visitors": visitors,
    "classifiers": classifiers,
    "cluster": cluster,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None)
    parser.add_argument("--smallest", action="store_true", help="each part once, at its smallest")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--part", choices=PARTS, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.part:
        for row in PARTS[options.part](options.smallest):
            print(f"@{json.dumps(asdict(row))}", flush=True)
        return
    is_whole = options.only is None and not options.smallest
    out = options.out or (RESULTS if is_whole else None)
    before = out.read_text(encoding="utf-8") if out is not None and out.exists() else ""
    lines = [_head()]
    print(lines[0])
    for name in options.only or PARTS:
        for row in measured(name, options.smallest):
            lines.append(row.cells())
            print(lines[-1], flush=True)
        if out is not None:
            end = f"\nLoad average at the end: {os.getloadavg()[0]:.1f}.\n"
            written = "\n".join((*lines, end))
            out.write_text(before.partition(HEADING)[0] + written, encoding="utf-8")


def measured(part: str, smallest: bool) -> Iterator[Row]:
    """Measure a part in a process of its own; one that fails ends with a row that says so."""
    command = _command(part, smallest)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        for line in child.stdout or ():
            if line.startswith("@{"):
                yield Row(**json.loads(line[1:]))
        if child.wait():
            errors.seek(0)
            last = (errors.read().strip().splitlines() or [""])[-1]
            yield Row(part, _FAILED, last.replace("|", "/"))


def _command(part: str, smallest: bool) -> list[str]:
    """Return what measures one part alone."""
    command = [sys.executable, "-m", "benchmarks.side_by_side", "--part", part]
    return [*command, "--smallest"] if smallest else command


def _head() -> str:
    """Say what was measured where, and begin the table."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("torch", "torchvision", "streamlit", "pillow")
    )
    return (
        f"{HEADING}\n"
        "Written by `make bench`; each pair was measured in the same run, in turns.\n\n"
        f"{datetime.date.today().isoformat()}; {_processor()}, {os.cpu_count()} cores; "
        f"{platform.system()}; Python {platform.python_version()}, {versions}; load average at the "
        f"start {os.getloadavg()[0]:.1f}.\n\n"
        "| what | convviz | against | ratio | goal | met |\n"
        "| --- | --- | --- | ---: | ---: | --- |"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
