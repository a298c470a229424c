"""Generated pairs as kclip's records, and a preprocessor whose vocabulary is theirs."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import keras_hub

from kclip.data.image_record import ImageRecord
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.writer import SplitFiles, build_shards, open_split
from kclip.data.sources.synthetic.captions import describe_scene
from kclip.data.sources.synthetic.scenes import sample_scene
from kclip.models import DualEncoderPreprocessor
from kclip.training.dual_encoder.building import SPECIAL_TOKENS


def scene_captions(count: int, each: int = 1) -> list[tuple[str, ...]]:
    """Sentences, `each` an image."""
    random = Random(0)
    return [tuple(describe_scene(sample_scene(random), random)[:each]) for _ in range(count)]


def words_of(captions: Sequence[tuple[str, ...]]) -> list[str]:
    """A vocabulary of whole words, the special tokens first."""
    words = {word for of in captions for caption in of for word in caption.lower().split()}
    return SPECIAL_TOKENS + sorted(words)


def make_preprocessor(vocabulary: list[str], size: int, length: int) -> DualEncoderPreprocessor:
    """As a model of this image size and text length has it."""
    tokenizer = keras_hub.models.BertTokenizer(vocabulary, lowercase=True)
    return DualEncoderPreprocessor(tokenizer, size, sequence_length=length)


def write_records(
    folder: Path, images: Sequence[bytes], captions: Sequence[tuple[str, ...]]
) -> SplitFiles:
    """One split of records, one an image, in kclip's own files."""
    records = [
        ImageRecord(str(number), f"{number}.jpg", image, of_image)
        for number, (image, of_image) in enumerate(zip(images, captions, strict=True))
    ]
    shards = build_shards({"train": records}, folder, Encoding(), {}, 1, {}).shards
    write_metadata(folder, shards)
    return open_split(folder, "train")
