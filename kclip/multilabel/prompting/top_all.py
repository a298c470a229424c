from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.metrics.similarity import l2_normalize, row_blocks
from kclip.multilabel.prompting.combinations import (
    NOTHING,
    PromptWriter,
    checked_classes,
    list_names,
)
from kclip.multilabel.prompting.label_scores import LabelScores
from kclip.multilabel.prompting.log_odds import ranking_log_odds

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

BLOCK_PROMPTS = 32768  # prompts of a block of images: 64 MiB of embeddings 512 wide


class TopAll:
    """Compares an image with its likeliest class, its two likeliest, and so on, and with nothing.

    MMM-CLIP, "Multi-method to Prompt CLIP" (3), and (4) with a language model as the writer of the
    prompts (`ChatCaptions` or `CaptionFile`). The classes are ranked by the similarity of the image
    to each alone, and the image compared with nothing and with the first 1, 2 ... C of them: 2C
    prompts take the place of `ListAll`'s 2^C. The labels are those of the most similar of these
    prefixes. The score of a class is its log-odds under the softmax over all 2C prompts, those of
    single classes included, as `ListAll`'s is under the softmax over all combinations; within an
    image scores fall from rank to rank.

    Prompts that several images share are embedded once. A prompt of more classes than the model
    reads tokens is cut there, since the model would cut it too.

    Args:
        embedder: the model.
        class_names: C different names, C > 0.
        most_labels: classes in the longest prompt; all by default, as in the paper.
        write_prompts: turns combinations of names into prompts.

    Raises:
        UserError: there is no class, one comes twice, or `most_labels` is not in [1, C].

    Example:
    >>> embedder = kclip.Embedder.from_name("runs/demo/model")
    >>> method = TopAll(embedder, ["dog", "snow", "man"])
    >>> method.predict(embedder.embed_images(["dog.jpg"])).labels.shape
    (1, 3)
    """

    def __init__(
        self,
        embedder: "Embedder",
        class_names: Sequence[str],
        most_labels: int | None = None,
        write_prompts: PromptWriter = list_names,
    ):
        self.embedder = embedder
        self.class_names, self.most_labels = checked_classes(class_names, most_labels)
        self.write_prompts = write_prompts
        self._longest = min(self.most_labels, embedder.preprocessor.sequence_length)
        texts = [*write_prompts([(name,) for name in self.class_names]), NOTHING]
        embeddings = l2_normalize(embedder.embed_texts(texts))
        self._class_embeddings, self._nothing = embeddings[:-1], embeddings[-1]

    def predict(self, image_embeddings: np.ndarray, progress: bool = True) -> LabelScores:
        """Ranks the classes for each image and compares it with the prompts of its ranking.

        Args:
            image_embeddings: (N, D) floats of any length.
            progress: show a progress bar.

        Raises:
            KclipError: what `write_prompts` raises.
        """
        images = l2_normalize(image_embeddings)
        scores = np.zeros((len(images), len(self.class_names)), np.float32)
        labels = np.zeros(scores.shape, bool)
        per_block = max(1, BLOCK_PROMPTS // self._longest)
        bar = ProgressBar(total=len(images), unit="img", desc="Top-all", disable=not progress)
        with bar:
            for rows in row_blocks(len(images), self._longest, per_block):
                scores[rows], labels[rows] = self._predict_block(images[rows])
                bar.update(rows.stop - rows.start)
        return LabelScores(scores, labels)

    def _predict_block(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = self.embedder.logit_scale
        singles = scale * (images @ self._class_embeddings.T)
        ranking = np.argsort(-singles, axis=1, kind="stable")
        singles = np.take_along_axis(singles, ranking, axis=1)
        nothing = scale * (images @ self._nothing)[:, None]
        prefixes = scale * self._prefix_similarities(images, ranking)
        of_prompts = np.concatenate([nothing, singles[:, :1], prefixes], axis=1)
        in_best = np.arange(len(self.class_names)) < of_prompts.argmax(axis=1)[:, None]
        scores, labels = np.zeros(singles.shape, np.float32), np.zeros(singles.shape, bool)
        ranked = ranking_log_odds(nothing, singles, prefixes).astype(np.float32)
        np.put_along_axis(scores, ranking, ranked, axis=1)
        np.put_along_axis(labels, ranking, in_best, axis=1)
        return scores, labels

    def _prefix_similarities(self, images: np.ndarray, ranking: np.ndarray) -> np.ndarray:
        """Similarities (N, K - 1) to the first 2 to K classes of each image's ranking."""
        if self._longest < 2:
            return np.zeros((len(images), self.most_labels - 1), np.float32)
        numbers: dict[tuple[int, ...], int] = {}
        prompts = np.array(
            [
                [
                    numbers.setdefault(tuple(classes[:length]), len(numbers))
                    for length in range(2, self._longest + 1)
                ]
                for classes in ranking[:, : self._longest].tolist()
            ]
        )
        combinations = [tuple(self.class_names[c] for c in classes) for classes in numbers]
        embeddings = l2_normalize(self.embedder.embed_texts(self.write_prompts(combinations)))
        similarities = np.einsum("nd,nkd->nk", images, embeddings[prompts])
        cut = np.minimum(np.arange(self.most_labels - 1), self._longest - 2)
        return similarities[:, cut]
