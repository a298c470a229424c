"""Images per second of zero-shot classification, kclip against Hugging Face transformers.

make peers
python benchmarks/zero_shot_speed.py

A ViT-B/32 CLIP with one set of random weights, float32, from pixels of the model's size to class
probabilities; class embeddings are computed beforehand. Both contenders stay loaded, each in a
process of its own, and take turns; the ratio is the median over the rounds of the seconds of
transformers over those of kclip. The machine should have nothing else to do.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from results_file import HERE, add_peers_python, parser, write_result

IMAGE_SIZE, CLASSES, TEXT_LENGTH = 224, 10, 77
CALLS = {1: 10, 64: 1}  # of each contender in each round, by batch size
TOLERANCE = 1e-4  # of probabilities


class Contender:
    """A process that keeps a model and classifies when asked to."""

    def __init__(self, name: str, python: str, folder: Path, threads: int):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), str(threads))
        command = [python, str(HERE / "zero_shot_contenders.py"), name, str(folder)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(HERE.parent), **limits},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.name, self.folder = name, folder
        self.versions = self._answer()

    def seconds(self, batch_size: int) -> float:
        """Median time of the calls of one turn, after a few that warm up."""
        print(_images(batch_size), CALLS[batch_size], file=self.process.stdin, flush=True)
        return statistics.median(self._answer())

    def probabilities(self, batch_size: int) -> np.ndarray:
        """What the last turn with this batch gave."""
        return np.load(self.folder / f"{self.name}_{_images(batch_size)}")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self):
        if not (line := self.process.stdout.readline()):
            sys.exit(f"{self.name} ended without an answer; its own Python may lack packages")
        return json.loads(line)


def _images(batch_size: int) -> str:
    return f"images_{batch_size}.npy"


def write_inputs(folder: Path, torch_python: str) -> None:
    """Writes the model, images of noise and texts of random tokens, all seeded."""
    writer = [torch_python, str(HERE / "zero_shot_contenders.py"), "write", str(folder)]
    subprocess.run(writer, check=True, stderr=subprocess.DEVNULL)
    random = np.random.default_rng(0)
    for batch_size in CALLS:
        shape = (batch_size, IMAGE_SIZE, IMAGE_SIZE, 3)
        np.save(folder / _images(batch_size), random.integers(0, 256, shape, np.uint8))
    token_ids = np.full((CLASSES, TEXT_LENGTH), 49407, np.int32)  # CLIP's end token
    token_ids[:, :10] = random.integers(0, 49406, (CLASSES, 10))
    np.save(folder / "token_ids.npy", token_ids)


def compare(kclip: Contender, transformers: Contender, batch_size: int, rounds: int) -> dict:
    """Lets both take turns, and who comes first changes from round to round."""
    pairs = []
    for number in range(rounds):
        order = (kclip, transformers) if number % 2 else (transformers, kclip)
        seconds = {contender.name: contender.seconds(batch_size) for contender in order}
        pairs.append((seconds["kclip"], seconds["transformers"]))
        print(f"batch {batch_size}: {pairs[-1][1] / pairs[-1][0]:.3f}", flush=True)
    apart = np.abs(kclip.probabilities(batch_size) - transformers.probabilities(batch_size)).max()
    if not apart <= TOLERANCE:
        sys.exit(f"the probabilities differ by {apart:.1e}, more than {TOLERANCE}")
    ours, theirs = zip(*pairs, strict=True)
    return {
        "ratio": round(statistics.median(their / our for our, their in pairs), 3),
        "ratios": [round(their / our, 3) for our, their in pairs],
        "kclip_images_per_second": round(batch_size / statistics.median(ours), 2),
        "transformers_images_per_second": round(batch_size / statistics.median(theirs), 2),
        "kclip_seconds": [round(our, 4) for our in ours],
        "transformers_seconds": [round(their, 4) for their in theirs],
        "max_probability_difference": float(f"{apart:.1e}"),
    }


def measure(torch_python: str, rounds: int, threads: int) -> tuple[dict, dict]:
    """Returns the versions and the results by batch size."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_inputs(folder, torch_python)
        kclip = Contender("kclip", sys.executable, folder, threads)
        transformers = Contender("transformers", torch_python, folder, threads)
        try:
            batches = {size: compare(kclip, transformers, size, rounds) for size in CALLS}
        finally:
            kclip.close()
            transformers.close()
    return kclip.versions | transformers.versions, batches


def row_of(batch_size: int, figures: dict) -> dict:
    """What RESULTS.md says of one batch size."""
    ours, theirs = figures["kclip_images_per_second"], figures["transformers_images_per_second"]
    return {
        "what": f"zero-shot inference of a ViT-B/32, batch {batch_size}, against transformers",
        "ratio": figures["ratio"],
        "kclip": f"{ours} images/s",
        "other": f"{theirs} images/s",
        "reach": "≥ 1.0",
    }


def main() -> None:
    """Measures, prints and saves."""
    options = parser(__doc__)
    add_peers_python(options)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--threads", type=int, default=2, help="of each contender")
    arguments = options.parse_args()
    if arguments.short:
        arguments.rounds = 5
    versions, batches = measure(arguments.torch_python, arguments.rounds, arguments.threads)
    rows = [row_of(size, figures) for size, figures in batches.items()]
    write_result(
        "zero_shot_inference",
        **rows[0],
        rows=rows[1:],
        versions=versions,
        threads=arguments.threads,
        batches=batches,
    )


if __name__ == "__main__":
    main()
