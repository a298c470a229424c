"""What each setting of the flickr8k preset is worth, on the dev split, one change at a time.

python benchmarks/flickr8k_settings.py

Wants the TFRecords and features of `make real`; each row is one training with frozen towers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/flickr8k_settings.json"
WEIGHTS = Path(os.environ.get("KCLIP_DATA", ROOT.parent / "shared/data")) / "weights"
CHANGES = {
    "as in make real": "",
    "256 wide": "--objective.projection-dim 256",
    "no dropout on features": (
        "--objective.image-feature-dropout 0 --objective.text-feature-dropout 0"
    ),
    "features not standardised": "--objective.no-standardize",
    "no mirror images in training": "--optimization.augmentation none",
    "no mirror image in evaluation": "--image.no-mirror",
    "hard targets": "--objective.loss hard",
    "sigmoid loss": "--objective.loss sigmoid",
    "batch of 250": "--optimization.batch-size 250",
}


def recalls(flags: str, seed: int) -> dict[str, float]:
    """Trains with some flags changed and returns R@10 in percent, both directions."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "scripts/train_dual_encoder.py")]
        command += ["--preset", "flickr8k", "--data", str(ROOT / "tfrecords/flickr8k")]
        command += ["--image.backbone", str(WEIGHTS / "tf_efficientnet_lite2.in1k")]
        command += ["--text.backbone", str(WEIGHTS / "all-MiniLM-L6-v2")]
        command += ["--optimization.seed", str(seed), "--output", f"{folder}/run", *flags.split()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        metrics = json.loads(Path(folder, "run/metrics.json").read_text())
    directions = ("text_to_image", "image_to_text")
    return {way: round(100 * metrics["retrieval"][way]["recall@10"], 1) for way in directions}


def main() -> None:
    """Runs all rows, printing and saving each as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    rows = {}
    for name, flags in CHANGES.items():
        rows[name] = {"flags": flags, **recalls(flags, seed)}
        print(name, rows[name], flush=True)
        report = {"command": "python benchmarks/flickr8k_settings.py", "seed": seed, "rows": rows}
        RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
