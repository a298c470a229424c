"""What bfloat16 saves and costs where a model only answers: speed, decisions, recall.

python benchmarks/bfloat16.py

The model of `make real` (runs/flickr8k/model) embeds images of Flickr8k's dev split and their
captions under float32 and under the policy mixed_bfloat16, by turns; a ratio is the median over the
rounds. Then both say which of the captions fits each image best, and find images by captions and
captions by images. Needs the data of `make real` (KCLIP_DATA).
"""

import csv
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
from results_file import HERE, parser, write_result
from turns import median_ratio, spread, take_turns

from kclip import Embedder
from kclip.data.images.opening import load_image

MODEL = HERE.parent / "runs/flickr8k/model"
IMAGES, SHORT_IMAGES = 1000, 200
ROUNDS, SHORT_ROUNDS = 7, 3
TIMED = 64  # images, and captions, of a round
POLICIES = ("float32", "mixed_bfloat16")


def dev_split(folder: Path, count: int) -> tuple[list[Path], list[str]]:
    """The first images of the dev split, and one caption of each."""
    names = (folder / "dev.txt").read_text().split()[:count]
    with (folder / "captions.csv").open(newline="", encoding="utf-8") as file:
        captions = {row["image"]: row["caption"] for row in csv.DictReader(file)}
    return [folder / "images" / name for name in names], [captions[name] for name in names]


def recall_at_10(similarities: np.ndarray) -> float:
    """Percent of rows whose own column is among the ten most similar."""
    own = np.diag(similarities)[:, None]
    return float(100 * np.mean((similarities > own).sum(axis=1) < 10))


def main() -> None:
    short = parser(__doc__).parse_args().short
    data = Path(os.environ.get("KCLIP_DATA", HERE.parent.parent / "shared/data")) / "flickr8k"
    if not MODEL.is_dir() or not data.is_dir():
        sys.exit(f"needs {MODEL} (make real) and {data} (KCLIP_DATA)")
    images, captions = dev_split(data, SHORT_IMAGES if short else IMAGES)
    embedders = {policy: Embedder.from_name(MODEL, dtype=policy) for policy in POLICIES}
    side = embedders["float32"].preprocessor
    pixels = np.stack([side.prepare(load_image(path)) for path in images[:TIMED]])
    pixels = pixels.astype(np.float32)

    similarities, seconds = {}, {}
    for policy, embedder in embedders.items():  # which also compiles both
        of_images = embedder.embed_images(images, progress=False)
        similarities[policy] = of_images @ embedder.embed_texts(captions).T
    for what, method, inputs in (
        ("images", "embed_batch", pixels),
        ("texts", "embed_texts", captions[:TIMED]),
    ):
        sides = {name: partial(getattr(e, method), inputs) for name, e in embedders.items()}
        for side_run in sides.values():
            side_run()
        seconds[what] = take_turns(sides, SHORT_ROUNDS if short else ROUNDS)

    exact, rounded = (similarities[policy] for policy in POLICIES)
    same = 100 * np.mean(exact.argmax(axis=1) == rounded.argmax(axis=1))
    recalls = {
        policy: [round(recall_at_10(table), 1) for table in (matrix.T, matrix)]
        for policy, matrix in similarities.items()
    }
    rows = [
        {
            "what": f"seconds of {TIMED} {what}",
            "ratio": round(median_ratio(times["float32"], times["mixed_bfloat16"]), 3),
            "kclip": spread(times["mixed_bfloat16"], "s"),
            "other": spread(times["float32"], "s"),
            "reach": "said as it is",
        }
        for what, times in seconds.items()
    ]
    write_result(
        "bfloat16",
        **{**rows[0], "what": f"mixed_bfloat16 beside float32, {rows[0]['what']}"},
        rows=rows[1:],
        same_best_caption_percent=round(float(same), 1),
        largest_difference_of_a_similarity=float(np.abs(exact - rounded).max()),
        recall_at_10_of_images_and_of_captions=recalls,
        images=len(images),
        seconds=seconds,
    )


if __name__ == "__main__":
    main()
