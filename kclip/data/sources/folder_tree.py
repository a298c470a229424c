"""Images in the tree of their folders."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from kclip.data.sources.split_folders import split_of

_PLAIN_FOLDERS = frozenset(("images", "image", "imgs", "img", "data", "photos", "pictures"))


@dataclass
class FolderTree:
    """A folder with images somewhere below it.

    Attributes:
        path: below the folder that was read; empty for that itself.
        images: the files that lie in it directly.
        folders: the folders in it that have images somewhere below them, by their names.
    """

    path: PurePath
    images: list[Path] = field(default_factory=list)
    folders: dict[str, "FolderTree"] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Iterable[Path], root: Path) -> "FolderTree":
        """Puts files in the tree of their folders below `root`."""
        tree = cls(PurePath())
        for path in paths:
            folder = tree
            for name in path.relative_to(root).parts[:-1]:
                folder = folder.folders.setdefault(name, cls(folder.path / name))
            folder.images.append(path)
        return tree

    def all_images(self) -> Iterator[Path]:
        """Goes over the images of this folder and of all below it."""
        yield from self.images
        for folder in self.folders.values():
            yield from folder.all_images()

    def unwrapped(self) -> "tuple[FolderTree, list[Path]]":
        """Goes down through folders that hold nothing but one folder of folders.

        Returns:
            The folder whose folders are the classes or splits, such as `PetImages`, and the images
            that lie beside the folders on the way.
        """
        folder, beside = self, []
        while len(folder.folders) == 1:
            (inner,) = folder.folders.values()
            several = len(inner.folders) > 1 or (inner.folders and not inner.images)
            if split_of(inner.path.name) or not several:
                break
            beside += folder.images
            folder = inner
        return folder, beside

    def unwrapped_split(self) -> "tuple[FolderTree, list[Path]]":
        """The same for the folder of a split, such as `seg_train/seg_train` or `train/images`."""
        folder, beside = self, []
        while len(folder.folders) == 1:
            (inner,) = folder.folders.values()
            name = inner.path.name.lower()
            if not (
                name == folder.path.name.lower()
                or name in _PLAIN_FOLDERS
                or (split_of(name) and split_of(name) == split_of(folder.path.name))
            ):
                break
            beside += folder.images
            folder = inner
        return folder, beside
