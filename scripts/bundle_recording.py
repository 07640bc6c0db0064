"""Make the recording of a training that convviz carries.

    python scripts/bundle_recording.py FOLDER

FOLDER holds snapshots.pt and training_log.json, as the training of the bundled GoogLeNet wrote
them. The result, in convviz/learning/data/, is the same bytes each time.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save
from train_googlenet import CHECKED, SMOOTHING

# How the recorded training went, whose own log does not say it.
RECORDED = {"label_smoothing": SMOOTHING, "validation_images": CHECKED, "cores": 2}
DATA = Path(__file__).parents[1] / "convviz" / "learning" / "data"


def main() -> None:
    """Convert the snapshots, and keep of the log what is drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    snapshots = torch.load(folder / "snapshots.pt", weights_only=True)
    stored = {
        f"{step}/{name}": (v.to(torch.float16) if v.is_floating_point() else v).contiguous()
        for step, state in snapshots.items()
        for name, v in state.items()
        if not name.endswith("num_batches_tracked")
    }
    log = json.loads((folder / "training_log.json").read_text(encoding="utf-8"))
    DATA.mkdir(exist_ok=True)
    (DATA / "googlenet_recording.safetensors").write_bytes(save(stored))
    recording = {key: log[key] for key in ("log", "final", "seconds", "steps", "images")}
    recording |= {key: log.get(key, value) for key, value in RECORDED.items()}
    text = json.dumps(recording, separators=(",", ":")) + "\n"
    (DATA / "googlenet_training_log.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
