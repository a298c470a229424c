"""What all features of frozen towers share: names by digests, one pass over images."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kclip
from kclip.console.progress import ProgressBar
from kclip.data.pipeline.augmentation import shrunk
from kclip.data.pipeline.pixels import whole_pixels
from kclip.data.pipeline.split_reading import image_batches
from kclip.data.records.split_digest import split_digest
from kclip.data.records.writer import SplitFiles
from kclip.errors import KclipError
from kclip.features.arrays import new_array
from kclip.models import DualEncoderPreprocessor

BATCH_SIZE = 64
# How images become pixels; in the digest, since features of other pixels are others.
DECODING = "accurate DCT, whole pixels"

View = Callable[[np.ndarray], np.ndarray]


def image_views(mirror: bool, shrink: bool = False) -> list[View]:
    """How each image is shown: as it is, and after that, where asked for, mirrored.

    With `shrink` both follow once more, as they look when they were small. Each is a function of
    float32 (B, S, S, 3).
    """
    views: list[View] = [lambda images: images]
    if mirror:
        views.append(lambda images: images[:, :, ::-1])
    if shrink:
        views += [lambda images, view=view: np.asarray(shrunk(view(images))) for view in views]
    return views


def compute_views(
    folder: Path,
    tower: Any,
    split: SplitFiles,
    resize: Callable[[Any], Any],
    views: Sequence[View],
    dtypes: Mapping[str, type[np.floating]],
) -> None:
    """Runs a tower over each view of each image.

    Args:
        folder: gets a file `NAME.npy` for each output: an array (V, N, ...), for V views.
        tower: a Keras model of images (B, S, S, 3), to one output or a dict of several.
        split: N records.
        resize: of the tower's preprocessing; runs inside tf.data.
        views: as `image_views` gives them.
        dtypes: name of each output -> dtype of its array.

    Raises:
        KclipError: an output is too large for the dtype, or no number.
    """
    outputs = {
        name: new_array(
            folder / f"{name}.npy",
            (len(views), split.num_records, *_by_name(tower.output, dtypes)[name].shape[1:]),
            dtype,
        )
        for name, dtype in dtypes.items()
    }
    start = 0
    with ProgressBar(total=split.num_records, unit="img", desc="Image features") as bar:
        for images in image_batches(split, resize, BATCH_SIZE).as_numpy_iterator():
            stop = start + len(images)
            for number, view in enumerate(views):
                found = _by_name(tower.predict_on_batch(view(images)), dtypes)
                for name, dtype in dtypes.items():
                    outputs[name][number, start:stop] = _fitting(found[name], dtype)
            bar.update(len(images))
            start = stop
    for array in outputs.values():
        array.flush()


def pixels_for(preprocessor: Any) -> Callable[[Any], Any]:
    """A preprocessor's resizing for tf.data, to whole pixels.

    Args:
        preprocessor: of a dual encoder. A CLIP's resizes by operations of the backend, which inside
            of tf.data TensorFlow's alone are, so that it is called from there under any other.
    """
    if isinstance(preprocessor, DualEncoderPreprocessor) or software()["backend"] == "tensorflow":
        return whole_pixels(preprocessor.resize)

    def resize(image: Any) -> Any:
        resized = tf.numpy_function(lambda i: np.asarray(preprocessor.resize(i)), [image], tf.uint8)
        resized.set_shape((preprocessor.side, preprocessor.side, 3))
        return resized

    return whole_pixels(resize)


def _by_name(outputs: Any, names: Iterable[str]) -> dict[str, Any]:
    return outputs if isinstance(outputs, dict) else dict.fromkeys(names, outputs)


def _fitting(outputs: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
    largest = float(np.abs(outputs).max())
    if not largest <= np.finfo(dtype).max:
        raise KclipError(
            f"the frozen image tower gives features up to {largest:.3g}, which {dtype.__name__} "
            "cannot hold; its weights do not fit it, so give others"
        )
    return outputs


def digest(towers: Iterable[Any], split: SplitFiles, *others: Any) -> str:
    """Names what outputs depend on: towers, data, the software that runs them, and all else.

    Args:
        towers: Keras models, known by their weights and configs.
        split: the records, known by their bytes.
        *others: what JSON can hold.
    """
    return digest_of(towers, split_digest(split), *others)


def digest_of(towers: Iterable[Any], data: Any, *others: Any) -> str:
    """The same for data that are known by what `data` says, which JSON can hold."""
    result = hashlib.sha256()
    for tower in towers:
        result.update(json.dumps(settings(tower.get_config())).encode())
        for weight in tower.get_weights():
            result.update(np.ascontiguousarray(weight).data)
    result.update(json.dumps([data, software(), DECODING, *others]).encode())
    return result.hexdigest()[:16]


def software() -> dict[str, str]:
    """What computes features, by its versions."""
    versions = {
        "kclip": kclip.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    return versions | {"backend": keras.backend.backend()}


def described(what: str, split: SplitFiles) -> dict[str, Any]:
    """What some features are of, for people who list them."""
    first = split.files[0]
    return {
        "features": what,
        "data": str(first.parent.resolve()),
        "first_file": first.name,
        "images": split.num_records,
        "computed_by": software(),
    }


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """A config without what has no part in the outputs, or is digested apart."""
    # Names are counted up within a process; the vocabulary and the views are digested apart.
    apart = ("name", "tokenizer", "mirror")
    return {key: value for key, value in config.items() if key not in apart}
