import keras
import keras_hub
import numpy as np

from kclip.models.towers.frozen import FrozenInInference


class TextTowerModel(FrozenInInference, keras_hub.models.Backbone):
    """What every text tower is, whatever network it holds.

    Inputs: dict of int tensors (B, L): `token_ids`, and what else the network reads
    (`padding_mask`, 1 for a token; `segment_ids`).
    Output: float tensor (B, C), one vector a text.

    Subclass it, and set in the constructor

    * `blocks` and `transformer_blocks`: as of an `ImageTowerModel`;
    * `token_output`: the Keras tensor (B, L, C) of the text's tokens;
    * `settings`: what the output depends on besides weights and sizes, as a plain value.
    """

    @property
    def feature_dim(self):
        """Width C of the output."""
        return self.output_shape[-1]

    def new_inputs(self):
        """Symbolic inputs for a model of which the tower is a part: dict of Keras tensors."""
        return {
            name: keras.Input(tensor.shape[1:], dtype="int32", name=name)
            for name, tensor in self.input.items()
        }

    def lengths(self, tokens):
        """How many tokens of each text have a part in the output; those after them do not.

        Args:
            tokens: dict of int arrays (B, L).

        Returns:
            int (B,).
        """
        return np.full(*np.shape(tokens["token_ids"]))

    def shortened(self, tokens):
        """The same tokens, without those at the end that have no part in any text's output.

        Args:
            tokens: dict of int arrays (B, L).
        """
        # Up to a multiple of 8, so that few shapes are compiled.
        length = -(-int(self.lengths(tokens).max()) // 8) * 8
        return {name: array[:, :length] for name, array in tokens.items()}
