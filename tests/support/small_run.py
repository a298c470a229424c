"""A training run so small that tests can repeat it: 48 generated scenes and tiny towers."""

from pathlib import Path

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.data.sources.synthetic import generation as synthetic

IMAGE = ImageTower(backbone="small_cnn", size=32)
TEXT = TextTower(backbone="tiny", vocabulary_size=256, dropout=0.1, sequence_length=24)
OBJECTIVE = Objective(projection_dim=16)
OPTIMIZATION = Optimization(epochs=3, batch_size=8)


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
    """A run of three epochs of six batches."""
    settings = {
        "image": IMAGE,
        "text": TEXT,
        "objective": OBJECTIVE,
        "optimization": OPTIMIZATION,
    }
    return TrainDualEncoder(data=records, output=output, **(settings | changes))
