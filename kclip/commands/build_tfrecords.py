"""`build_tfrecords`: images with captions or labels become TFRecords."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from kclip.config.checks import check_settings
from kclip.config.ranges import Count, Fraction, Range, Seed
from kclip.console.lines import LOGGER
from kclip.data.copies.listing import COPIES_FILE, describe_copies, write_copies
from kclip.data.image_record import ImageRecord, Source
from kclip.data.records.build_result import BuildResult
from kclip.data.records.copies import BuildCopies
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.rejected import check_rejected, write_rejected
from kclip.data.records.shards import write_atomically
from kclip.data.records.verify import verify_build
from kclip.data.records.workers import prepare_workers
from kclip.data.records.writer import SOURCE_FOLDER, build_shards, check_output
from kclip.data.sources.folders import read_class_folders
from kclip.data.sources.labelled import read_coco_source, read_csv_source
from kclip.data.sources.nus_wide import NusWideClasses, read_nus_wide
from kclip.data.sources.selection import VALIDATION_SPLIT, merge, select
from kclip.data.sources.split_options import parse_named, parse_numbers
from kclip.data.sources.synthetic.generation import generate
from kclip.data.sources.tfds import TFDSSource
from kclip.data.sources.voc import VOC_YEAR, read_voc, voc_splits
from kclip.errors import UserError

# source -> options that it needs, options that it may have; others would be ignored silently
_OPTIONS = {
    "synthetic": ((), ()),
    "csv": (("images",), ("captions", "labels", "split_lists", "validation_fraction")),
    "coco": (
        ("images",),
        (
            "captions",
            "labels",
            "validation_images",
            "validation_captions",
            "validation_labels",
            "validation_fraction",
        ),
    ),
    "folders": (("images",), ("validation_fraction",)),
    "nus_wide": (("data_dir",), ("images", "validation_fraction")),
    "voc": (("data_dir",), ("year", "validation_fraction")),
    "tfds": (("dataset",), ("data_dir", "validation_fraction")),
}
_FetchImages = Callable[[Iterable[ImageRecord]], None]


@dataclass(frozen=True)
class BuildTFRecords:
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

    source: Literal["synthetic", "coco", "csv", "folders", "nus_wide", "voc", "tfds"] = "synthetic"
    """Generated scenes; COCO's JSON of captions or instances; CSV of captions or labels; one
    folder per class (or split/class); NUS-WIDE or PASCAL VOC in its own layout; a TFDS
    dataset."""
    images: Path | None = None
    """Folder of the images (coco, csv, folders; nus_wide, where it is not DATA_DIR/Flickr)."""
    captions: Path | None = None
    """Captions: a COCO JSON or a CSV with header image,caption (coco, csv). May be left out where
    there are labels."""
    labels: Path | None = None
    """Labels: CSV with header image,labels (joined by ;) or image,tags (by spaces), or with a
    column of 0 and 1 for each class after image or filename; COCO instances JSON (csv, coco).
    Without captions, its images are taken."""
    validation_images: Path | None = None
    """Folder of the validation images, when it is another one (coco)."""
    validation_captions: Path | None = None
    """Captions JSON of a validation split (coco)."""
    validation_labels: Path | None = None
    """Instances JSON of the validation split (coco)."""
    validation_fraction: Fraction = 0.0
    """Share of the training images to draw for a split "validation", 0 to 1."""
    split_lists: tuple[str, ...] = ()
    """Splits as NAME=FILE, each file with one image name a line (csv), such as
    train=train.txt validation=dev.txt."""
    dataset: str | None = None
    """Name of a TFDS dataset such as coco_captions, or the folder of a prepared one (tfds)."""
    data_dir: Path | None = None
    """Where TFDS keeps its datasets (tfds); the folder VOCdevkit (voc); the folder of NUS-WIDE
    with ImageList, ConceptsList, NUS_WID_Tags and TrainTestLabels (nus_wide). Of NUS-WIDE each
    image gets its tags among the 925 seen classes and its concepts among the 81 unseen ones, and
    seen_classes.txt and unseen_classes.txt are written beside the shards."""
    year: Annotated[int, Range(2005, 2100)] | None = None
    """Year of the challenge, 2007 by default (voc). Its trainval becomes the split train, its test
    the split test; where test or its labels are missing, train stays train and val becomes
    validation. Classes of which an image has "difficult" objects alone are kept as ignored."""
    max_images: tuple[str, ...] = ()
    """Most images per split: one number for all, or NAME=NUMBER."""
    captions_per_image: Count | None = None
    """Keep the first so many captions of each image; all by default."""
    resize: Annotated[int, Range(1, 65_535)] | None = None
    """Shrink images to this many pixels on the shorter side; without it files that are plain
    JPEG or PNG are stored byte for byte."""
    jpeg_quality: Annotated[int, Range(1, 100)] = 90
    """Quality of images that have to be encoded anew as JPEG, 1 to 100."""
    shards: tuple[str, ...] = ()
    """Shards per split: one number for all, or NAME=NUMBER; by size by default."""
    workers: Annotated[int, Range(1, 1024)] = os.cpu_count() or 1
    """Worker processes; the result does not depend on their number."""
    seed: Seed = 0
    """Seed of the order of images, of drawn splits and of generated scenes."""
    output: Path | None = None
    """Folder to write; tfrecords/SOURCE by default."""
    max_rejected: Fraction = 0.01
    """Largest share of images that may be rejected, 0 to 1."""
    find_copies: bool = True
    """Compare all images with each other: copies, nearly equal and mirrored ones, too, stay on one
    side of a split that is sampled, and copies.csv lists them. Opening each image once more for it
    takes about 1 ms."""
    verify: bool = False
    """Build nothing; re-read the output folder and check all checksums and counts."""

    def run(self) -> None:
        """Builds or verifies; see the class."""
        output = self.output or Path("tfrecords") / self.source
        if self.verify:
            _verify(output)
            return
        self._check()
        started = time.monotonic()
        check_output(output)
        if self.workers > 1:
            prepare_workers()
        source, fetch_images = self._read(output / SOURCE_FOLDER)
        # Generated scenes have no copies but by chance.
        compare = self.find_copies and self.source != "synthetic"
        copies = BuildCopies(output, fetch_images, self.workers) if compare else None
        splits = select(
            source.records,
            seed=self.seed,
            validation_fraction=self.validation_fraction,
            max_images=parse_numbers("--max-images", self.max_images),
            captions_per_image=self.captions_per_image,
            group_copies=copies.groups if copies else None,
        )
        fetch_images(record for records in splits.values() for record in records)
        result = build_shards(
            splits,
            output,
            Encoding(self.resize, self.jpeg_quality),
            parse_numbers("--shards", self.shards),
            self.workers,
            self._settings(),
        )
        num_rejected = self._report_rejected(source, result, output)
        found = _report_copies(copies, splits, output)
        self._write_classes(output)
        write_metadata(output, result.shards)
        has_captions = any(record.captions for record in source.records)
        next_command = "train_dual_encoder" if has_captions else "train_clip_decoder"
        seconds = time.monotonic() - started
        print(result.summary(output, num_rejected, found, seconds, next_command))

    def _check(self) -> None:
        check_settings(self)
        needed, allowed = _OPTIONS[self.source]
        for name in needed:
            if getattr(self, name) is None:
                raise UserError(f"--source {self.source} needs {_flag(name)}; see --help.")
        known = {name for pair in _OPTIONS.values() for names in pair for name in names}
        for name in sorted(known - set(needed) - set(allowed)):
            if getattr(self, name):
                raise UserError(f"{_flag(name)} has no meaning with --source {self.source}.")

    def _read(self, made_images: Path) -> tuple[Source, _FetchImages]:
        """Reads the source, and says how to make its images exist once some are chosen."""
        if self.source == "tfds":
            tfds_source = TFDSSource(str(self.dataset), self.data_dir, made_images)
            return merge([tfds_source.read()]), tfds_source.fetch_images
        readers = {
            "synthetic": lambda: self._read_synthetic(made_images),
            "csv": self._read_csv,
            "coco": self._read_coco,
            "folders": lambda: [read_class_folders(_given(self.images))],
            "nus_wide": lambda: [read_nus_wide(_given(self.data_dir), self.images)],
            "voc": self._read_voc,
        }
        return merge(readers[self.source]()), lambda records: None

    def _read_synthetic(self, directory: Path) -> list[Source]:
        generate(directory, seed=self.seed)
        lists = {"train": directory / "train.txt", VALIDATION_SPLIT: directory / "dev.txt"}
        tables = (directory / "captions.csv", directory / "labels.csv")
        return [read_csv_source(directory / "images", *tables, lists)]

    def _read_csv(self) -> list[Source]:
        lists = parse_named("--split-lists", self.split_lists)
        if "" in lists:
            raise UserError(f"--split-lists got {lists['']!r}; expected NAME=FILE.")
        files = {name: Path(file) for name, file in lists.items()}
        return [read_csv_source(_given(self.images), self.captions, self.labels, files)]

    def _read_coco(self) -> list[Source]:
        images = _given(self.images)
        sources = [read_coco_source(images, self.captions, self.labels, "train")]
        tables = (self.validation_captions, self.validation_labels)
        if tables[0] or (tables[1] and not self.captions):
            folder = self.validation_images or images
            sources.append(read_coco_source(folder, *tables, VALIDATION_SPLIT))
        elif self.validation_images or self.validation_labels:
            needed = "captions" if self.captions else "labels"
            raise UserError(f"a COCO validation split needs --validation-{needed}; see --help.")
        return sources

    def _read_voc(self) -> list[Source]:
        data_dir, year = _given(self.data_dir), self.year or VOC_YEAR
        splits = voc_splits(data_dir, year)
        if "test" not in splits:
            used = ", ".join(f"{name} as {split}" for name, split in splits.items())
            LOGGER.warning(f"{data_dir} has no labelled test images of VOC {year}; taking {used}")
        return [read_voc(data_dir, year)]

    def _write_classes(self, output: Path) -> None:
        if self.source == "nus_wide":
            classes = NusWideClasses.from_folder(_given(self.data_dir))
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
        )
        return {name: getattr(self, name) for name in names}

    def _report_rejected(self, source: Source, result: BuildResult, output: Path) -> int:
        from_images = [item for shard in result.shards for item in shard.rejections]
        report = write_rejected(output, source.rejections + from_images)
        opened = sum(shard.num_records for shard in result.shards) + len(from_images)
        check_rejected(source, from_images, opened, self.max_rejected, report)
        return len({item.file_name for item in (*source.rejections, *from_images)})


def _report_copies(
    copies: BuildCopies | None, splits: Mapping[str, Sequence[ImageRecord]], output: Path
) -> str:
    """Writes `copies.csv` and returns what the summary says of it."""
    if copies is None:
        (output / COPIES_FILE).unlink(missing_ok=True)  # of a run that did look for them
        return "not looked for"
    listed = copies.listed(splits)
    return f"{describe_copies(listed)} ({write_copies(output, listed).name})"


def _verify(output: Path) -> None:
    counts = verify_build(output)
    splits = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    print(f"{output} is as it was written: {splits} records, all checksums right")


def _given(path: Path | None) -> Path:
    if path is None:
        raise UserError("a path is missing; see --help.")
    return path


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")
