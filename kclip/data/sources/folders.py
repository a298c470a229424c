"""Reads class folders: `class/image.jpg` or `split/class/image.jpg`."""

from pathlib import Path

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.images.opening import list_images
from kclip.data.sources.assembling import as_text
from kclip.errors import UserError

SPLIT_FOLDERS = frozenset(("train", "validation", "val", "dev", "test"))


def read_class_folders(images_dir: Path) -> Source:
    """Reads `class/image.jpg` or `split/class/image.jpg`; the class becomes the label.

    The first level counts as splits when it holds nothing but the names in `SPLIT_FOLDERS`.

    Returns:
        Records sorted by path, with `id` = `file_name` = the path below `images_dir`.

    Raises:
        UserError: the folder is missing, or holds no images or no class folders.
    """
    paths = [path.relative_to(images_dir) for path in list_images(images_dir)]
    has_splits = {path.parts[0] for path in paths} <= SPLIT_FOLDERS
    records, rejections = [], []
    for path in paths:
        name = as_text(path.as_posix())
        folders = path.parts[:-1]
        split = folders[0] if has_splits else "train"
        classes = folders[1:] if has_splits else folders
        if classes:
            label = (as_text(classes[0]),)
            records.append(ImageRecord(name, name, images_dir / path, (), label, split))
        else:
            rejections.append(Rejection(name, "no class folder"))
    if not records:
        raise UserError(
            f"{images_dir} holds {len(paths)} images but no class folders; "
            "expected one folder per class, such as dog/1.jpg."
        )
    return Source(records, rejections)
