from functools import cached_property

import keras
import numpy as np

from kclip.models.dual_encoder.dual_encoder import DualEncoder
from kclip.models.folder.checks import check_model_folder, load_preset
from kclip.models.image_text_preprocessor import ImageTextPreprocessor
from kclip.models.towers.image_resizing import image_resizing
from kclip.models.towers.tokenization import TOKEN_INPUTS, Tokenization


@keras.saving.register_keras_serializable("kclip")
class DualEncoderPreprocessor(ImageTextPreprocessor):
    """From images and strings to the inputs of a `DualEncoder`; saved beside its weights.

    Args:
        tokenizer: of the text tower: KerasHub's, `HuggingFaceTokenizer`, or CLIP's.
        image_size: int. Height and width of the model's input in pixels.
        sequence_length: int. Tokens a text, [CLS] and [SEP] included; longer texts are cut.
        resize: "squash" fits the whole image into the square (keras.io, the report); "crop"
            keeps the proportions and cuts what stands out of the middle square (CLIP).
        mirror: bool. Whether an image's embedding is the mean of its own and its mirror image's;
            `kclip.Embedder` does so.
        token_inputs: names of the arrays (B, L) that the text tower reads: int32 `token_ids` and
            `segment_ids`, bool `padding_mask`.

    Called as every `ImageTextPreprocessor`; it gives these arrays.

    Example:
    >>> preprocessor = DualEncoderPreprocessor.from_preset("runs/demo/model")
    >>> preprocessor({"text": ["a red circle"]})["token_ids"].shape
    TensorShape([1, 24])
    """

    backbone_cls = DualEncoder

    def __init__(
        self,
        tokenizer,
        image_size,
        sequence_length=32,
        resize="squash",
        mirror=False,
        token_inputs=TOKEN_INPUTS,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.resizing = image_resizing(image_size, resize)
        self.side = image_size
        self.sequence_length = sequence_length
        self.resize_mode = resize
        self.mirror = mirror
        self.token_inputs = tuple(token_inputs)

    def prepare(self, image):
        """Brings one Pillow image of mode RGB to the model's size: uint8 (S, S, 3)."""
        return np.asarray(self.resize(np.asarray(image)))

    def resize(self, image):
        """Brings one image to the model's size.

        Args:
            image: uint8 or float tensor (H, W, 3) or (B, H, W, 3), RGB in [0, 255].

        Returns:
            A tensor of the image's dtype and of height and width `image_size`. uint8 is rounded
            and clipped; float keeps what bicubic interpolation overshoots at hard edges. Works
            inside tf.data.
        """
        return self.resizing(image)

    def tokenize(self, texts):
        """From a string or B of them to a dict of (B, L), of the names in `token_inputs`."""
        texts = [texts] if isinstance(texts, str) else texts
        return self._tokenization(texts)

    @property
    def tokenizes_in_graph(self):
        """Whether `tokenize` takes string tensors inside tf.data."""
        return self._tokenization.in_graph

    @cached_property
    def _tokenization(self):
        # Not in the constructor: `sequence_length` may be changed until it is used.
        return Tokenization(self.tokenizer, self.sequence_length, self.token_inputs)

    @property
    def settings(self):
        """What the embeddings depend on besides the model, as plain values."""
        tokenizer = self.tokenizer
        words = getattr(tokenizer, "settings", None)
        if words is None:
            options = [getattr(tokenizer, name, None) for name in ("lowercase", "strip_accents")]
            words = [type(tokenizer).__name__, *options, tokenizer.get_vocabulary()]
        return [self.side, self.sequence_length, self.resize_mode, self.mirror, words]

    def get_config(self):
        config = super().get_config()
        config.update(
            image_size=self.side,
            sequence_length=self.sequence_length,
            resize=self.resize_mode,
            mirror=self.mirror,
            token_inputs=self.token_inputs,
        )
        return config

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Loads the preprocessor of a model folder; see `DualEncoder.from_preset`."""
        preset = str(preset)  # KerasHub takes no Path
        check_model_folder(preset, built=False)
        load = super().from_preset
        return load_preset(preset, lambda: load(preset, **kwargs))
