"""Time and memory of the prompt methods over the number of classes.

python benchmarks/prompt_methods.py [--model runs/flickr8k/model]

Each row is a process of its own, whose peak of memory is its own. The text tower is a stub (the sum
of fixed vectors of the names, 512 wide, 77 tokens), so that the figures are of the methods and
not of a tower; a model's time on a prompt comes on top, which the rows with --model show.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from kclip.metrics.similarity import l2_normalize
from kclip.multilabel.prompting import ListAll, TopAll
from kclip.reports.markdown import markdown_table

RESULTS = Path(__file__).parent / "results/prompt_methods.json"
METHODS = {"list_all": ListAll, "top_all": TopAll}
STUB_ROWS = [("list_all", n) for n in range(8, 21, 2)] + [
    ("top_all", n) for n in (10, 30, 100, 300, 1000, 3000, 10_000)
]
MODEL_ROWS = [("list_all", 8), ("list_all", 10), ("top_all", 10), ("top_all", 100)]
NUM_IMAGES = 100


class StubEmbedder:
    """A text tower that costs next to nothing: a text is the sum of the vectors of its names."""

    logit_scale = 100.0
    preprocessor = SimpleNamespace(sequence_length=77)

    def __init__(self, num_classes: int, dim: int = 512):
        vectors = np.random.default_rng(0).normal(size=(num_classes + 1, dim))
        self.vectors = vectors.astype(np.float32)

    def embed_texts(self, texts, batch_size=256):
        starts = range(0, len(texts), batch_size)
        return np.concatenate([self._embed(texts[i : i + batch_size]) for i in starts])

    def _embed(self, texts):
        numbers = [[int(n) for n in re.findall(r"\d+", text)] or [-1] for text in texts]
        starts = np.cumsum([0, *map(len, numbers[:-1])])
        sums = np.add.reduceat(self.vectors[[n for row in numbers for n in row]], starts)
        return l2_normalize(sums)


def peak_mebibytes() -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def measure(name: str, num_classes: int, model: str | None) -> dict:
    if model:
        from kclip.inference.embedder import Embedder

        embedder = Embedder.from_name(model)
        embedder.embed_texts(["a first call builds the graph"])
    else:
        embedder = StubEmbedder(num_classes)
    dim = embedder.embed_texts(["class 0"]).shape[1]
    images = np.random.default_rng(1).normal(size=(NUM_IMAGES, dim))
    before, start = peak_mebibytes(), time.perf_counter()
    method = METHODS[name](embedder, [f"class {n}" for n in range(num_classes)])
    method.predict(images, progress=False)
    seconds = time.perf_counter() - start
    peak = peak_mebibytes()
    return {
        "method": name,
        "classes": num_classes,
        "tower": model or "stub",
        "images": NUM_IMAGES,
        "seconds": round(seconds, 3),
        "peak MiB": round(peak),
        "MiB above the start": round(peak - before),
    }


def measure_apart(name: str, num_classes: int, model: str | None) -> dict:
    command = [sys.executable, __file__, "--row", name, str(num_classes)]
    command += ["--model", model] if model else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures all rows, prints them as a table and saves them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="measure some rows with this model's text tower too")
    parser.add_argument("--row", nargs=2, metavar=("METHOD", "CLASSES"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        print(json.dumps(measure(args.row[0], int(args.row[1]), args.model)))
        return
    rows = [measure_apart(*row, None) for row in STUB_ROWS]
    rows += [measure_apart(*row, args.model) for row in MODEL_ROWS if args.model]
    table = markdown_table(list(rows[0]), [list(row.values()) for row in rows])
    print(table)
    command = "python benchmarks/prompt_methods.py" + f" --model {args.model}" * bool(args.model)
    report = {"command": command, "machine": platform.processor() or platform.machine()}
    RESULTS.write_text(json.dumps(report | {"rows": rows}, indent=2) + "\n")
    RESULTS.with_suffix(".md").write_text(f"`{command}`\n\n{table}\n")


if __name__ == "__main__":
    main()
