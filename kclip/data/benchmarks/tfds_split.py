"""One split of any classification data set of TFDS."""

from pathlib import Path

from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError


def read_tfds(dataset: str, split: str, data_dir: Path | None) -> LabelledImages:
    """Reads images and labels of one split, and the names of the classes.

    Args:
        dataset: a registered name such as `cifar10`, or the folder of a prepared data set.
        split: such as `test`.
        data_dir: where TFDS keeps its data sets; TFDS' own default when None.

    Returns:
        Records with the encoded images in memory; the classes in the data set's order, or sorted
        where it lists none.

    Raises:
        UserError: there is no such data set or split, or it isn't one of one label an image.
        KclipError: the data set could not be downloaded.
    """
    from kclip.data.sources.tfds import TFDSSource

    source = TFDSSource(dataset, data_dir, images_dir=Path())
    records = source.read_images(split)
    odd = next((record for record in records if len(record.labels) != 1), None)
    if odd or not records:
        found = f"{odd.file_name} has {len(odd.labels)}" if odd else f"{split!r} has no image"
        raise UserError(f"classification takes images with one label each; in {dataset} {found}.")
    labels = source.class_names or sorted({record.labels[0] for record in records})
    return LabelledImages(records, {label: (label,) for label in labels})
