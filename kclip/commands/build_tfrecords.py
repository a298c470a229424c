"""`build_tfrecords`: images with captions or labels become TFRecords."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from kclip.config.checks import check_settings
from kclip.config.images import MAX_PIXELS
from kclip.config.ranges import Count, Fraction, Range
from kclip.console.lines import LOGGER
from kclip.data.copies.listing import COPIES_FILE, describe_copies, write_copies
from kclip.data.image_record import ImageRecord, Source
from kclip.data.records.build_result import BuildResult
from kclip.data.records.copies import BuildCopies
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.rejected import check_rejected, common_reasons, write_rejected
from kclip.data.records.shards import STATE_FOLDER, write_atomically
from kclip.data.records.verify import NOTED_FILES, verify_build
from kclip.data.records.workers import prepare_workers
from kclip.data.records.writer import SOURCE_FOLDER, build_shards, check_output
from kclip.data.sources.nus_wide import NusWideClasses
from kclip.data.sources.registry import check_source_options, read_source
from kclip.data.sources.selection import select
from kclip.data.sources.source_options import SourceOptions
from kclip.data.sources.split_options import parse_numbers
from kclip.files.checksums import note_checksums


@dataclass(frozen=True, kw_only=True)
class BuildTFRecords(SourceOptions):
    """Turns images with captions or labels into TFRecords that TFDS and kclip open.

    Without options it generates a dataset of coloured shapes. Your own images:

      --source csv --images photos --captions captions.csv --validation-fraction 0.1

    The report's COCO pairs:

      --source coco --images train2017 --captions captions_train2017.json
      --validation-fraction 0.1 --max-images train=30000 validation=6000 --captions-per-image 3

    Images with labels and without captions, for multi-label recognition:

      --source csv --images photos --labels tags.csv --validation-fraction 0.1
      --source coco --images train2017 --labels instances_train2017.json
      --source nus_wide --data-dir NUS-WIDE --resize 256
      --source voc --data-dir VOCdevkit --year 2007

    A build that was stopped goes on where it was when the same command is run again.
    """

    max_images: tuple[str, ...] = ()
    """Most images per split: one number for all, or NAME=NUMBER."""
    captions_per_image: Count | None = None
    """Keep the first so many captions of each image; all by default."""
    resize: Annotated[int, Range(1, 65_535)] | None = None
    """Shrink images to this many pixels on the shorter side; without it files that are plain
    JPEG or PNG are stored byte for byte."""
    jpeg_quality: Annotated[int, Range(1, 100)] = 90
    """Quality of images that have to be encoded anew as JPEG, 1 to 100."""
    max_pixels: Annotated[int, Range(1)] = MAX_PIXELS
    """Largest image to open, in pixels; a larger one is taken for a decompression bomb."""
    shards: tuple[str, ...] = ()
    """Shards per split: one number for all, or NAME=NUMBER; by size by default."""
    workers: Annotated[int, Range(1, 1024)] = os.cpu_count() or 1
    """Worker processes; the result does not depend on their number."""
    output: Path | None = None
    """Folder to write; tfrecords/SOURCE by default."""
    max_rejected: Fraction = 0.01
    """Largest fraction of images that may be rejected, 0 to 1."""
    find_copies: bool = True
    """Compare all images with each other: copies, nearly equal and mirrored ones, too, stay on one
    side of a split that is sampled, and copies.csv lists them. Opening each image once more for it
    takes about 1 ms."""
    verify: bool = False
    """Build nothing; re-read the output folder and check all checksums and counts."""

    def run(self) -> dict[str, int]:
        """Builds or verifies; see the class.

        Returns:
            Split -> number of records.
        """
        output = self.output or Path("tfrecords") / self.source
        if self.verify:
            return _verify(output)
        check_settings(self)
        check_source_options(self)
        started = time.monotonic()
        check_output(output)
        if self.workers > 1:
            prepare_workers()
        source = read_source(self, output / SOURCE_FOLDER)
        if source.rejections:
            LOGGER.info(
                "left out by the reader: %d, most often: %s",
                len(source.rejections),
                common_reasons(source.rejections),
            )
        copies = self._copies(source, output)
        splits = select(
            source.records,
            seed=self.seed,
            validation_fraction=self.validation_fraction,
            max_images=parse_numbers("--max-images", self.max_images),
            captions_per_image=self.captions_per_image,
            group_copies=copies.groups if copies else None,
        )
        source.fetch_images(record for records in splits.values() for record in records)
        result = build_shards(
            splits,
            output,
            Encoding(self.resize, self.jpeg_quality, self.max_pixels),
            parse_numbers("--shards", self.shards),
            self.workers,
            self._settings(),
        )
        num_rejected = self._report_rejected(source, result, output)
        found = _report_copies(copies, splits, output)
        self._write_classes(output)
        write_metadata(output, result.shards)
        note_checksums(output, [*NOTED_FILES, COPIES_FILE], within=STATE_FOLDER)
        has_captions = any(record.captions for record in source.records)
        next_command = "train_dual_encoder" if has_captions else "train_clip_decoder"
        seconds = time.monotonic() - started
        print(result.summary(output, num_rejected, found, seconds, next_command, source.notes))
        return result.num_records

    def _copies(self, source: Source, output: Path) -> BuildCopies | None:
        """What compares images; generated scenes have no copies but by chance."""
        if not self.find_copies or self.source == "synthetic":
            return None
        return BuildCopies(output, source.fetch_images, self.workers, self.max_pixels)

    def _write_classes(self, output: Path) -> None:
        if self.source == "nus_wide" and self.data_dir is not None:
            classes = NusWideClasses.from_folder(self.data_dir)
            for name, own in (("seen", classes.seen), ("unseen", classes.unseen)):
                write_atomically(
                    output / f"{name}_classes.txt", "".join(f"{c}\n" for c in own).encode()
                )

    def _settings(self) -> dict[str, object]:
        """What decides the bytes, by the names that the user knows."""
        names = (
            "source",
            "max_images",
            "captions_per_image",
            "validation_fraction",
            "resize",
            "jpeg_quality",
            "seed",
            "similar_names",
        )
        return {name: getattr(self, name) for name in names}

    def _report_rejected(self, source: Source, result: BuildResult, output: Path) -> int:
        from_images = [item for shard in result.shards for item in shard.rejections]
        report = write_rejected(output, source.rejections + from_images)
        opened = sum(shard.num_records for shard in result.shards) + len(from_images)
        check_rejected(source, from_images, opened, self.max_rejected, report)
        return len(source.rejections) + len(from_images)


def _report_copies(
    copies: BuildCopies | None, splits: Mapping[str, Sequence[ImageRecord]], output: Path
) -> str:
    """Writes `copies.csv` and returns what the summary says of it."""
    if copies is None:
        (output / COPIES_FILE).unlink(missing_ok=True)  # of a run that did look for them
        return "not looked for"
    listed = copies.listed(splits)
    return f"{describe_copies(listed)} ({write_copies(output, listed).name})"


def _verify(output: Path) -> dict[str, int]:
    counts = verify_build(output)
    splits = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    print(f"{output} is as it was written: {splits} records, all checksums right")
    return counts
