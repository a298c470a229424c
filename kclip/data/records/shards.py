"""One shard: the unit of work of a build, and what is known of it once it is written.

A shard depends on its job alone, never on the other shards or the number of workers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.images.opening import ImageError
from kclip.data.records.encoding import Encoding, encode_image
from kclip.data.records.file_format import read_records, write_record
from kclip.data.records.schema import DATASET_NAME, SCHEMA_VERSION, SPEC, serialize
from kclip.files import file_digest, replaced_when_done
from kclip.reading import read_json_file

STATE_FOLDER = "build"  # beside the shards: their checksums, the request, unfinished files
_IMAGES_PER_SHARD = 256
_MANY_SHARDS = 128
_BYTES_PER_SHARD = 256 * 2**20


@dataclass(frozen=True)
class ShardJob:
    """What one shard is to hold, and the file it goes to."""

    path: Path
    split: str
    records: tuple[ImageRecord, ...]
    encoding: Encoding


@dataclass(frozen=True)
class ShardResult:
    """A finished shard; kept as JSON beside it.

    Attributes:
        file_name: of the shard.
        split: that it belongs to.
        num_records: in it.
        num_bytes: of the file.
        sha256: of the file, hexadecimal.
        inputs: digest of the job, with the sizes of the image files and when they were changed.
        rejections: images of the job that could not be stored.
    """

    file_name: str
    split: str
    num_records: int
    num_bytes: int
    sha256: str
    inputs: str
    rejections: tuple[Rejection, ...]


def plan_shards(
    splits: Mapping[str, Sequence[ImageRecord]],
    num_shards: Mapping[str, int],
    directory: Path,
    encoding: Encoding,
) -> list[ShardJob]:
    """Cuts each split into shards of equal length (give or take one record).

    Args:
        splits: split name -> records in their final order.
        num_shards: split name -> number of shards, "" for all others; by size where absent.
        directory: where the shards go.
        encoding: how images are stored.
    """
    jobs = []
    for split, records in splits.items():
        wanted = num_shards.get(split, num_shards.get("", 0)) or _sensible_shards(records)
        total = min(len(records), wanted)
        for index in range(total):
            bounds = index * len(records) // total, (index + 1) * len(records) // total
            name = f"{DATASET_NAME}-{split}.tfrecord-{index:05d}-of-{total:05d}"
            jobs.append(ShardJob(directory / name, split, tuple(records[slice(*bounds)]), encoding))
    return jobs


def write_shard(job: ShardJob) -> ShardResult:
    """Writes one shard under a temporary name, checks it, and only then gives it its name.

    Raises:
        OSError: the disk is full or not writable.
    """
    with replaced_when_done(job.path, _state_folder(job.path), durable=True) as temporary:
        with temporary.open("wb") as file:
            rejections = _write_records(file, job)
        num_records = len(job.records) - len(rejections)
        num_found, sha256 = inspect_shard(temporary)
        if num_found != num_records:  # a disk that loses data without an error
            raise OSError(f"{temporary} holds {num_found} records after {num_records} were written")
        num_bytes = temporary.stat().st_size
    result = ShardResult(
        job.path.name, job.split, num_records, num_bytes, sha256, _inputs_digest(job), rejections
    )
    write_atomically(result_path(job.path), json.dumps(asdict(result), indent=1).encode())
    return result


def finished_result(job: ShardJob) -> ShardResult | None:
    """The result of an earlier build if it wrote just this shard, else None."""
    result = read_result(job.path)
    if result is None or result.inputs != _inputs_digest(job) or not job.path.is_file():
        return None
    same_size = job.path.stat().st_size == result.num_bytes
    return result if same_size and file_digest(job.path) == result.sha256 else None


def read_result(shard: Path) -> ShardResult | None:
    """What was noted when the shard was finished; None if it never was, or the note is damaged."""
    try:
        fields = read_json_file(result_path(shard))
        rejections = tuple(Rejection(**rejection) for rejection in fields.pop("rejections"))
        result = ShardResult(**fields, rejections=rejections)
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None  # missing or damaged
    counts = (result.num_records, result.num_bytes)
    texts = [result.file_name, result.split, result.sha256, result.inputs]
    texts += [text for left_out in rejections for text in (left_out.file_name, left_out.reason)]
    kinds = all(type(n) is int for n in counts) and all(isinstance(text, str) for text in texts)
    return result if kinds else None


def result_path(shard: Path) -> Path:
    """The JSON file beside a shard that holds its `ShardResult`."""
    return shard.parent / STATE_FOLDER / f"{shard.name}.json"


def inspect_shard(path: Path) -> tuple[int, str]:
    """Re-reads a shard: its number of records, each checked, and the SHA-256 of the file.

    Raises:
        KclipError: a record is damaged or cut off.
    """
    with path.open("rb") as file:
        num_records = sum(1 for _ in read_records(file))
        file.seek(0)
        return num_records, hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file in the state folder or beside it: whole, or not at all."""
    with replaced_when_done(path, _state_folder(path), durable=True) as temporary:
        temporary.write_bytes(data)


def _state_folder(path: Path) -> Path:
    """Where unfinished files lie, so that a killed build leaves none among the shards."""
    return path.parent if path.parent.name == STATE_FOLDER else path.parent / STATE_FOLDER


def _write_records(file: BinaryIO, job: ShardJob) -> tuple[Rejection, ...]:
    rejections = []
    for record in job.records:
        try:
            image = encode_image(record.image, job.encoding)
        except ImageError as error:
            rejections.append(Rejection(record.file_name, error.reason))
            continue
        stored = {"image": image.data, "height": image.height, "width": image.width}
        named = {feature.name: getattr(record, feature.name, None) for feature in SPEC}
        write_record(file, serialize(**named | stored))
    return tuple(rejections)


def _sensible_shards(records: Sequence[ImageRecord]) -> int:
    """Enough for several workers and for shuffling, but no shard far above 256 MiB."""
    by_count = min(_MANY_SHARDS, -(-len(records) // _IMAGES_PER_SHARD))
    num_bytes = sum(max(0, image_size(record.image)) for record in records)
    return max(1, by_count, -(-num_bytes // _BYTES_PER_SHARD))


def _inputs_digest(job: ShardJob) -> str:
    digest = hashlib.sha256(json.dumps([SCHEMA_VERSION, asdict(job.encoding)]).encode())
    for record in job.records:
        stamp = (image_size(record.image), _change_time(record.image))
        digest.update(json.dumps([*record.texts, *stamp]).encode())
    return digest.hexdigest()


def _change_time(image: Path | bytes) -> int:
    """When a file was changed, in ns: another image may have as many bytes."""
    return image.stat().st_mtime_ns if isinstance(image, Path) and image_size(image) >= 0 else 0


def image_size(image: Path | bytes) -> int:
    """Size of an encoded image in bytes; -1 for a file that is missing."""
    if isinstance(image, bytes):
        return len(image)
    try:
        return image.stat().st_size
    except OSError:
        return -1
