from pathlib import Path

import keras
import keras_hub

from kclip.inputs.text_cleaning import siglip
from kclip.models.clip.clip_tokenizer import pad


@keras.saving.register_keras_serializable("kclip")
class SiglipTokenizer(keras_hub.models.SigLIPTokenizer):
    """SigLIP's tokenizer: KerasHub's, with the cleaning of Hugging Face's `SiglipTokenizer`.

    Args:
        proto: bytes of a SentencePiece model, or the path of one (`spiece.model`).

    Example:
    >>> SiglipTokenizer(Path("spiece.model").read_bytes()).encode(["A dog!"], length=64).shape
    (1, 64)
    """

    def encode(self, texts, length):
        """From B strings to int32 ids (B, length): tokens, end, and padding with the end token.

        A text that is too long is cut and keeps its end.
        """
        rows = self.tokenize([siglip(text) for text in texts]) if texts else []
        rows = [[*row[: length - 1], self.end_token_id] for row in rows]
        return pad(rows, length, self.pad_token_id)

    def load_assets(self, dir_path):
        # KerasHub's own leaves the file open.
        self.set_proto((Path(dir_path) / self.file_assets[0]).read_bytes())

    @property
    def settings(self):
        """What the ids depend on."""
        return self.proto.hex()
