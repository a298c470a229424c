"""`check_data`: what is in a data set, and what looks wrong with it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.config.ranges import Fraction, Range
from kclip.console.lines import LOGGER
from kclip.data.images.limits import within_limits
from kclip.data.sources.reading_options import ReadingOptions
from kclip.errors import KclipError, UserError

if TYPE_CHECKING:
    from kclip.data.sources.source_options import SourceOptions
    from kclip.evaluation.data_check.reading import OpenedData
    from kclip.evaluation.data_check.tokens import TextReader

_BUILD_FILE = "dataset_info.json"  # in a folder of TFRecords


@dataclass(frozen=True, kw_only=True)
class CheckData(ReadingOptions, ImageLimits):
    """Says what is in a data set and what looks wrong with it: look here before you train.

    It finds copies of images (equal, nearly equal and mirrored ones) within and across splits,
    copies with contradicting labels; images that can't be read, are tiny, of extreme shape or of
    one colour; captions that are empty, repeated or shared by many images; texts longer than a
    model reads; classes of very different size, without images, or spelled in several ways; and
    class names that are the same to a model's tokenizer.

    A finished build of TFRecords; class folders or plain images; a folder with captions.csv,
    labels.csv, train.txt and the like beside its images:

      check_data tfrecords/photos
      check_data photos
      check_data flickr8k

    Images with captions or labels elsewhere, read as build_tfrecords reads them:

      check_data photos --captions captions.csv --split-lists train=train.txt test=test.txt
      check_data train2017 --captions captions_train2017.json

    Writes report.md, metrics.json, copies.csv and figures. What is known of images is kept in the
    output folder, so a run that was stopped goes on where it was, and the next one takes seconds.
    """

    folder: tyro.conf.Positional[Path]
    """TFRecords of build_tfrecords; or a folder of images (NUS-WIDE and VOC: the data set's)."""
    source: Literal["csv", "coco", "karpathy", "folders", "nus_wide", "voc"] | None = None
    """How the folder is read, as in build_tfrecords. Without it: a build where there is one; COCO
    where captions or labels are JSON, CSV where they are not; class folders where there are
    sub-folders; else plain images. Tables in the folder that are called captions.csv, labels.csv
    and the like are taken, with the images in it or in its sub-folder images."""
    captions: Path | None = None
    """Captions: a CSV with header image,caption, or a JSON of COCO or Karpathy."""
    labels: Path | None = None
    """Labels: a CSV with header image,labels or its like, or a JSON of COCO's instances."""
    validation_images: Path | None = None
    """Folder of the validation images, when it is another one (coco)."""
    validation_captions: Path | None = None
    """Captions JSON of a validation split (coco)."""
    validation_labels: Path | None = None
    """Instances JSON of the validation split (coco)."""
    split_lists: tuple[str, ...] = ()
    """Splits as NAME=FILE, each file with one image name a line (csv)."""
    split: str | None = None
    """Of class folders below folders of splits, the one split to take; all by default; none where
    the first level are classes, whatever they are called (folders)."""
    year: Annotated[int, Range(2005, 2100)] | None = None
    """Year of the challenge, 2007 by default (voc)."""
    similar_names: Literal["refuse", "merge", "keep"] = "keep"
    """What to do with names of classes that differ in capitals or spaces alone: keep and report
    them, or what build_tfrecords does with them."""
    max_unreadable: Fraction = 0.01
    """Largest fraction of images that can't be read before this is something serious."""
    model: str | None = None
    """Model whose tokenizer reads the texts: a model folder, or what kclip.load takes. Without it
    only texts are found that are too long for the usual models."""
    output: Path | None = None
    """Folder that the results are written to; data_checks/FOLDER by default."""
    workers: Annotated[int, Range(1, 1024)] = os.cpu_count() or 1
    """Images that are opened at once; the result does not depend on it."""
    strict: bool = False
    """Exit with 1 if something serious was found, for use in scripts."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Opens every image, checks the data, and writes the report.

        Returns:
            What `metrics.json` holds.
        """
        check_settings(self)
        output = self.output or Path("data_checks") / self.folder.resolve().name

        from kclip.data.copies.fingerprinting import Fingerprinter
        from kclip.evaluation.data_check.check import check_data
        from kclip.evaluation.data_check.reading import take_fingerprints
        from kclip.reports.data_check import findings_table, splits_table, write_data_check

        data, kind = self._open(output)
        for note in data.notes:
            LOGGER.info("%s", note)
        reader = self._reader()
        fingerprinter = Fingerprinter(output / "fingerprints.npz", self.workers)
        results = check_data(take_fingerprints(data, fingerprinter), reader)
        about = {"data": f"{self.folder} ({kind})", "images": f"{len(data):,}"}
        about |= {"texts as read by": self.model} if self.model else {}
        report = write_data_check(output, about, results, data.images)
        print(splits_table(results.numbers), findings_table(results.findings), sep="\n\n")
        print(f"\nthe report is {report}")
        self._check_strict(results.as_dict())
        return results.as_dict()

    def _open(self, output: Path) -> "tuple[OpenedData, str]":
        """The data set, and what it was taken for."""
        from kclip.evaluation.data_check.reading import open_source

        if not self.folder.is_dir():
            raise UserError(
                f"{self.folder} is not a folder; give TFRecords of build_tfrecords, or images."
            )
        if not (self.source or self.captions or self.labels):
            return self._open_untold(output)
        source = self.source or _source_of(self.captions, self.labels)
        return open_source(self._source_options(source, self.folder), output), source

    def _open_untold(self, output: Path) -> "tuple[OpenedData, str]":
        """Finds out what the folder holds."""
        from dataclasses import replace

        from kclip.evaluation.data_check.own_tables import find_own_tables
        from kclip.evaluation.data_check.reading import OpenedData, open_plain_images, open_source

        if (self.folder / _BUILD_FILE).is_file():
            self._refuse_options("TFRecords")
            return OpenedData(self.folder), "TFRecords"
        own = find_own_tables(self.folder)
        if own:
            LOGGER.info("%s", own.in_words())
            source = _source_of(own.captions, own.labels)
            lists = self.split_lists or (own.split_lists if source == "csv" else ())
            told = replace(self, captions=own.captions, labels=own.labels, split_lists=lists)
            return open_source(told._source_options(source, own.images), output), source
        images = open_plain_images(self.folder)
        if images:
            self._refuse_options("images without captions and labels")
            return images, "images"
        return open_source(self._source_options("folders", self.folder), output), "folders"

    def _source_options(self, source: str, images: Path) -> "SourceOptions":
        """The options as `build_tfrecords` has them."""
        from dataclasses import fields

        from kclip.data.sources.registry import SOURCES
        from kclip.data.sources.source_options import SourceOptions

        place = "data_dir" if "data_dir" in SOURCES[source].needs else "images"
        known = {field.name for field in fields(SourceOptions)} - {"source", place}
        if "similar_names" not in SOURCES[source].may_have:
            known.remove("similar_names")
        given: dict[str, Any] = {name: getattr(self, name) for name in known if hasattr(self, name)}
        return SourceOptions(**given, **{"source": source, place: images})

    def _refuse_options(self, what: str) -> None:
        for name in ("split_lists", "split", "validation_captions", "validation_labels", "year"):
            if getattr(self, name):
                flag = "--" + name.replace("_", "-")
                raise UserError(f"{flag} has no meaning for {what}; leave it out, or see --help.")

    def _reader(self) -> "TextReader | None":
        if self.model is None:
            return None
        from kclip.evaluation.data_check.model_texts import text_reader

        return text_reader(self.model)

    def _check_strict(self, results: dict[str, Any]) -> None:
        kinds = [found["kind"] for found in results["findings"] if found["level"] == "serious"]
        if self.strict and kinds:
            raise KclipError(
                f"{len(kinds)} serious findings ({', '.join(dict.fromkeys(kinds))}); see the report"
            )


def _source_of(captions: Path | None, labels: Path | None) -> Literal["csv", "coco"]:
    """How tables are read: COCO where all of them are JSON."""
    tables = [table for table in (captions, labels) if table]
    return "coco" if all(table.suffix.lower() == ".json" for table in tables) else "csv"
