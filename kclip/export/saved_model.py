"""A TensorFlow SavedModel that takes encoded images and strings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from kclip.export.graph_tokenizer import for_graphs, lookup_tables, tokenize_in_graph
from kclip.export.towers import image_tower, text_tower

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def export_saved_model(embedder: "Embedder", folder: Path) -> None:
    """Writes a SavedModel with decoding, resizing and tokenization inside.

    Its signatures are `embed_images(images)`, `embed_texts(texts)` and
    `logits_per_image(images, texts)`, string tensors of JPEG or PNG bytes and of UTF-8 texts.

    Args:
        embedder: the model, in float32.
        folder: made if missing.
    """
    images, texts = (
        tf.TensorSpec((None,), tf.string, "images"),
        tf.TensorSpec((None,), tf.string, "texts"),
    )
    endpoints = _Endpoints(embedder)
    archive: Any = keras.export.ExportArchive()
    archive.track(endpoints.image_tower)
    archive.track(endpoints.text_tower)
    for table in lookup_tables(endpoints.preprocessor):
        archive.track(table)
    archive.add_endpoint("embed_images", endpoints.embed_images, [images])
    archive.add_endpoint("embed_texts", endpoints.embed_texts, [texts])
    archive.add_endpoint("logits_per_image", endpoints.logits_per_image, [images, texts])
    with _quiet():
        archive.write_out(str(folder), verbose=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TensorFlow from a remark on each lookup table, which it calls safe to ignore itself."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


class _Endpoints:
    """The signatures' functions, from tensors to tensors."""

    def __init__(self, embedder: "Embedder"):
        self.preprocessor = for_graphs(embedder.preprocessor)
        self.logit_scale = embedder.model.logit_scale
        self.image_tower: Any = image_tower(embedder)
        self.text_tower: Any = text_tower(embedder)

    def embed_images(self, images: Any) -> Any:
        shape = self.image_tower.input["image"].shape[1:]
        pixels = tf.map_fn(self._pixels, images, fn_output_signature=tf.TensorSpec(shape))
        return self.image_tower({"image": pixels}, training=False)

    def embed_texts(self, texts: Any) -> Any:
        tokens = tokenize_in_graph(self.preprocessor, texts)
        inputs = {name: tf.cast(tokens[name], tf.int32) for name in self.text_tower.input}
        return self.text_tower(inputs, training=False)

    def logits_per_image(self, images: Any, texts: Any) -> Any:
        cosines = tf.matmul(self.embed_images(images), self.embed_texts(texts), transpose_b=True)
        return self.logit_scale(cosines)

    def _pixels(self, encoded: Any) -> Any:
        pixels: Any = self.preprocessor.resize(decode(encoded))
        return tf.cast(pixels, tf.float32)


def decode(encoded: Any) -> Any:
    """Decodes as `kclip.data.images.opening.load_image` does, but for EXIF's orientation.

    Args:
        encoded: string scalar, the bytes of a JPEG or PNG.

    Returns:
        uint8 (H, W, 3), RGB; transparency is laid over white.
    """

    def jpeg() -> Any:
        # The method that Pillow takes; TensorFlow's own choice is faster and less exact.
        return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")

    def png() -> Any:
        rgba = tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32)
        alpha = rgba[..., 3:] / 255
        return tf.cast(tf.round(rgba[..., :3] * alpha + 255 * (1 - alpha)), tf.uint8)

    image = tf.cond(tf.io.is_jpeg(encoded), jpeg, png)
    image.set_shape((None, None, 3))
    return image
