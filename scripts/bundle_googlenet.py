"""Make the weights that convviz carries from the checkpoint of the training run.

    python scripts/bundle_googlenet.py FOLDER

FOLDER holds googlenet_tiny_imagenet.pt, classes.tsv and training_log.json, as the training wrote
them. The result, in convviz/weights/data/, is the same bytes each time.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save

DATA = Path(__file__).parents[1] / "convviz" / "weights" / "data"


def main() -> None:
    """Convert the checkpoint and copy the class names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    # The training measured itself on all validation images, at several input sizes.
    final = json.loads((folder / "training_log.json").read_text(encoding="utf-8"))["final"]
    size = max(final, key=lambda side: final[side][0])
    about = {
        "training_set": "Tiny ImageNet-200",
        "input_size": int(size),
        "accuracy": final[size][0],
        "accuracy_top5": final[size][1],
        "validation_images": 10_000,
    }
    state = torch.load(folder / "googlenet_tiny_imagenet.pt", weights_only=True)
    stored = {
        name: (value.to(torch.float16) if value.is_floating_point() else value).contiguous()
        for name, value in state.items()
    }
    # One entry only: safetensors writes several in no fixed order.
    header = {"about": json.dumps(about)}
    data = save(stored, metadata=header)
    (DATA / "googlenet_tiny_imagenet.safetensors").write_bytes(data)
    names = (folder / "classes.tsv").read_text(encoding="utf-8")
    (DATA / "tiny_imagenet_classes.tsv").write_text(names, encoding="utf-8")


if __name__ == "__main__":
    main()
