"""The files that let TFDS open a finished build."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kclip.data.schema import DATASET_NAME, VERSION, features
from kclip.data.shards import STATE_FOLDER, ShardResult

INFO_FILE = "dataset_info.json"


def write_metadata(directory: Path, shards: Sequence[ShardResult]) -> None:
    """Writes `features.json` and, last, `dataset_info.json`; without it no reader opens the folder.

    Args:
        directory: where the shards lie.
        shards: all of them, in order.
    """
    import tensorflow_datasets as tfds

    # TFDS writes in place and looks at file names only, so it works on empty namesakes of the
    # shards, and its files are moved when they are whole.
    with tempfile.TemporaryDirectory(dir=directory / STATE_FOLDER, suffix=".tmp") as scratch:
        for shard in shards:
            (Path(scratch) / shard.file_name).touch()
        splits = sorted({shard.split for shard in shards})
        tfds.folder_dataset.write_metadata(
            data_dir=scratch,
            features=features(),
            split_infos=[_split_info(split, shards, scratch) for split in splits],
            version=VERSION,
            check_data=False,
            description="Images with captions and labels, one record per image (kclip).",
        )
        for name in ("features.json", INFO_FILE):
            (Path(scratch) / name).replace(directory / name)


def _split_info(split: str, shards: Sequence[ShardResult], directory: str) -> Any:
    import tensorflow_datasets as tfds
    from etils import epath

    own = [shard for shard in shards if shard.split == split]
    template = tfds.core.ShardedFileTemplate(
        data_dir=epath.Path(directory),
        dataset_name=DATASET_NAME,
        split=split,
        filetype_suffix="tfrecord",
    )
    return tfds.core.SplitInfo(
        name=split,
        shard_lengths=[shard.num_records for shard in own],
        num_bytes=sum(shard.num_bytes for shard in own),
        filename_template=template,
    )
