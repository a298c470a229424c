import keras
from keras import ops

from kclip.errors import UserError
from kclip.inputs.resizing import MARGINS, resized_in_bytes
from kclip.models.clip.clip import CLIP
from kclip.models.folder.checks import check_model_folder, load_preset
from kclip.models.image_text_preprocessor import ImageTextPreprocessor

INTERPOLATIONS = {"bicubic": "cubic", "bilinear": "linear", "lanczos": "lanczos3"}
RESIZES = ("crop", "squash")


@keras.saving.register_keras_serializable("kclip")
class ClipPreprocessor(ImageTextPreprocessor):
    """From images and strings to the inputs of a `CLIP`; saved beside its weights.

    Images are resized with antialias in one of two ways. `prepare` does it by Pillow, to the
    byte as OpenAI's and Hugging Face's preprocessing does. `resize` does it by tensors, inside
    tf.data and exports; it keeps floats between its two passes where Pillow rounds and clips to 8
    bits, so that after normalisation it differs by up to 0.15 at hard edges and 0.005 on average.

    Args:
        tokenizer: `ClipTokenizer`, `SiglipTokenizer`, `HuggingFaceTokenizer`, or None where a
            folder comes without: then images alone can be prepared.
        image_size: int. Height and width S of the model's input in pixels.
        sequence_length: int. Tokens a text, its ends included; longer texts are cut.
        resize: "crop" brings the shorter side to `resize_size` and cuts the middle square of S
            (CLIP); "squash" brings both sides to `resize_size` (SigLIP).
        interpolation: "bicubic", "bilinear" or "lanczos".
        resize_size: int or None. At least S; None: S.
        crop_margin: what becomes of half a pixel where the margins left and right of the middle
            square differ: "even" rounds to the even number (torchvision: OpenAI, open_clip),
            "down" rounds down (transformers).

    Called as every `ImageTextPreprocessor`; it gives int32 `token_ids`, (B, L).

    Example:
    >>> tokenizer = ClipTokenizer.from_openai("bpe_simple_vocab_16e6.txt.gz")
    >>> preprocessor = ClipPreprocessor(tokenizer, image_size=224)
    >>> preprocessor.tokenize(["a red circle"])["token_ids"].shape
    (1, 77)
    """

    backbone_cls = CLIP
    mirror = False  # an embedding is of the image alone; see DualEncoderPreprocessor

    def __init__(
        self,
        tokenizer,
        image_size,
        sequence_length=77,
        resize="crop",
        interpolation="bicubic",
        resize_size=None,
        crop_margin="even",
        **kwargs,
    ):
        for value, known in (
            (resize, RESIZES),
            (interpolation, INTERPOLATIONS),
            (crop_margin, MARGINS),
        ):
            if value not in known:
                raise ValueError(f"one of {tuple(known)} is known, got {value!r}")
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.side = image_size
        self.sequence_length = sequence_length
        self.resize_mode = resize
        self.interpolation = interpolation
        self.resize_size = resize_size or image_size
        self.crop_margin = crop_margin

    def prepare(self, image):
        """Brings one Pillow image of mode RGB to the model's size: uint8 (S, S, 3)."""
        return resized_in_bytes(
            image,
            self.side,
            self.resize_mode,
            self.interpolation,
            self.resize_size,
            self.crop_margin,
        )

    def resize(self, image):
        """Brings images to the model's size, by tensors.

        Args:
            image: uint8 or float tensor (H, W, 3) or (B, H, W, 3), RGB in [0, 255].

        Returns:
            A tensor of the image's dtype, in [0, 255], of height and width S; uint8 is rounded.
            Works inside tf.data where TensorFlow is the backend.
        """
        image = ops.convert_to_tensor(image)
        *batch, height, width, _ = ops.shape(image)
        source = ops.cast(ops.stack([height, width]), "int32")
        target = ops.full((2,), self.resize_size, "int32")
        if self.resize_mode == "crop":
            target = self.resize_size * source // ops.min(source)
        rounded = ops.round if self.crop_margin == "even" else ops.floor
        margins = rounded(ops.cast(target - self.side, "float32") / 2)
        resized = ops.image.scale_and_translate(
            ops.cast(image, "float32"),
            (*batch, self.side, self.side, 3),
            scale=ops.cast(target, "float32") / ops.cast(source, "float32"),
            translation=-margins,
            spatial_dims=(len(batch), len(batch) + 1),
            method=INTERPOLATIONS[self.interpolation],
        )
        resized = ops.clip(resized, 0, 255)
        if keras.backend.is_float_dtype(image.dtype):
            return ops.cast(resized, image.dtype)
        return ops.cast(ops.round(resized), image.dtype)

    def tokenize(self, texts):
        """From a string or B of them to a dict of int32 `token_ids`, (B, L).

        Raises:
            UserError: the model came without a tokenizer.
        """
        if self.tokenizer is None:
            raise UserError(
                "this model's folder holds no tokenizer that kclip reads; put vocab.json and "
                "merges.txt, tokenizer.json or spiece.model beside its weights"
            )
        texts = [texts] if isinstance(texts, str) else list(texts)
        return {"token_ids": self.tokenizer.encode(texts, self.sequence_length)}

    @property
    def settings(self):
        """What the model's inputs depend on, as plain values."""
        return {**self.numbers, "tokenizer": self.tokenizer and self.tokenizer.settings}

    @property
    def numbers(self):
        """The constructor's arguments but for the tokenizer."""
        return {
            "image_size": self.side,
            "sequence_length": self.sequence_length,
            "resize": self.resize_mode,
            "interpolation": self.interpolation,
            "resize_size": self.resize_size,
            "crop_margin": self.crop_margin,
        }

    def get_config(self):
        # The tokenizer stands there by the parent's doing, unless there is none.
        return {"tokenizer": None, **super().get_config(), **self.numbers}

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Loads the preprocessor of a model folder; see `DualEncoder.from_preset`."""
        preset = str(preset)  # KerasHub takes no Path
        check_model_folder(preset, "kclip>CLIP", built=False)
        load = super().from_preset
        return load_preset(preset, lambda: load(preset, **kwargs))
