"""Images per second of zero-shot classification, kclip against Hugging Face transformers.

make peers
python benchmarks/zero_shot_speed.py

A ViT-B/32 CLIP with one set of random weights, float32, from pixels of the model's size to class
probabilities; class embeddings are computed beforehand. kclip runs it in two ways: the Keras model,
and its ONNX export in onnxruntime. All contenders stay loaded, each in a process of its own with as
many threads as it takes by itself, and take turns; a ratio is the median over the rounds of the
seconds of transformers over those of kclip. The machine should have nothing else to do. `--short`
takes about 90 seconds.
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
ROUNDS, SHORT_ROUNDS = {1: 9, 64: 9}, {1: 5, 64: 1}
REACH = {1: 1.0, 64: 1.2}
WAYS = {"kclip_onnx": "the ONNX export in onnxruntime", "kclip": "the Keras model"}
PEER = "transformers"
TOLERANCE = 1e-4  # of probabilities


class Method:
    """A process that keeps a model and classifies when asked to."""

    def __init__(self, name: str, python: str, folder: Path):
        command = [python, str(HERE / "zero_shot_contenders.py"), name, str(folder)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
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
    """Writes the model, its export, images of noise and texts of random tokens, all seeded."""
    for python, what in ((torch_python, "write"), (sys.executable, "export")):
        command = [python, str(HERE / "zero_shot_contenders.py"), what, str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
    random = np.random.default_rng(0)
    for batch_size in CALLS:
        shape = (batch_size, IMAGE_SIZE, IMAGE_SIZE, 3)
        np.save(folder / _images(batch_size), random.integers(0, 256, shape, np.uint8))
    token_ids = np.full((CLASSES, TEXT_LENGTH), 49407, np.int32)  # CLIP's end token
    token_ids[:, :10] = random.integers(0, 49406, (CLASSES, 10))
    np.save(folder / "token_ids.npy", token_ids)


def take_turns(methods: list[Method], batch_size: int, rounds: int) -> dict[str, list]:
    """Seconds of each contender by its name; who comes first changes from round to round."""
    seconds = {method.name: [] for method in methods}
    for number in range(rounds):
        for method in methods[:: 1 if number % 2 else -1]:
            seconds[method.name].append(method.seconds(batch_size))
        last = {name: round(values[-1], 4) for name, values in seconds.items()}
        print(f"batch {batch_size}: {last}", flush=True)
    return seconds


def check(methods: list[Method], batch_size: int) -> float:
    """The largest difference of a probability from the peer's, which must be small."""
    of = {method.name: method.probabilities(batch_size) for method in methods}
    apart = max(float(np.abs(of[way] - of[PEER]).max()) for way in WAYS)
    if not apart <= TOLERANCE:
        sys.exit(f"the probabilities differ by {apart:.1e}, more than {TOLERANCE}")
    return apart


def row(way: str, batch_size: int, seconds: dict[str, list]) -> dict:
    """One comparison, as `results/*.json` have it."""
    pairs = zip(seconds[PEER], seconds[way], strict=True)
    return {
        "what": f"zero-shot classification, ViT-B/32, batch {batch_size}: {WAYS[way]}, "
        "against transformers on PyTorch",
        "ratio": round(statistics.median(their / our for their, our in pairs), 3),
        "kclip": _rate(batch_size, seconds[way]),
        "other": _rate(batch_size, seconds[PEER]),
        "reach": f"≥ {REACH[batch_size]}",
    }


def _rate(batch_size: int, seconds: list[float]) -> str:
    middle, least, greatest = (
        batch_size / function(seconds) for function in (statistics.median, max, min)
    )
    return f"{middle:.1f} images/s ({least:.1f} to {greatest:.1f})"


def measure(torch_python: str, rounds: dict[int, int]) -> dict:
    """Runs all contenders; returns rows, versions and details."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_inputs(folder, torch_python)
        methods = [
            Method(name, torch_python if name == PEER else sys.executable, folder)
            for name in (*WAYS, PEER)
        ]
        try:
            seconds = {size: take_turns(methods, size, rounds[size]) for size in CALLS}
            apart = {size: check(methods, size) for size in CALLS}
        finally:
            for method in methods:
                method.close()
    return {
        "rows": [row(way, size, seconds[size]) for size in CALLS for way in WAYS],
        "versions": {name: v for c in methods for name, v in c.versions.items()},
        "seconds": seconds,
        "max_probability_difference": apart,
    }


def main() -> None:
    """Measures, prints and saves."""
    options = parser(__doc__)
    add_peers_python(options)
    arguments = options.parse_args()
    found = measure(arguments.torch_python, SHORT_ROUNDS if arguments.short else ROUNDS)
    first, *rest = found.pop("rows")
    write_result("zero_shot_inference", **first, rows=rest, **found)


if __name__ == "__main__":
    main()
