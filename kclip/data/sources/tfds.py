"""Reads any TFDS dataset that has images, such as `coco_captions` or a build of kclip."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kclip.console.offline import ADVICE, is_offline
from kclip.console.progress import ProgressBar
from kclip.data.image_record import UNKNOWN, ImageRecord, Rejection, Source
from kclip.data.sources.assembling import as_text, clean_captions
from kclip.errors import KclipError, UserError
from kclip.files import replaced_when_done

# The names that TFDS datasets give to the same things, best first.
_ID_KEYS = ("image/id", "image_id", "id")
_FILE_NAME_KEYS = ("image/filename", "file_name", "filename")
_CAPTION_KEYS = ("captions", "caption")
_LABEL_KEYS = ("labels", "label", "objects")
_IGNORED_KEYS = ("ignored_labels",)
_UNLABELLED = {-1}  # what TFDS gives as the class of test images whose classes are not published


class TFDSSource:
    """A TFDS dataset in two passes: names and captions first, then the images that were chosen.

    Args:
        dataset: a registered name, or the folder of a prepared dataset.
        data_dir: where TFDS keeps its datasets; TFDS' own default when None.
        images_dir: where `fetch_images` puts the images.

    Raises:
        UserError: there is no such dataset, or it has no images.
        KclipError: the dataset could not be downloaded.
    """

    def __init__(self, dataset: str, data_dir: Path | None, images_dir: Path):
        self.images_dir = images_dir
        self._builder = _open_builder(dataset, data_dir)
        features = self._builder.info.features
        self._image_key = _image_key(features, dataset)
        self._id_key = _first(_ID_KEYS, features)
        self._file_name_key = _first(_FILE_NAME_KEYS, features)
        self._caption_key = _first(_CAPTION_KEYS, features)
        self._label_key = _first(_LABEL_KEYS, features)
        self._ignored_key = _first(_IGNORED_KEYS, features)

    def read(self) -> Source:
        """Reads the records of all splits; their image files exist after `fetch_images` only."""
        keys = (self._id_key, self._file_name_key, self._caption_key, self._label_key)
        wanted = [key for key in (*keys, self._ignored_key) if key]
        records: list[ImageRecord] = []
        rejections: list[Rejection] = []
        for split in self._builder.info.splits:
            for index, example in enumerate(self._examples(split, wanted)):
                path = self._image_path(split, index)
                name = _text(example, self._file_name_key, path.as_posix())
                texts = _captions(example, self._caption_key)
                captions = clean_captions(name, texts, rejections) if texts else ()
                if captions or not texts:
                    id_ = _text(example, self._id_key, f"{split}/{index:08d}")
                    labels, ignored = self._labels(example), self._ignored(example)
                    file = self.images_dir / path
                    records.append(ImageRecord(id_, name, file, captions, labels, split, ignored))
        return Source(records, rejections, fetch_images=self.fetch_images)

    def read_images(self, split: str) -> list[ImageRecord]:
        """Reads one split's labels and images, which are held in memory as they are encoded.

        Raises:
            UserError: there is no such split.
        """
        if split not in self._builder.info.splits:
            known = ", ".join(self._builder.info.splits)
            raise UserError(f"{self._builder.name} has no split {split!r}; it has {known}.")
        keys = [self._image_key, self._file_name_key, self._label_key]
        records = []
        for index, example in enumerate(self._examples(split, [key for key in keys if key])):
            name = _text(example, self._file_name_key, f"{split}/{index:08d}")
            image, labels = example[self._image_key], self._labels(example)
            records.append(ImageRecord(f"{split}/{index:08d}", name, image, (), labels, split))
        return records

    @property
    def class_names(self) -> list[str]:
        """The names of the labels in their order; empty where the data set doesn't list them."""
        feature = self._label_feature() if self._label_key else None
        return list(getattr(feature, "names", None) or ())

    def fetch_images(self, records: Iterable[ImageRecord]) -> None:
        """Writes the image files of records that `read` returned, unless they are there."""
        missing = {r.image for r in records if isinstance(r.image, Path) and not r.image.exists()}
        if not missing:
            return
        with ProgressBar(total=len(missing), unit="img", desc="Fetching") as progress:
            for split in self._builder.info.splits:
                for index, example in enumerate(self._examples(split, [self._image_key])):
                    path = self.images_dir / self._image_path(split, index)
                    if path in missing:
                        with replaced_when_done(path) as temporary:
                            temporary.write_bytes(example[self._image_key])
                        progress.update()

    def _image_path(self, split: str, index: int) -> Path:
        return Path(split) / f"{index:08d}.image"

    def _examples(self, split: str, keys: list[str]) -> Iterator[dict[str, Any]]:
        if not keys:
            yield from ({} for _ in range(self._builder.info.splits[split].num_examples))
            return
        import tensorflow_datasets as tfds

        decoders: dict[str, Any] = {}
        if self._image_key in keys:  # the encoded bytes are wanted, not the pixels
            decoders[self._image_key] = tfds.decode.SkipDecoding()
        dataset = self._builder.as_dataset(
            split=split,
            decoders=tfds.decode.PartialDecoding({key: True for key in keys}, decoders=decoders),
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        yield from tfds.as_numpy(dataset)

    def _labels(self, example: dict[str, Any]) -> tuple[str, ...]:
        if not self._label_key:
            return ()
        value = example[self._label_key]
        if isinstance(value, dict):
            value = value.get("label", [])
        to_name = getattr(self._label_feature(), "int2str", as_text)
        values = _flat(value)
        known = (v for v in values if v not in _UNLABELLED)
        return tuple(
            dict.fromkeys(v.decode() if isinstance(v, bytes) else to_name(v) for v in known)
        )

    def _ignored(self, example: dict[str, Any]) -> tuple[str, ...]:
        if self._ignored_key:
            return tuple(name.decode() for name in _flat(example[self._ignored_key]))
        value = example[self._label_key] if self._label_key else ()
        unlabelled = not isinstance(value, dict) and set(_flat(value)) & _UNLABELLED
        return (UNKNOWN,) if unlabelled else ()

    def _label_feature(self) -> Any:
        import tensorflow_datasets as tfds

        feature = self._builder.info.features[self._label_key]
        feature = getattr(feature, "feature", feature)
        if isinstance(feature, tfds.features.FeaturesDict):  # detections: boxes with a label each
            feature = feature["label"] if "label" in feature else None
        return getattr(feature, "feature", feature)


def _open_builder(dataset: str, data_dir: Path | None) -> Any:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.constants import DATASET_INFO_FILENAME

    if (Path(dataset) / DATASET_INFO_FILENAME).is_file():
        return tfds.builder_from_directory(dataset)
    try:
        builder = tfds.builder(dataset, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise UserError(
            f"TFDS knows no dataset {dataset!r} ({str(error).splitlines()[0]}); expected a name "
            "such as coco_captions, or the folder of a prepared dataset."
        ) from None
    if is_offline() and not builder.is_prepared():
        raise UserError(f"TFDS has not prepared {dataset!r} in {builder.data_dir}; {ADVICE}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # the network, the disk, a changed site, a manual download
        raise KclipError(
            f"TFDS could not prepare {dataset!r}: {str(error).splitlines()[0]}"
        ) from error
    return builder


def _image_key(features: Any, dataset: str) -> str:
    import tensorflow_datasets as tfds

    keys = [key for key in features if isinstance(features[key], tfds.features.Image)]
    if not keys:
        raise UserError(f"the TFDS dataset {dataset!r} has no image; it has {', '.join(features)}.")
    return "image" if "image" in keys else keys[0]


def _first(names: Iterable[str], features: Any) -> str | None:
    return next((name for name in names if name in features), None)


def _flat(value: Any) -> list[Any]:
    import numpy as np

    return np.atleast_1d(value).ravel().tolist()


def _captions(example: dict[str, Any], key: str | None) -> list[str]:
    if key is None:
        return []
    value = example[key]
    texts = _flat(value["text"] if isinstance(value, dict) else value)
    return [text.decode("utf-8", "replace") for text in texts]


def _text(example: dict[str, Any], key: str | None, default: str) -> str:
    if key is None:
        return default
    value = example[key]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
