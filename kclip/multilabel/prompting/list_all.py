from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize, row_blocks
from kclip.multilabel.prompting.combinations import (
    NOTHING,
    checked_classes,
    combination_chunks,
    list_names,
    membership,
    num_combinations,
)
from kclip.multilabel.prompting.label_scores import LabelScores
from kclip.multilabel.prompting.log_odds import RunningLogOdds

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

MAX_COMBINATIONS = 2**20
CHUNK = 4096  # combinations at once: memory grows with this, the images and the classes alone


class ListAll:
    """Compares images with every combination of the classes: "nothing", "cat", "cat, dog".

    MMM-CLIP, "Multi-method to Prompt CLIP" (2). The labels are those of the most similar
    combination. The score of a class is its marginal log-odds under the softmax over all
    combinations: the probability of those that have the class against that of those that don't.

    It is exact. The 2^C combinations are embedded and compared chunk by chunk with all images of a
    call, in memory that does not grow with their number, and anew in every call: give all images at
    once. Where the classes are too many, `most_labels` leaves out the combinations of more classes
    than that, or `TopAll` does with one prompt a class.

    Args:
        embedder: the model.
        class_names: C different names, C > 0.
        most_labels: classes in the largest combination; all by default, as in the paper.

    Raises:
        UserError: there is no class, one comes twice, `most_labels` is not in [1, C], or there are
            more than 2^20 combinations.

    Example:
    >>> embedder = kclip.Embedder.from_name("runs/demo/model")
    >>> method = ListAll(embedder, ["dog", "snow", "man"])
    >>> method.predict(embedder.embed_images(["dog.jpg"])).labels.shape
    (1, 3)
    """

    def __init__(
        self, embedder: "Embedder", class_names: Sequence[str], most_labels: int | None = None
    ):
        self.embedder = embedder
        self.class_names, self.most_labels = checked_classes(class_names, most_labels)
        self.num_combinations = num_combinations(len(self.class_names), self.most_labels)
        if self.num_combinations > MAX_COMBINATIONS:
            raise UserError(self._too_many())

    def predict(self, image_embeddings: np.ndarray, progress: bool = True) -> LabelScores:
        """Compares images with all combinations.

        Args:
            image_embeddings: (N, D) floats of any length.
            progress: show a progress bar.
        """
        images = l2_normalize(image_embeddings)
        totals = RunningLogOdds(len(images), len(self.class_names))
        chunks = combination_chunks(len(self.class_names), self.most_labels, CHUNK)
        total = self.num_combinations
        with ProgressBar(desc="List-all", total=total, unit="prompt", disable=not progress) as bar:
            for chunk in chunks:
                texts = list_names([[self.class_names[c] for c in classes] for classes in chunk])
                embeddings = l2_normalize(self.embedder.embed_texts(texts))
                members = membership(chunk, len(self.class_names))
                for rows in row_blocks(len(images), len(chunk)):
                    logits = self.embedder.logit_scale * (images[rows] @ embeddings.T)
                    totals.add(rows, logits, members)
                bar.update(len(chunk))
        return LabelScores(totals.log_odds(), totals.best)

    def _too_many(self) -> str:
        dim = self.embedder.embed_texts([NOTHING]).shape[1]
        num_classes, most = len(self.class_names), 0
        while num_combinations(num_classes, most + 1) <= MAX_COMBINATIONS:
            most += 1
        smaller = f"set most_labels to {most} or less, " if most else ""
        return (
            f"listing all of {num_classes} classes takes {_shown(self.num_combinations)} "
            f"combinations, whose embeddings fill {_shown(4 * dim * self.num_combinations >> 20)} "
            f"MiB; at most {MAX_COMBINATIONS:,} are compared, those of 20 classes; {smaller}give "
            "fewer classes, or use top-all"
        )


def _shown(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"more than 2^{number.bit_length() - 1}"
