"""What each way of fine-tuning gives and takes: `make real`'s model on 80 photographs of COCO.

python benchmarks/fine_tuning.py

Trained on coco_mini's 80 training images (400 captions), measured on its 79 validation images and,
for what is forgotten, on Flickr8k's dev split, which the model was trained for. Each way once with
the trained weights and once half of the way back to the weights before (WiSE-FT). Wants the model
and the records of `make real`. Writes results/fine_tuning.json, .md and docs/fine_tuning.png.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

from kclip.reports.markdown import markdown_table

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from results_file import HERE, RESULTS, machine, parser

ROOT = HERE.parent
DATA = Path(os.environ.get("KCLIP_DATA", ROOT.parent / "shared/data"))
# The rates are those of the help's advice: 1e-4 for heads and adapters, a tenth of it for towers.
TOWERS = "--image.learning-rate 1e-5 --text.learning-rate 1e-5"
WAYS = {
    "heads": "--image.train head --text.train head",
    "heads, last 2 blocks of the text tower": "--image.train head --text.train last:2",
    "heads, adapters in the text tower": "--image.train head --text.train lora:8",
    "heads, text tower": f"--image.train head --text.train all {TOWERS}",
    "heads, last 12 layers of the image tower": f"--image.train last:12 --text.train head {TOWERS}",
    "all": f"--image.train all --text.train all {TOWERS}",
}
RECIPE = (
    "--preset fine_tune_clip --optimization.captions expand --optimization.batch-size 40 "
    "--optimization.epochs 10 --optimization.learning-rate 1e-4"
)


def run(script: str, *arguments: object) -> None:
    """One of the project's scripts, as a user runs it."""
    command = [sys.executable, str(ROOT / f"scripts/{script}.py"), *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build(output: Path) -> None:
    """COCO-mini's two splits with their captions."""
    coco = DATA / "coco_mini"
    run(
        "build_tfrecords",
        *("--source", "coco", "--output", output, "--images", coco / "train2017"),
        *("--captions", coco / "annotations/captions_train2017.json"),
        *("--validation-images", coco / "val2017"),
        *("--validation-captions", coco / "annotations/captions_val2017.json"),
    )


def mean_recall(retrieval: dict[str, Any]) -> float:
    """R@10 in percent, the mean of both directions."""
    ways = ("text_to_image", "image_to_text")
    return 100 * sum(retrieval[way]["recall@10"] for way in ways) / 2


def flickr8k_recall(model: Path, output: Path) -> float:
    """On the dev split."""
    flickr8k = DATA / "flickr8k"
    run(
        "evaluate_retrieval",
        *("--model", model, "--output", output, "--images", flickr8k / "images"),
        *("--captions", flickr8k / "captions.csv", "--split-file", flickr8k / "dev.txt"),
    )
    return mean_recall(json.loads((output / "metrics.json").read_text()))


def fine_tuned(model: Path, records: Path, folder: Path, flags: str, keep: float) -> dict[str, Any]:
    """Figures of one training."""
    run(
        "train_dual_encoder",
        *("--model", model, "--data", records, "--output", folder / "run"),
        *("--keep-fraction", keep, *RECIPE.split(), *flags.split()),
    )
    metrics = json.loads((folder / "run/metrics.json").read_text())
    return {
        "own": mean_recall(metrics["retrieval"]),
        "known": flickr8k_recall(folder / "run/model", folder / "known"),
        "trained_parameters": metrics["fine_tuning"]["trained_parameters"],
        "seconds": metrics["run"]["seconds"]["training"],
        "gib": metrics["run"]["peak_memory_gib"],
        "own_before": 100 * sum(list(metrics["fine_tuning"]["before"].values())[:2]) / 2,
    }


def table(rows: list[dict[str, Any]], known_before: float) -> str:
    """One row a way, both fractions beside each other."""
    before = ("before", "", f"{rows[0]['own_before']:.1f}", f"{known_before:.1f}", "", "")
    body = [
        (row["way"], f"{row['keep']:g}", f"{row['own']:.1f}", f"{row['known']:.1f}")
        + (f"{row['trained_parameters']:,}", f"{row['seconds']:.0f} s, {row['gib']} GiB")
        for row in rows
    ]
    head = ("trained", "kept", "COCO-mini R@10", "Flickr8k dev R@10", "weights", "training")
    return markdown_table(head, [before, *body])


def draw(rows: list[dict[str, Any]], known_before: float, path: Path) -> None:
    """What is gained against what is forgotten; a line goes from trained weights half way back."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    axes.plot(rows[0]["own_before"], known_before, "k*", markersize=14, label="before")
    for way in WAYS:
        own = [row for row in rows if row["way"] == way]
        points = [(row["own"], row["known"]) for row in own]
        axes.plot(*zip(*points, strict=True), "o-", label=way)
        axes.plot(*points[-1], "o", color="white", markersize=4, zorder=3)
    axes.set(
        xlabel="COCO-mini validation R@10 (what was trained for), %",
        ylabel="Flickr8k dev R@10 (what was known), %",
        title="Fine-tuning on 80 photographs; hollow: half of the way back",
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", type=Path, default=ROOT / "runs/flickr8k/model")
    arguments = options.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder / "records")
        known_before = flickr8k_recall(arguments.model, folder / "before")
        for number, (way, flags) in enumerate(WAYS.items()):
            for keep in (0.0, 0.5):
                place = folder / f"{number}_{keep}"
                figures = fine_tuned(arguments.model, folder / "records", place, flags, keep)
                rows.append({"way": way, "flags": flags, "keep": keep, **figures})
                print(rows[-1], flush=True)
    report = {
        "command": "python benchmarks/fine_tuning.py",
        "machine": machine(),
        "recipe": RECIPE,
        "known_before": known_before,
        "rows": rows,
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (RESULTS / "fine_tuning.json").write_text(text + "\n", encoding="utf-8")
    (RESULTS / "fine_tuning.md").write_text(table(rows, known_before) + "\n", encoding="utf-8")
    draw(rows, known_before, ROOT / "docs/fine_tuning.png")


if __name__ == "__main__":
    main()
