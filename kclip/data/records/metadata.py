"""The files that let TFDS open a finished build."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kclip.data.records.schema import DATASET_NAME, FEATURES, SCHEMA_VERSION
from kclip.data.records.shards import ShardResult, write_atomically

INFO_FILE = "dataset_info.json"


def write_metadata(directory: Path, shards: Sequence[ShardResult]) -> None:
    """Writes `features.json` and, last, `dataset_info.json`; without it no reader opens the folder.

    The files equal those of `tfds.folder_dataset.write_metadata` to the byte. They are written
    here because a build then ends without the import of TFDS, which takes longer than a shard.

    Args:
        directory: where the shards lie.
        shards: all of them, in order.
    """
    splits = sorted({shard.split for shard in shards})
    info = {
        "description": "Images with captions and labels, one record per image (kclip).",
        "fileFormat": "tfrecord",
        "name": DATASET_NAME,
        "splits": [_split_info(split, shards) for split in splits],
        "version": SCHEMA_VERSION,
    }
    write_atomically(
        directory / "features.json", json.dumps(FEATURES, indent=4, sort_keys=True).encode()
    )
    write_atomically(directory / INFO_FILE, json.dumps(info, indent=2).encode())


def _split_info(split: str, shards: Sequence[ShardResult]) -> dict[str, Any]:
    own = [shard for shard in shards if shard.split == split]
    return {
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        "name": split,
        "numBytes": str(sum(shard.num_bytes for shard in own)),  # JSON has no 64-bit integers
        "shardLengths": [str(shard.num_records) for shard in own],
    }
