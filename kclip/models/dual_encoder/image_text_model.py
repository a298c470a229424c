from functools import cached_property

import keras
import numpy as np

from kclip.metrics.similarity import l2_normalize


class ImageTextModel:
    """What every model of images and texts can do; mix it in before `keras.Model`.

    The model's inputs are a dict whose image inputs are named `image...`, its outputs a dict of
    `image_embeddings` and `text_embeddings`, (B, D) each, and its `logit_scale` is a
    `kclip.layers.LogitScale`. Arrays come in and NumPy arrays go out, whatever the backend.

    Example:
    >>> model, preprocess, tokenize = kclip.load("runs/demo/model")
    >>> images = np.stack([preprocess("cat.jpg")])
    >>> model.predict_probabilities(images, tokenize(["a cat", "a dog"])).shape
    (1, 2)
    """

    @cached_property
    def image_model(self):
        """The image side alone: dict of the image's input to embeddings (B, D)."""
        inputs = {name: x for name, x in self.input.items() if name.startswith("image")}
        return keras.Model(inputs, self.output["image_embeddings"])

    @cached_property
    def text_model(self):
        """The text side alone: dict of the text's inputs to embeddings (B, D)."""
        inputs = {name: x for name, x in self.input.items() if not name.startswith("image")}
        return keras.Model(inputs, self.output["text_embeddings"])

    def encode_image(self, images):
        """Embeds images.

        Args:
            images: uint8 or float array (B, S, S, 3), RGB in [0, 255], of the model's size.

        Returns:
            float32 (B, D), L2-normalised.
        """
        # The model normalises by itself, unless it was trained the way of keras.io's example.
        return l2_normalize(self.image_model.predict_on_batch({"image": np.asarray(images)}))

    def encode_text(self, tokens):
        """Embeds texts.

        Args:
            tokens: dict of int arrays (B, L), as the model's tokenizer gives them; entries that
                the model has no input for are left aside.

        Returns:
            float32 (B, D), L2-normalised.
        """
        arrays = {name: np.asarray(tokens[name]) for name in self.text_model.input}
        return l2_normalize(self.text_model.predict_on_batch(arrays))

    def logits_per_image(self, images, tokens):
        """Compares N images with M texts.

        Returns:
            float32 (N, M): cosine similarity times the logit scale, plus the logit bias of a
            model that has one.
        """
        similarity = self.encode_image(images) @ self.encode_text(tokens).T
        return keras.ops.convert_to_numpy(self.logit_scale(similarity))

    def predict_probabilities(self, images, tokens):
        """How well each of M texts fits each of N images.

        Returns:
            float32 (N, M). The softmax over the texts: each row sums to 1. A model with a logit
            bias was trained to judge every pair by itself (SigLIP), so there it is the sigmoid
            of each logit: the probability that this text fits, whatever the others are.
        """
        logits = self.logits_per_image(images, tokens)
        one_of_many = self.logit_scale.bias is None
        probabilities = keras.ops.softmax(logits) if one_of_many else keras.ops.sigmoid(logits)
        return keras.ops.convert_to_numpy(probabilities)
