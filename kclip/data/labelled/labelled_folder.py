"""A folder of class folders: which split is taken, which classes there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.data.image_record import ImageRecord
from kclip.data.images.faults import report_left_out, warn_left_out
from kclip.data.labelled.class_names import ANIMALS10, read_class_names
from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.folders import ALL_SPLITS, NO_SPLITS, ClassFolders, read_class_folders
from kclip.errors import UserError

EVERY_SPLIT = ("train", "validation", "test")


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of class folders, with or without splits.

    Attributes:
        path: the folder.
        content: what lies in it.
        classes_file: names of the classes, or None for the folders' own.
        flag: the flag that names the split, for messages.
    """

    path: Path
    content: ClassFolders
    classes_file: Path | None = None
    flag: str = "--split"

    @classmethod
    def read(
        cls,
        path: Path,
        split: str | None = None,
        classes_file: Path | None = None,
        flag: str = "--split",
    ) -> "LabelledFolder":
        """Looks into a folder.

        Args:
            path: class folders, or folders of splits that hold class folders.
            split: what the user said: a split's name or folder, `all`, `none` where the first
                level are classes whatever they are called, or None for nothing.
            classes_file: as `read_class_names` reads it.
            flag: the flag that `split` comes from.

        Raises:
            UserError: there are no class folders, or names that may be splits or classes.
        """
        return cls(path, read_class_folders(path, split, flag), classes_file, flag)

    def take(self, split: str | None, wanted: Sequence[str], use: str) -> LabelledImages:
        """Takes the images of a split and says so.

        Args:
            split: as in `read`; None for the first of `wanted` that is there.
            wanted: splits that suit the use, the best first.
            use: what for, in a word or two: "training", "evaluation".

        Returns:
            The images; the classes are those of the split, and those that other splits have beside
            some of them.

        Raises:
            UserError: there is no such split, or it has one class only.
        """
        content = self.content
        if not content.splits:
            if split not in (None, ALL_SPLITS, NO_SPLITS):
                raise UserError(
                    f"{self.path} has no folders of splits; leave out {self.flag} {split}"
                )
            return self._images(content.records, [*content.rejections], str(self.path))
        if split == ALL_SPLITS:
            return self._images(content.records, [*content.rejections], f"{self.path}, all splits")
        taken = self._chosen(split, wanted, use)
        records = [record for record in content.records if record.split == taken]
        self._announce(taken, len(records), use)
        # Whoever names a split has seen what lies beside it.
        counted = [taken] if split else ["", taken]
        return self._images(records, counted, f"{self.path}, split {taken}")

    def check_pooled(self, split: str | None, flag: str) -> None:
        """Refuses to sample a training set of a folder that has one, unless the split is named.

        Raises:
            UserError: there are splits, and none is named.
        """
        if self.content.splits and split is None:
            raise UserError(
                f"{self.path} has the splits {', '.join(self.content.splits)}, so {flag} could be "
                f"of any of them; leave it out, or name one by {self.flag}"
            )

    def has(self, split: str) -> bool:
        """Whether there are class folders of a split."""
        return split in self.content.labelled_splits

    def _chosen(self, split: str | None, wanted: Sequence[str], use: str) -> str:
        splits, labelled = self.content.splits, self.content.labelled_splits
        unlabelled = [name for name in splits if name not in labelled]
        if split is None:
            found = next((name for name in wanted if name in labelled), None)
            # A test split without classes, or splits of other names, are no reason to measure on
            # the training images.
            others = {*splits} - {*EVERY_SPLIT}
            if found == "train" and "train" != wanted[0] and (unlabelled or others):
                found = None
            return found or self._refuse(f"none for {use}")
        return self.content.find_split(split) or self._refuse(f"no {split!r}")

    def _refuse(self, what: str) -> str:
        labelled = self.content.labelled_splits
        others = [name for name in self.content.splits if name not in labelled]
        without = f"; without class folders: {', '.join(others)}" if others else ""
        first = next((split for split in labelled if split != "train"), "train")
        raise UserError(
            f"{self.path} has the splits {', '.join(labelled)}{without}, and {what}; give "
            f"{self.flag} {first}, or another of them"
        )

    def _announce(self, taken: str, count: int, use: str) -> None:
        sizes = {name: 0 for name in self.content.splits}
        for record in self.content.records:
            sizes[record.split] += 1
        others = ", ".join(f"{name} ({size:,})" for name, size in sizes.items() if name != taken)
        aside = f"; left aside: {others}" if others else ""
        folder = self.content.splits[taken]
        LOGGER.info(f"{self.path}: {folder}/ is taken for {use} ({count:,} images){aside}")

    def _images(
        self, records: list[ImageRecord], counted: Sequence[str], origin: str
    ) -> LabelledImages:
        faults = [f for split in counted for f in self.content.rejections.get(split, [])]
        lost = [(fault.file_name, fault.reason) for fault in faults if fault.loses_image]
        report_left_out(lost, len(records) + len(lost))
        warn_left_out([(f.file_name, f.reason) for f in faults if not f.loses_image])
        if self.content.nested:
            LOGGER.warning(f"{self.path}: {self.content.nested_note}")
        labels = self._labels(records)
        if len(labels) < 2:
            raise UserError(
                f"{origin} holds the one class {labels[0]!r}; give a folder with one sub-folder of "
                "images for each of two classes or more"
            )
        return LabelledImages(records, _named(labels, self.classes_file), origin, faults)

    def _labels(self, records: list[ImageRecord]) -> list[str]:
        own = {record.labels[0] for record in records}
        everything = {record.labels[0] for record in self.content.records}
        _check_spelling(self.path, own, everything - own)
        # Splits of other classes altogether, as for unseen classes, are another task.
        overlap = any(
            own & others and own != others
            for others in (
                {r.labels[0] for r in self.content.records if r.split == split}
                for split in self.content.labelled_splits
            )
        )
        if overlap and everything - own:
            missing = ", ".join(sorted(everything - own)[:5])
            LOGGER.warning(f"{self.path}: classes of other splits without an image here: {missing}")
        return sorted(everything if overlap else own)


def _check_spelling(folder: Path, own: set[str], others: set[str]) -> None:
    """Refuses `Dog` in one split and `dog` in another."""
    by_key = {"".join(name.casefold().split()): name for name in own}
    for other in sorted(others):
        twin = by_key.get("".join(other.casefold().split()))
        if twin:
            raise UserError(
                f"{folder} has class folders {twin!r} and {other!r} in different splits, whose "
                "names differ in capitals or spaces alone; give both the same name"
            )


def _named(labels: list[str], classes_file: Path | None) -> dict[str, tuple[str, ...]]:
    if classes_file is None:
        translated = set(labels) <= set(ANIMALS10)
        return {label: (ANIMALS10[label] if translated else label,) for label in labels}
    named = read_class_names(classes_file)
    missing = [label for label in labels if label not in named]
    if missing:
        raise UserError(
            f"{classes_file} has no line for the class folder {missing[0]!r}; "
            "write one a class, as 'folder: name, synonym'"
        )
    return {label: named[label] for label in labels}
