"""Re-reads a finished build and compares it with what was noted when it was written."""

from collections import Counter
from pathlib import Path

from kclip.console.progress import ProgressBar
from kclip.data.records.metadata import INFO_FILE
from kclip.data.records.rejected import REJECTED_FILE
from kclip.data.records.shards import STATE_FOLDER, inspect_shard, read_result
from kclip.data.records.writer import open_splits
from kclip.errors import KclipError
from kclip.files.checksums import changed_files

# Of a build, besides its shards.
NOTED_FILES = (INFO_FILE, "features.json", REJECTED_FILE, "seen_classes.txt", "unseen_classes.txt")


def verify_build(directory: Path) -> Counter[str]:
    """Checks every record's checksum, every file's SHA-256, and all counts.

    Returns:
        Split name -> number of records.

    Raises:
        UserError: the folder holds no finished build.
        KclipError: something is not as it was written; the message names the files.
    """
    problems = []
    counts: Counter[str] = Counter()
    for split, files in open_splits(directory).items():
        pairs = list(zip(files.files, files.shard_lengths, strict=True))
        for path, length in ProgressBar(pairs, desc=f"Checking {split}", unit="shard"):
            problem = _shard_problem(path, length)
            problems += [f"{path.name} ({problem})"] if problem else []
        counts[split] = files.num_records
    if not (directory / REJECTED_FILE).is_file():
        problems.append(f"{REJECTED_FILE} (missing)")
    changed = changed_files(directory, within=STATE_FOLDER)
    problems += [f"{name} ({fault})" for name, fault in changed.items()]
    if problems:
        raise KclipError(
            f"{len(problems)} files in {directory} are not as they were written: "
            f"{', '.join(problems)}; delete them and run the build again to make them anew."
        )
    return counts


def split_names(directory: Path) -> list[str]:
    """The splits of a finished build; raises `UserError` where there is none."""
    return list(open_splits(directory))


def _shard_problem(path: Path, length: int) -> str | None:
    noted = read_result(path)
    if noted is None or not path.is_file():
        return "missing" if noted else "never finished"
    try:
        num_records, sha256 = inspect_shard(path)
    except KclipError as error:
        return str(error)
    if not num_records == noted.num_records == length:
        return f"{num_records} records, expected {length}"
    return None if sha256 == noted.sha256 else "another checksum"
