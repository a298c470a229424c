import keras

from kclip.metrics.retrieval import retrieval_metrics


class RetrievalRecall(keras.callbacks.Callback):
    """Adds recalls to each epoch's logs.

    `val_text_to_image_recall@10`, `val_image_to_text_recall@10` and, their mean,
    `val_mean_recall@10`. Put it before callbacks that read the logs.

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
        recalls = {way: metrics[way]["recall@10"] for way in ("text_to_image", "image_to_text")}
        logs.update({f"val_{way}_recall@10": recall for way, recall in recalls.items()})
        logs["val_mean_recall@10"] = sum(recalls.values()) / 2
