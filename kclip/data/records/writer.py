"""The sharded, resumable TFRecord writer, and where readers find its shards."""

import fcntl
import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from kclip.console.progress import ProgressBar
from kclip.data.image_record import ImageRecord
from kclip.data.records.build_result import BuildResult
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import INFO_FILE
from kclip.data.records.schema import DATASET_NAME, SCHEMA_VERSION
from kclip.data.records.shards import (
    STATE_FOLDER,
    ShardJob,
    finished_result,
    plan_shards,
    write_atomically,
)
from kclip.data.records.workers import write_shards
from kclip.errors import UserError
from kclip.reading import in_one_sentence, read_json_file

SOURCE_FOLDER = "source"  # images that the build made or fetched itself
_REQUEST_FILE = "request.json"


@dataclass(frozen=True)
class SplitFiles:
    """The shards of one split, in order, with the number of records in each."""

    files: list[Path]
    shard_lengths: list[int]

    @property
    def num_records(self) -> int:
        """Records in the whole split."""
        return sum(self.shard_lengths)


def build_shards(
    splits: Mapping[str, Sequence[ImageRecord]],
    directory: Path,
    encoding: Encoding,
    num_shards: Mapping[str, int],
    workers: int,
    settings: Mapping[str, Any],
) -> BuildResult:
    """Writes the shards that are not there yet; the same arguments give the same bytes.

    Args:
        splits: split name -> records in their final order.
        directory: where the shards go; must be new, or hold a build of this same request.
        encoding: how images are stored.
        num_shards: split name -> number of shards, "" for all others; by size where absent.
        workers: number of processes.
        settings: what the user asked for, to name the difference when the folder holds another
            build; everything JSON can hold.

    Raises:
        UserError: the folder holds another build or other files, or a build runs in it.
        KclipError: the disk is full or not writable, or a worker was killed.
    """
    jobs = plan_shards(splits, num_shards, directory, encoding)
    request = dict(settings) | {"schema": SCHEMA_VERSION}
    request["shards"] = dict(Counter(job.split for job in jobs))
    request["records"] = _records_digest(splits)
    check_output(directory)
    (directory / STATE_FOLDER).mkdir(parents=True, exist_ok=True)
    with _lock(directory):
        _check_request(directory, request)
        for leftover in (directory / STATE_FOLDER).glob("*.tmp"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        return _write_missing(jobs, directory, workers)


def open_split(directory: Path, split: str) -> SplitFiles:
    """Finds the shards of a split in a finished build.

    Raises:
        UserError: as `open_splits`, or the build has no such split.
    """
    splits = open_splits(directory)
    if split not in splits:
        raise UserError(f"{directory} has no split {split!r}; it has {', '.join(sorted(splits))}.")
    return splits[split]


def open_splits(directory: Path) -> dict[str, SplitFiles]:
    """Finds the shards of all splits of a finished build, by the names of the splits.

    Raises:
        UserError: there is no finished build in the folder, or it is of another version.
    """
    directory = Path(directory)
    path = directory / INFO_FILE
    if not path.exists():
        raise UserError(
            f"{directory} holds no finished TFRecords ({INFO_FILE} is missing); "
            "give a folder that build_tfrecords has completed."
        )
    with in_one_sentence(str(path), "delete it and run the build again to make it anew"):
        info = dict(read_json_file(path))
    if info.get("name") != DATASET_NAME or info.get("version") != SCHEMA_VERSION:
        raise UserError(
            f"{directory} holds {info.get('name')!r} in version {info.get('version')}; expected "
            f"{DATASET_NAME!r} in version {SCHEMA_VERSION} of its records, so build it again with "
            "this kclip (other datasets: build_tfrecords --source tfds --dataset FOLDER)."
        )
    with in_one_sentence(str(path), "delete it and run the build again to make it anew"):
        lengths = {s["name"]: [int(n) for n in s["shardLengths"]] for s in info["splits"]}
        for name in lengths:
            if name != PurePath(name).name:
                raise ValueError(f"a split cannot be called {name!r}")
    return {
        name: SplitFiles(_shard_paths(directory, name, len(of_split)), of_split)
        for name, of_split in lengths.items()
    }


def _shard_paths(directory: Path, split: str, total: int) -> list[Path]:
    begin = f"{DATASET_NAME}-{split}.tfrecord"
    return [directory / f"{begin}-{number:05d}-of-{total:05d}" for number in range(total)]


def _write_missing(jobs: Sequence[ShardJob], directory: Path, workers: int) -> BuildResult:
    results = {job.path.name: finished_result(job) for job in jobs}
    missing = [job for job in jobs if results[job.path.name] is None]
    if missing:  # until all is there again, nobody shall open the folder as complete
        (directory / INFO_FILE).unlink(missing_ok=True)
    num_images = sum(len(job.records) for job in jobs)
    num_missing = sum(len(job.records) for job in missing)
    started = time.monotonic()
    with ProgressBar(
        total=num_images, initial=num_images - num_missing, unit="img", desc="Writing"
    ) as progress:
        for result in write_shards(missing, workers):
            results[result.file_name] = result
            progress.update(result.num_records + len(result.rejections))
    rate = num_missing / max(1e-9, time.monotonic() - started)  # images per second
    return BuildResult([result for result in results.values() if result], len(missing), rate)


def check_output(directory: Path) -> None:
    """Raises `UserError` when the folder holds files that no build wrote."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file; give a folder as --output.")
    ours = {SOURCE_FOLDER, STATE_FOLDER}
    found = {path.name for path in directory.iterdir()} if directory.exists() else set()
    # What a build leaves that was killed while it made its images.
    found = {name for name in found if not name.startswith(f".{SOURCE_FOLDER}-")}
    if found - ours and STATE_FOLDER not in found:
        raise UserError(
            f"{directory} holds other files (such as {min(found - ours)}); "
            "give a new or empty folder as --output."
        )


def _check_request(directory: Path, request: dict[str, Any]) -> None:
    path = directory / STATE_FOLDER / _REQUEST_FILE
    if not path.exists():
        write_atomically(path, json.dumps(request, indent=1).encode())
        return
    with in_one_sentence(str(path), f"delete the folder {directory} and build it again"):
        earlier = dict(read_json_file(path))
    # Through JSON, so that tuples compare equal to the lists they became.
    now = json.loads(json.dumps(request))
    changed = [name for name in now | earlier if now.get(name) != earlier.get(name)]
    if changed:
        texts = [f"{name} {earlier.get(name)!r} then, {now.get(name)!r} now" for name in changed]
        if changed == ["records"]:
            texts = ["other images, captions or labels"]
        elif "records" in changed:
            texts.pop(changed.index("records"))
        raise UserError(
            f"{directory} holds a build of another request ({'; '.join(texts)}); "
            "give another --output, or delete that folder."
        )


def _records_digest(splits: Mapping[str, Sequence[ImageRecord]]) -> str:
    digest = hashlib.sha256()
    for split, records in splits.items():
        for record in records:
            digest.update(json.dumps([split, *record.texts]).encode())
    return digest.hexdigest()


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Held by the system for this process, so it ends with it, however it ends."""
    with (directory / STATE_FOLDER / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another build is running in {directory}; let it end.") from None
        yield
