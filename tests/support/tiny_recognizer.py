"""Labelled pictures of plain colours, and a multi-label classifier of them with random weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
from fake_embedder import COLORS, FakeEmbedder, write_color_images

SEEN, UNSEEN = ["blue", "green", "red", "warm"], ["purple", "yellow"]
WARM = {"red", "yellow"}


def write_labelled_records(folder: Path, splits=("train", "validation"), ignored=None) -> Path:
    """TFRecords of plain colours, each labelled by its name, red and yellow as warm, too.

    `ignored`: colour -> names that its pictures ignore.
    """
    from kclip.data.image_record import ImageRecord
    from kclip.data.records.encoding import Encoding
    from kclip.data.records.metadata import write_metadata
    from kclip.data.records.writer import build_shards

    records = {}
    for number, split in enumerate(splits):
        paths = write_color_images(folder / split, per_color=3 + number)
        records[split] = [
            ImageRecord(
                f"{split}/{path.name}",
                path.name,
                path,
                (),
                labels_of(path),
                split,
                (ignored or {}).get(path.stem.split("_")[0], ()),
            )
            for path in paths
        ]
    shards = build_shards(records, folder / "records", Encoding(), {}, 1, {}).shards
    write_metadata(folder / "records", shards)
    (folder / "records" / "seen_classes.txt").write_text("\n".join(SEEN))
    (folder / "records" / "unseen_classes.txt").write_text("\n".join(UNSEEN))
    return folder / "records"


def labels_of(path: Path) -> tuple[str, ...]:
    color = path.stem.split("_")[0]
    return (color, "warm") if color in WARM else (color,)


class ColorEmbedder(FakeEmbedder):
    """Says how long its embeddings are, as query sources ask."""

    model = SimpleNamespace(projection_dim=len(COLORS))


def tiny_classifier(class_names, head="zero_shot"):
    from kclip.models import ImageEncoder, MultiLabelClassifier

    keras.utils.set_random_seed(0)
    query_dim = len(COLORS) if head == "zero_shot" else None
    tower = ImageEncoder("small_cnn", image_size=32, name="image_encoder")
    return MultiLabelClassifier(
        tower, class_names, head, query_dim, dim=16, num_heads=2, intermediate_dim=32
    )


def write_classifier(folder: Path, source: str | None = "colors") -> None:
    """A model folder as a run leaves it; the preset knows the seen classes alone."""
    queries = ColorEmbedder().embed_texts([f"a {name}" for name in SEEN + UNSEEN])
    model = tiny_classifier(SEEN)
    model.set_queries(queries[: len(SEEN)])
    model.save_to_preset(str(folder))
    classes = {"seen": SEEN, "unseen": UNSEEN, "query_source": source, "templates": ["a {}"]}
    (folder / "classes.json").write_text(json.dumps(classes))
    np.savez(folder / "queries.npz", names=np.array(SEEN + UNSEEN), embeddings=queries)
