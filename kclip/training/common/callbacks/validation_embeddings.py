import keras


class ValidationEmbeddings(keras.callbacks.Callback):
    """Embeds the validation split after each epoch, for the callbacks behind it to look at.

    Args:
        embed: function without arguments that returns the current image_embeddings (N, D) and
            text_embeddings (M, D).
        text_to_image_index: int (M,), the image that each text describes.
    """

    def __init__(self, embed, text_to_image_index):
        super().__init__()
        self.embed = embed
        self.text_to_image_index = text_to_image_index
        self.image_embeddings = self.text_embeddings = None

    def on_epoch_end(self, epoch, logs=None):
        """Embeds the split with the weights of this moment."""
        self.image_embeddings, self.text_embeddings = self.embed()
