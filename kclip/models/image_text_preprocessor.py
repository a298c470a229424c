import keras
import keras_hub


class ImageTextPreprocessor(keras_hub.models.Preprocessor):
    """What prepares images and strings for a dual encoder.

    Subclass it with `resize` and `tokenize`.

    Call arguments:
        x: dict with `image`, uint8 or float (H, W, 3) or (B, H, W, 3) in [0, 255], and `text`, a
            string or a list of B strings. Either may be left out.

    Returns:
        A dict of the model's inputs: `image`, (B, S, S, 3) in the dtype that came, and int arrays
        (B, L), as `tokenize` names them.
    """

    tokenizes_in_graph = False  # whether `tokenize` takes string tensors inside tf.data

    def build(self, input_shape=None):
        """Has no weights; without this method Keras warns of that."""

    def call(self, x, y=None, sample_weight=None):
        inputs = {}
        if "image" in x:
            inputs["image"] = self.resize(x["image"])
        if "text" in x:
            inputs |= self.tokenize(x["text"])
        return keras.utils.pack_x_y_sample_weight(inputs, y, sample_weight)
