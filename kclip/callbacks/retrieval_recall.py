import keras

from kclip.metrics.retrieval import retrieval_metrics


class RetrievalRecall(keras.callbacks.Callback):
    """Adds `val_text_to_image_recall@10` and `val_image_to_text_recall@10` to each epoch's logs.

    Put it before callbacks that read the logs.

    Args:
        validation: `ValidationEmbeddings`, earlier in the list of callbacks.
    """

    def __init__(self, validation):
        super().__init__()
        self.validation = validation

    def on_epoch_end(self, epoch, logs=None):
        """Measures recall on the whole validation split."""
        split = self.validation
        metrics = retrieval_metrics(
            split.image_embeddings, split.text_embeddings, split.text_to_image_index
        )
        for direction in ("text_to_image", "image_to_text"):
            logs[f"val_{direction}_recall@10"] = metrics[direction]["recall@10"]
