"""Train the small decoders that name what the encoders of AlexNet and VGG16 see.

    python scripts/train_decoders.py TAR NETWORK [--size 128] [--images N] [--features FILE]

TAR is Tiny ImageNet, or a part of it, with train/CLASS/*.JPEG and val/CLASS/*.JPEG in it. Each
picture goes through the frozen encoder once; on the averages of its channels, one fully connected
layer learns the 200 classes. The accuracy stated is that after the last epoch. Learning rate and
weight decay were chosen among eight settings by the same validation pictures, which flatters it a
little. The result, a few hundred kB, goes to convviz/weights/data/, with its validation accuracy
in the file's header.

FILE keeps the features, which take minutes to compute, for another run.
"""

import argparse
import json
import math
import time
from pathlib import Path

import tiny_imagenet
import torch
from safetensors.torch import save
from torch import Tensor

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset
from convviz.learning.encoding import FeatureScale, encode, trunk
from convviz.learning.plan import plan
from convviz.learning.step import Learner, judge
from convviz.networks.decoders import make_decoder
from convviz.networks.device import fast_dtype
from convviz.networks.initial_weights import draw
from convviz.networks.network import Network
from convviz.weights import bundled
from convviz.weights.load import load

DATA = Path(__file__).parents[1] / "convviz" / "weights" / "data"
EPOCHS, BATCH, RATE, DECAY, SMOOTHING = 12, 256, 3e-3, 0.3, 0.1


def features(network: Network, dataset: Dataset, indices: list[int], size: int) -> Tensor:
    """Run the encoder over pictures and average each channel, (N, C)."""
    encoder = trunk(
        plan(network, "last-layer", bundled.classes()).build(torch.Generator()), "decoder"
    )
    spec, pieces, start = network.spec, list[Tensor](), time.perf_counter()
    for first in range(0, len(indices), 200):
        *_, (_, images) = labelled_set.read(dataset, indices[first : first + 200], size)
        pixels, _ = images
        for _, piece in encode(encoder, pixels, mean=spec.mean, std=spec.std, dtype=fast_dtype()):
            pieces.append(piece.half())
        done = first + len(pixels)
        rate = done / (time.perf_counter() - start)
        print(f"{done:,} of {len(indices):,}, {rate:.0f} a second", flush=True)
    return torch.cat(pieces)


def main() -> None:
    """Compute features, train, state the accuracy, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tar", type=Path)
    parser.add_argument("network", choices=("alexnet", "vgg16"))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", type=int, help="use only so many training pictures")
    parser.add_argument("--checked", type=int, help="and only so many validation pictures")
    parser.add_argument("--features", type=Path, help="file that keeps the features")
    parser.add_argument("--out", type=Path, default=DATA, help="folder for the result")
    args = parser.parse_args()

    if args.features and args.features.exists():
        stored = torch.load(args.features, weights_only=True)
    else:
        network = load(args.network, "encoder")
        stored = {}
        for part in ("val", "train"):
            dataset = tiny_imagenet.read(args.tar, part)
            indices = tiny_imagenet.evenly(
                dataset, args.images if part == "train" else args.checked
            )
            stored[part] = features(network, dataset, indices, args.size)
            stored[f"{part}_labels"] = torch.tensor([dataset.labels[index] for index in indices])
        if args.features:
            torch.save(stored, args.features)
    train, labels = stored["train"].float(), stored["train_labels"]

    generator = torch.Generator().manual_seed(0)
    head = make_decoder(train.shape[1], len(bundled.classes()))
    draw(head, generator)
    scale = FeatureScale.of(train)
    inputs = scale.apply(train)
    learner = Learner(head, weight_decay=DECAY, smoothing=SMOOTHING)
    for epoch in range(EPOCHS):
        rate = RATE * (0.02 + 0.49 * (1 + math.cos(math.pi * epoch / EPOCHS)))
        for rows in torch.split(torch.randperm(len(inputs), generator=generator), BATCH):
            learner.step(inputs[rows], labels[rows], rate)
    scale.fold(head)
    state = {name: value.half().contiguous() for name, value in head.state_dict().items()}
    head.load_state_dict({name: value.float() for name, value in state.items()})
    with torch.no_grad():
        scores = head(stored["val"].float())
    validation = judge(scores, stored["val_labels"])
    five = (scores.topk(5).indices == stored["val_labels"][:, None]).any(1).float().mean()
    about = {
        "training_set": "Tiny ImageNet-200",
        "input_size": args.size,
        "accuracy": round(validation.accuracy, 4),
        "accuracy_top5": round(float(five), 4),
        "validation_images": len(scores),
        "training_images": len(train),
    }
    print(json.dumps(about))
    path = args.out / f"{args.network}_decoder.safetensors"
    path.write_bytes(save(state, {"about": json.dumps(about)}))


if __name__ == "__main__":
    main()
