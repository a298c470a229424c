"""Seconds and memory from the start of a process to the answer of a search, without TensorFlow.

python benchmarks/light_search.py

A dual encoder of real size (an all-MiniLM-L6-v2 and a MobileNet 0.75, heads that are not trained:
an answer takes as long) is exported as ONNX and asked for a sentence, in an index of photographs
that was made before; the other side is the same question to the Keras model. Whole processes,
Python's own start included, `kclip search --json`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results_file import HERE, parser, write_result
from turns import spread

SHARED_DATA = Path(os.environ.get("KCLIP_DATA", HERE.parent.parent / "shared/data"))
MOBILENET = "mobilenet_v1_075_224.weights.h5"
SECONDS_GOAL, MEMORY_GOAL = 1.0, 400
QUERY = "a dog runs through the snow"
SEARCH = """
import re, sys
from kclip.cli import main

main("search_images", sys.argv[1:])
# Not getrusage's: that begins with the parent's.
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
print(int(peak[1]) // 1024, file=sys.stderr)
"""


def make_model(folder: Path) -> None:
    """Writes a model folder."""
    from kclip.inference.towers import open_image_tower, open_text_tower
    from kclip.models import DualEncoder, DualEncoderPreprocessor

    weights = SHARED_DATA / "weights"
    image = open_image_tower("mobilenet", 224, str(weights / MOBILENET), 0.75)
    text = open_text_tower(str(weights / "all-MiniLM-L6-v2"))
    DualEncoder(image.encoder, text.encoder, projection_dim=256).save_to_preset(str(folder))
    DualEncoderPreprocessor(text.tokenizer, 224).save_to_preset(str(folder))


def make_all(folder: Path, images: int) -> None:
    """Writes `model`, `export` and `index`."""
    from kclip.export.folder import export_model
    from kclip.inference.embedder import Embedder
    from kclip.inference.onnx_embedder import OnnxEmbedder
    from kclip.retrieval.index import ImageIndex

    make_model(folder / "model")
    embedder = Embedder.from_name(folder / "model")
    export_model(embedder, folder / "export", ["onnx"], "a model")
    photographs = sorted((SHARED_DATA / "flickr8k" / "images").iterdir())[:images]
    (folder / "list.txt").write_text("\n".join(str(path.resolve()) for path in photographs))
    ImageIndex.build(folder / "index", OnnxEmbedder(folder / "export"), [folder / "list.txt"])


def ask(folder: Path, model: str) -> tuple[float, int, str]:
    """Seconds, MiB at the peak, and the answer."""
    flags = ["--index", str(folder / "index"), "--model", str(folder / model), "--json"]
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", SEARCH, QUERY, *flags],
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, int(run.stderr.split()[-1]), run.stdout


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=7)
    options.add_argument("--images", type=int, default=500)
    arguments = options.parse_args()
    if arguments.short:
        arguments.repeats, arguments.images = 2, 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_all(folder, arguments.images)
        light = [ask(folder, "export") for _ in range(arguments.repeats)]
        keras = [ask(folder, "model") for _ in range(2)]
    seconds, memory = [run[0] for run in light], max(run[1] for run in light)
    write_result(
        "light_search",
        what="start to answer of a search, ONNX export without TensorFlow (goal over measured)",
        ratio=round(SECONDS_GOAL / sorted(seconds)[len(seconds) // 2], 3),
        kclip=spread(seconds, "s"),
        other=f"{SECONDS_GOAL} s, the goal; the Keras model {spread([r[0] for r in keras], 's')}",
        reach="≥ 1 (≤ 1.0 s)",
        rows=[
            {
                "what": "peak memory of the same search (goal over measured)",
                "ratio": round(MEMORY_GOAL / memory, 3),
                "kclip": f"{memory} MiB",
                "other": f"{MEMORY_GOAL} MiB, the goal; the Keras model {keras[0][1]} MiB",
                "reach": "≥ 1 (≤ 400 MiB)",
            }
        ],
        seconds=[round(value, 3) for value in seconds],
        images=arguments.images,
    )


if __name__ == "__main__":
    main()
