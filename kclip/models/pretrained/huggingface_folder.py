"""A Hugging Face folder of CLIP, MetaCLIP 2 or SigLIP: model, image preprocessing, tokenizer."""

from pathlib import Path

from kclip.models.clip.clip_preprocessor import ClipPreprocessor
from kclip.models.pretrained.huggingface_clip import load_huggingface_clip
from kclip.models.pretrained.huggingface_config import read_config
from kclip.models.pretrained.image_settings import read_image_settings
from kclip.models.pretrained.tokenizer_files import read_tokenizer


def load_huggingface_folder(folder, dtype="float32"):
    """Reads a folder as transformers 4 and 5 write them.

    What `processor_config.json` or `preprocessor_config.json` say of the images is followed;
    without these files the images are prepared as the architecture was trained: bicubic, CLIP's
    cropped and SigLIP's squashed.

    Args:
        folder: see `load_huggingface_clip`; and the files of `read_tokenizer`.
        dtype: dtype policy of the model.

    Returns:
        `CLIP` and `ClipPreprocessor`; its tokenizer is None where the folder holds none.

    Raises:
        UserError: a file is missing, damaged, or asks for what kclip does not do.

    Example:
    >>> model, preprocessor = load_huggingface_folder("clip-vit-base-patch32")
    """
    folder = Path(folder)
    config = read_config(folder)
    kind, text = config["model_type"], config["text_config"]
    image_size = config["vision_config"]["image_size"]
    normalization, images = read_image_settings(folder, kind, image_size)
    tokenizer = read_tokenizer(folder, kind, text["vocab_size"])
    model = load_huggingface_clip(folder, **normalization, dtype=dtype)
    length = text["max_position_embeddings"]
    return model, ClipPreprocessor(tokenizer, image_size, length, **images)
