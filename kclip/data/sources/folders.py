"""Reads class folders: `class/image.jpg`, `split/class/image.jpg` or `class/split/image.jpg`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.images.listing import ImageListing, find_images
from kclip.data.sources.folder_tree import FolderTree
from kclip.data.sources.split_folders import split_names, split_of
from kclip.errors import UserError
from kclip.files import printable

FirstLevel = Literal["auto", "splits", "classes"]
NO_CLASS_FOLDER = "no class folder"
ALL_SPLITS, NO_SPLITS = "all", "none"  # what a flag --split may say besides a name


@dataclass(frozen=True)
class ClassFolders:
    """Images with the class and split of their folders.

    Attributes:
        records: sorted by path, with `id` = `file_name` = the path below the folder, one label,
            and the split, `train` where there are none.
        splits: split -> its folder below the one that was read; none where there are no splits.
        rejections: split -> images that have no class folder, and what else was left out; what
            lies outside of the splits is under "".
        nested: classes whose images all lie in several folders below theirs, which may have been
            meant as the classes.
        hidden: how many hidden and system files were passed over.
    """

    records: list[ImageRecord]
    splits: dict[str, str]
    rejections: dict[str, list[Rejection]]
    nested: tuple[str, ...] = ()
    hidden: int = 0

    @property
    def labelled_splits(self) -> list[str]:
        """The splits that have class folders."""
        found = {record.split for record in self.records}
        return [split for split in self.splits if split in found]

    @property
    def nested_note(self) -> str:
        """What a user should know of folders in class folders."""
        return f"took all folders in the class folders {_listed(self.nested)} as of that class"

    def find_split(self, name: str) -> str | None:
        """The labelled split of that name or folder, or None."""
        by_folder = {folder.removeprefix("*/"): split for split, folder in self.splits.items()}
        for split in (by_folder.get(name), name, split_of(name)):
            if split in self.labelled_splits:
                return split
        return None

    def as_source(self, name: str | None) -> Source:
        """The records for a build: of all splits, or of the one that is named.

        Raises:
            UserError: there is no such split.
        """
        taken, records, rejections = self.splits, self.records, self.rejections
        if name not in (None, ALL_SPLITS, NO_SPLITS):
            split = self.find_split(name)
            if split is None:
                known = ", ".join(self.labelled_splits) or "none"
                raise UserError(
                    f"--split is {name!r}, but the splits are {known}; give one of them"
                )
            taken = {split: self.splits[split]}
            records = [record for record in records if record.split == split]
            rejections = {split: rejections.get(split, [])}
        named = ", ".join(f"{folder}/ as the split {split}" for split, folder in taken.items())
        notes = [f"took {named}"] if named else []
        notes += [self.nested_note] * bool(self.nested)
        if self.hidden:
            notes.append(f"passed over {self.hidden} hidden or system files and folders")
        return Source(records, [f for faults in rejections.values() for f in faults], tuple(notes))


@dataclass(frozen=True)
class _Part:
    """A folder whose folders are classes, and the images that lie beside them."""

    split: str
    folder: FolderTree
    beside: list[Path]


def read_class_folders(
    images_dir: Path, split: str | None = None, flag: str = "--split"
) -> ClassFolders:
    """Reads class folders; the class becomes the label.

    A folder that holds nothing but one folder of folders is passed through. Folders called after
    splits (see `split_names`) are splits where they hold class folders, and where the folders of
    all classes hold them.

    Args:
        images_dir: the folder.
        split: what the user said: `none` where the first level are classes whatever they are
            called, any other text where called after splits they are splits; None for nothing, in
            which case names that may be both are refused.
        flag: the flag that `split` comes from, for messages.

    Raises:
        UserError: the folder is missing, holds no images or no class folders, or can be read in
            two ways.
    """
    first_level: FirstLevel = "auto" if split is None else "splits"
    if split == NO_SPLITS:
        first_level = "classes"
    listing = find_images(images_dir)
    top, beside = FolderTree.of(listing.paths, images_dir).unwrapped()
    splits = {} if first_level == "classes" else _splits(images_dir, top, first_level, flag)
    inner = _inner_splits(images_dir, top, flag) if not splits and first_level != "classes" else {}
    if not splits:
        parts = [_Part("train", top, []), _Part("", FolderTree(top.path), [*beside, *top.images])]
    else:
        others = [tree for name, tree in top.folders.items() if name not in splits]
        outside = [path for tree in others for path in tree.all_images()]
        parts = [_Part("", FolderTree(top.path), [*beside, *top.images, *outside])]
        for name, split in splits.items():
            folder, strays = top.folders[name].unwrapped_split()
            parts.append(_Part(split, folder, [*strays, *folder.images]))
    return _assembled(images_dir, listing, parts, splits, inner)


def _splits(
    images_dir: Path, top: FolderTree, first_level: FirstLevel, flag: str
) -> dict[str, str]:
    """Folder -> split, none where the folders are classes."""
    found = split_names(top.folders.keys())
    with_classes = [name for name in found if top.folders[name].unwrapped_split()[0].folders]
    others = [name for name in top.folders if name not in found]
    if not found or (first_level == "splits" and with_classes):
        return found
    if not with_classes:
        # A lone "train" among other flat folders is a vehicle, as among VOC's classes.
        if others and set(found.values()) == {"train"}:
            return {}
        if not others:
            raise UserError(
                f"{images_dir / top.path} holds images but no class folders in "
                f"{_listed(found)}; expected one folder per class in each, such as "
                f"{next(iter(found))}/dog/1.jpg, or give {flag} none if these are classes"
            )
    if others:
        raise UserError(
            f"{images_dir / top.path} holds {_listed(found)}, which look like splits, beside "
            f"{_listed(others)}; give {flag} with one of {', '.join(found.values())} to leave the "
            f"rest aside, or {flag} none if all of these are classes"
        )
    return found


def _inner_splits(images_dir: Path, top: FolderTree, flag: str) -> dict[str, dict[str, str]]:
    """Class folder -> its folders that are splits, where all classes have such: `dog/train/`."""
    found = {name: split_names(tree.folders.keys()) for name, tree in top.folders.items()}
    inner = {
        name: splits
        for name, splits in found.items()
        if splits and len(splits) == len(top.folders[name].folders)
    }
    if len({split for splits in inner.values() for split in splits.values()}) < 2:
        return {}
    without = [name for name in top.folders if name not in inner]
    if inner and without:
        name = next(iter(inner))
        raise UserError(
            f"{images_dir / top.path} holds splits in the class folder {name} "
            f"({_listed(inner[name])}) and none in {_listed(without)}; move the splits to the top, "
            f"as in {next(iter(inner[name]))}/{name}, or give {flag} none to take all "
            "images of each class"
        )
    return inner


def _assembled(
    images_dir: Path,
    listing: ImageListing,
    parts: list[_Part],
    splits: dict[str, str],
    inner: dict[str, dict[str, str]],
) -> ClassFolders:
    records: list[ImageRecord] = []
    rejections: dict[str, list[Rejection]] = {}

    def reject(split: str, path: Path) -> None:
        name = printable(path.relative_to(images_dir).as_posix())
        # What lies beside folders of splits belongs to none of them.
        fault = Rejection(name, NO_CLASS_FOLDER, loses_image=not (splits and split == ""))
        rejections.setdefault(split, []).append(fault)

    for part in parts:
        for path in part.beside:
            reject(part.split, path)
        for label, tree in part.folder.folders.items():
            for split, path in _with_splits(part.split, tree, inner.get(label, {})):
                if split:
                    name = printable(path.relative_to(images_dir).as_posix())
                    labels = (printable(label),)
                    records.append(ImageRecord(name, name, path, labels=labels, split=split))
                else:
                    reject("", path)
    if not records:
        raise UserError(
            f"{images_dir} holds {len(listing.paths)} images but no class folders; "
            "expected one folder per class, such as dog/1.jpg."
        )
    rejections.setdefault("", []).extend([*listing.left_out, *_empty_folders(listing, parts)])
    records.sort(key=lambda record: Path(record.file_name))
    folders = {split: name for name, split in splits.items()}
    for names in inner.values():
        folders |= {split: f"*/{name}" for name, split in names.items()}
    nested = {
        label
        for part in parts
        for label, tree in part.folder.folders.items()
        if not tree.images and len(tree.folders) > 1 and label not in inner
    }
    return ClassFolders(records, folders, rejections, tuple(sorted(nested)), len(listing.hidden))


def _empty_folders(listing: ImageListing, parts: list[_Part]) -> Iterator[Rejection]:
    """Folders beside those of classes or splits, without an image."""
    root = listing.directory
    used = {folder for path in listing.paths for folder in path.relative_to(root).parents}
    levels = {part.folder.path for part in parts}
    for folder in listing.folders:
        path = folder.relative_to(root)
        if path not in used and path.parent in levels:
            yield Rejection(
                f"{printable(path.as_posix())}/", "no image in this folder", loses_image=False
            )


def _with_splits(
    split: str, tree: FolderTree, splits: dict[str, str]
) -> Iterator[tuple[str, Path]]:
    """The images of a class with their splits, those of the class' own splits where it has any."""
    if not splits:
        yield from ((split, path) for path in tree.all_images())
        return
    yield from (("", path) for path in tree.images)
    for name, own in splits.items():
        yield from ((own, path) for path in tree.folders[name].all_images())


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:5]) + f" and {len(names) - 5} more" * (len(names) > 5)
