"""The command that looks whether files are as they were written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from kclip.config.checks import check_settings
from kclip.console.lines import LOGGER, one_line
from kclip.errors import KclipError, UserError
from kclip.files.checksums import CHECKSUMS_FILE, changed_files


@dataclass(frozen=True)
class VerifyFolder:
    """Looks whether the files of a build, a run, a model or kept features are as they were written.

    Every file is read, and its checksum compared with the one that was noted beside it; TFRecords
    record by record. Folders below are looked at, too.

      verify_folder runs/demo
      verify_folder tfrecords/synthetic
    """

    folder: tyro.conf.Positional[Path]
    """A build of TFRecords, a run, a model folder, a folder of features, or one that holds such."""

    def run(self) -> dict[str, int]:
        """Prints what was found sound.

        Returns:
            What is sound -> how many of it there are.

        Raises:
            UserError: there is no folder, or nothing in it that has checksums.
            KclipError: files are damaged or missing; the message names them.
        """
        check_settings(self)
        if not self.folder.is_dir():
            raise UserError(f"there is no folder {str(self.folder)!r}; give a build, run or model")
        sound: Counter[str] = Counter()
        faults = []
        for folder in (self.folder, *sorted(p for p in self.folder.rglob("*") if p.is_dir())):
            for what, fault in _looked_at(folder):
                sound[what] += not fault
                faults += [fault] if fault else []
        if faults:
            named = "; ".join(map(one_line, faults[:20]))
            more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""
            raise KclipError(
                f"{len(faults)} of what was checked in {self.folder} is not as it was written: "
                f"{named}{more}; copy it again, or make it again"
            )
        if not sound:
            raise UserError(
                f"{str(self.folder)!r} holds nothing with checksums ({CHECKSUMS_FILE}, a build of "
                "TFRecords, kept features); give a folder that this kclip wrote"
            )
        for what, count in sound.items():
            LOGGER.info(f"{count} {what} as written")
        return dict(sound)


def _looked_at(folder: Path) -> Iterator[tuple[str, str]]:
    """What of a folder has checksums, and its fault, "" where it is sound."""
    from kclip.data.records.metadata import INFO_FILE
    from kclip.data.records.shards import STATE_FOLDER
    from kclip.data.records.verify import verify_build
    from kclip.features.store import ABOUT_FILE, is_whole

    if (folder / INFO_FILE).is_file():
        yield "builds", _fault(lambda: verify_build(folder))
    elif (folder / CHECKSUMS_FILE).is_file() and folder.name != STATE_FOLDER:
        yield "folders", _fault(lambda: _compare(folder))
    if (folder / ABOUT_FILE).is_file():
        yield "kept features", "" if is_whole(folder) else f"{folder}: another checksum"


def _compare(folder: Path) -> None:
    faults = [f"{name} ({fault})" for name, fault in changed_files(folder).items()]
    if faults:
        raise KclipError(f"{folder}: {', '.join(faults)}")


def _fault(check) -> str:
    try:
        check()
    except KclipError as error:
        return str(error)
    return ""
