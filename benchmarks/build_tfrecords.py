"""How much faster two workers build TFRecords than one, on Flickr8k with resizing.

python benchmarks/build_tfrecords.py

Runs the whole command as a user does, one and two workers in turn, and writes the median of the
ratios of neighbouring runs. The machine should have nothing else to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/build.json"
DATA = Path(os.environ.get("KCLIP_DATA", ROOT.parent / "shared/data")) / "flickr8k"


def seconds(workers: int, resize: int) -> float:
    """Wall time of one build into a fresh folder, Python's start included."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, str(ROOT / "scripts/build_tfrecords.py"), "--source", "csv"]
        command += ["--images", str(DATA / "images"), "--captions", str(DATA / "captions.csv")]
        command += ["--split-lists", f"train={DATA}/train.txt", f"validation={DATA}/dev.txt"]
        command += ["--resize", str(resize), "--workers", str(workers), "--output", output]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--resize", type=int, default=128, help="shorter side; the files have 192")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA} is missing; set KCLIP_DATA to the folder of the real data")
    load_before = os.getloadavg()[0]
    seconds(1, arguments.resize)  # fills the file cache
    runs = [
        (seconds(1, arguments.resize), seconds(2, arguments.resize))
        for _ in range(arguments.repeats)
    ]
    result = {
        "ratio": round(statistics.median(one / two for one, two in runs), 3),
        "seconds_1_worker": [round(one, 2) for one, _ in runs],
        "seconds_2_workers": [round(two, 2) for _, two in runs],
        "images": 7000,
        "resize": arguments.resize,
        "cpus": os.cpu_count(),
        "load_before": round(load_before, 2),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
