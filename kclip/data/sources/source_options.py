"""What a user says of the data to build from; the flags of `build_tfrecords` that name them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from kclip.config.ranges import Fraction, Range, Seed
from kclip.data.sources.reading_options import ReadingOptions


@dataclass(frozen=True, kw_only=True)
class SourceOptions(ReadingOptions):
    """Which data, where they lie, and how they are read."""

    source: Literal[
        "synthetic", "coco", "csv", "karpathy", "folders", "nus_wide", "voc", "tfds"
    ] = "synthetic"
    """Generated scenes; COCO's JSON of captions or instances; CSV of captions or labels;
    Karpathy's JSON, such as dataset_flickr8k.json; one folder per class (or split/class); NUS-WIDE
    or PASCAL VOC in its own layout; a TFDS dataset."""
    images: Path | None = None
    """Folder of the images (coco, csv, karpathy, folders; nus_wide, where it is not
    DATA_DIR/Flickr)."""
    captions: Path | None = None
    """Captions: a COCO or Karpathy JSON, or a CSV with header image,caption, such as Flickr30k's
    results.csv (coco, karpathy, csv). May be left out where there are labels."""
    labels: Path | None = None
    """Labels: CSV with header image,labels or image,tags (several joined, or a list), image,label
    (one a row), or with a column of 0 and 1 for each class after image or filename; COCO instances
    JSON (csv, coco). Without captions, its images are taken; with captions, images without a row
    are of unknown labels."""
    validation_images: Path | None = None
    """Folder of the validation images, when it is another one (coco)."""
    validation_captions: Path | None = None
    """Captions JSON of a validation split (coco)."""
    validation_labels: Path | None = None
    """Instances JSON of the validation split (coco)."""
    validation_fraction: Fraction = 0.0
    """Fraction of the training images to sample for a split "validation", 0 to 1."""
    split_lists: tuple[str, ...] = ()
    """Splits as NAME=FILE, each file with one image name a line (csv), such as
    train=train.txt validation=dev.txt. A column "split" in the CSV does the same."""
    split: str | None = None
    """Of class folders below folders of splits, the one split to take; all by default; none where
    the first level are classes, whatever they are called (folders)."""
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
    seed: Seed = 0
    """Seed of the order of images, of sampled splits and of generated scenes."""
