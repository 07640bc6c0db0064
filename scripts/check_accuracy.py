"""Check the validation accuracies that convviz states for the weights that it carries.

    python scripts/check_accuracy.py TAR [NETWORK ...] [--images N] [--bfloat16]

TAR is Tiny ImageNet, or a part of it, with val/CLASS/*.JPEG in it. Each network is asked with
pictures of the size that its stated accuracy was measured at, and the shares that it names rightly,
at once and within its first five, are printed beside those stated. With fewer pictures than the
stated accuracy was measured on, the two differ by chance: about two thirds of such samples lie
within the standard error that is printed.
"""

import argparse
from pathlib import Path

import tiny_imagenet
import torch
from torch import Tensor

from convviz.datasets.labelled_set import to_input
from convviz.errors import ConvvizError
from convviz.networks.network import Network
from convviz.weights import bundled, encoder
from convviz.weights.load import load

SOURCES = {"googlenet": "bundled", "alexnet": "encoder", "vgg16": "encoder"}


def stated(name: str) -> tuple[float, float]:
    """Return the accuracies, top-1 and top-5, that convviz states."""
    about = bundled.about() if name == bundled.NETWORK else encoder.decoder_info(name)
    if about is None:
        raise SystemExit(f"{name} has no small decoder.")
    return about.accuracy, about.accuracy_top5


@torch.inference_mode()
def measured(
    network: Network, pixels: Tensor, labels: Tensor, dtype: torch.dtype
) -> tuple[float, float]:
    """Measure the shares of pictures named rightly, at once and within the first five names."""
    spec, ranks = network.spec, []
    for images, answers in zip(pixels.split(50), labels.split(50), strict=True):
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            scores = network.module(to_input(images, spec.mean, spec.std))
        ranks.append(scores.float().topk(5).indices == answers[:, None])
    correct = torch.cat(ranks).float()
    return float(correct[:, 0].mean()), float(correct.any(1).float().mean())


def main() -> None:
    """Measure, and print a row for each network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tar", type=Path)
    parser.add_argument("networks", nargs="*", choices=(*SOURCES, []), metavar="NETWORK")
    parser.add_argument("--images", type=int, help="check with only so many pictures")
    parser.add_argument("--bfloat16", action="store_true", help="quicker where there is hardware")
    args = parser.parse_args()

    validation = tiny_imagenet.read(args.tar, "val")
    dtype = torch.bfloat16 if args.bfloat16 else torch.float32
    print("| network | pixels | pictures | top-1 | stated | top-5 | stated | standard error |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in args.networks or SOURCES:
        try:
            network = load(name, SOURCES[name], fetch=False)
        except ConvvizError as error:
            print(f"{name}: {error}")
            continue
        size = network.weights.decoder_size or network.input_size
        pixels, labels = tiny_imagenet.pixels(validation, size, args.images)
        top1, top5 = measured(network, pixels, labels, dtype)
        stated_top1, stated_top5 = stated(name)
        error = (top1 * (1 - top1) / len(labels)) ** 0.5
        print(
            f"| {name} | {size} | {len(labels):,} | {top1:.1%} | {stated_top1:.1%} | {top5:.1%} | "
            f"{stated_top5:.1%} | {error:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
