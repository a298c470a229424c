"""A training run so small that tests can repeat it: 48 generated scenes and tiny towers."""

from pathlib import Path

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.data.sources.synthetic import generation as synthetic
from kclip.models.towers.text_encoder import BERT_SIZES

# A text tower that is traced in a third of the time of "tiny".
SMALLEST = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
BERT_SIZES["smallest"] = SMALLEST
IMAGE = ImageTower(backbone="small_cnn", size=32)
TEXT = TextTower(backbone="smallest", vocabulary_size=256, dropout=0.1, sequence_length=24)
OBJECTIVE = Objective(projection_dim=16)
OPTIMIZATION = Optimization(epochs=2, batch_size=8)


def write_records(
    folder: Path, num_train: int = 48, num_dev: int = 12, shards: str = "3", texts: str = "captions"
) -> Path:
    """TFRecords of training and validation scenes with captions, or labels; see source/, too."""
    source = folder / "source"
    synthetic.generate_scenes(source, num_train=num_train, num_dev=num_dev, zero_shot_per_class=2)
    BuildTFRecords(
        source="csv",
        images=source / "images",
        **{texts: source / f"{texts}.csv"},
        split_lists=(f"train={source}/train.txt", f"validation={source}/dev.txt"),
        output=folder / "records",
        shards=(shards,),
        workers=1,
    ).run()
    return folder / "records"


def config(records: Path, output: Path, **changes) -> TrainDualEncoder:
    """A run of two epochs of six batches."""
    settings = {
        "image": IMAGE,
        "text": TEXT,
        "objective": OBJECTIVE,
        "optimization": OPTIMIZATION,
    }
    return TrainDualEncoder(data=records, output=output, **(settings | changes))
