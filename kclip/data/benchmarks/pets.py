"""The test set of the Oxford-IIIT Pets."""

from pathlib import Path

from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.layout import first_existing, image_record, read_rows
from kclip.files import path_inside

GUIDE = (
    "The Oxford-IIIT Pets are on www.robots.ox.ac.uk/~vgg/data/pets: unpack images.tar.gz and "
    "annotations.tar.gz so that --data-dir holds images/ and annotations/test.txt."
)


def read_pets(data_dir: Path) -> LabelledImages:
    """Reads `annotations/test.txt`, whose lines start with an image's name, and `images/`.

    The class is the name without its number: `american_bulldog_10` is an American bulldog.

    Raises:
        UserError: the data set is missing, or the list is of another form.
    """
    split = first_existing([data_dir / "annotations" / "test.txt"], GUIDE)
    images = first_existing([data_dir / "images"], GUIDE)
    names = [row[0] for row in read_rows(split, num_columns=2)]
    records = [
        image_record(file_name, path_inside(images, file_name, follow_links=True), label)
        for file_name, label in ((f"{name}.jpg", name.rpartition("_")[0]) for name in names)
    ]
    labels = sorted({record.labels[0] for record in records}, key=str.lower)
    return LabelledImages(records, {label: (label.replace("_", " "),) for label in labels})
