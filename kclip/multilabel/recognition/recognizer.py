"""A trained multi-label model as its user sees it: files in, scores or names out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.console.command_line import command_line
from kclip.data.images.decoding import decoded_batches
from kclip.data.sources.text_files import read_json
from kclip.errors import UserError
from kclip.inference.batches import compute_batches
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.thresholds import THRESHOLDS_FILE, Thresholds
from kclip.reading import open_arrays

if TYPE_CHECKING:
    from kclip.models import MultiLabelClassifier
    from kclip.multilabel.queries.query_sources import QuerySource

CLASSES_FILE, QUERIES_FILE = "classes.json", "queries.npz"
# Queries times images of a batch: 1.3 GiB of activations in the decoder's widest layers.
MAX_QUERIES_OF_A_BATCH = 2**16


class MultiLabelRecognizer:
    """Says what images show, of classes that training has seen and of others.

    Args:
        model: `kclip.models.MultiLabelClassifier` over the classes of `classes`, in their order.
        classes: the seen and unseen ones.
        query_source: what embedded the classes (`kclip.multilabel.queries`); None where the head
            has learned queries.
        templates: the prompts of `query_source`.
        thresholds: what `predict_labels` goes by, or None.

    Example:
    >>> recognizer = MultiLabelRecognizer.from_folder("runs/clip_decoder/model")
    >>> labels = recognizer.predict_labels(["beach.jpg"])  # such as [["sea", "sand"]]
    >>> len(labels), set(labels[0]) <= set(recognizer.class_names)
    (1, True)
    >>> recognizer.with_classes(["parasol", "surfboard"]).predict_scores(["beach.jpg"]).shape
    (1, 2)
    """

    scoring, confidence = "logits of the decoder", "probability"

    def __init__(
        self,
        model: "MultiLabelClassifier",
        classes: ClassSplit,
        query_source: str | None = None,
        templates: Sequence[str] = (),
        thresholds: Thresholds | None = None,
    ):
        self.model = model
        self.classes = classes
        self.query_source = query_source
        self.templates = tuple(templates)
        self.thresholds = thresholds
        self._source: QuerySource | None = None
        self._query_digest: str | None = None

    @classmethod
    def from_folder(
        cls, folder: str | Path, query_source: str | Path | None = None
    ) -> "MultiLabelRecognizer":
        """Loads the model folder of a run, in float32, with its thresholds if it has any.

        Args:
            folder: its path, or its name on the Hugging Face hub, "owner/name".
            query_source: what embeds other classes, as of
                `kclip.multilabel.queries.query_sources.load_query_source`; None for the one that
                training used, where this machine still has it.

        Raises:
            UserError: the folder is missing, damaged, or holds another kind of model.
        """
        from kclip.models import MultiLabelClassifier
        from kclip.models.pretrained.hub import local_folder
        from kclip.multilabel.queries.query_sources import load_query_source

        folder = local_folder(folder)
        model: Any = MultiLabelClassifier.from_preset(str(folder), dtype="float32")
        content = _read_classes(folder / CLASSES_FILE)
        classes = ClassSplit(tuple(content["seen"]), tuple(content["unseen"]))
        if model.class_names != classes.class_names:
            queries = _read_queries(folder, classes, model.settings["query_dim"])
            model = model.with_classes(classes.class_names, queries)
        path = folder / THRESHOLDS_FILE
        thresholds = Thresholds.load(path) if path.is_file() else None
        named = content["query_source"]
        recognizer = cls(model, classes, named, content["templates"], thresholds)
        recognizer._query_digest = content.get("query_digest")
        if query_source is not None and named is not None:
            recognizer._source = load_query_source(query_source, content["templates"])
        return recognizer

    @property
    def class_names(self) -> list[str]:
        """The C classes in the order of the scores: seen, then unseen."""
        return self.classes.class_names

    @property
    def seen(self) -> list[str]:
        """The classes that training had labels of."""
        return list(self.classes.seen)

    @property
    def unseen(self) -> list[str]:
        """The classes that are known by their names alone."""
        return list(self.classes.unseen)

    @property
    def source(self) -> "QuerySource":
        """What embeds class names; raises `UserError` where the head has learned queries."""
        from kclip.multilabel.queries.named_source import open_named_source

        if self.query_source is None:
            raise UserError(
                f"this model has learned a query for each of its {len(self.class_names)} classes "
                "and takes no others; train one with --head.kind zero_shot"
            )
        if self._source is None:
            self._source = open_named_source(self.query_source, self._query_digest, self.templates)
        return self._source

    def predict_scores(
        self, images: Sequence[str | Path | bytes], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Scores every class on every image.

        Args:
            images: N paths or encoded images.
            batch_size: images that go through the model at once; fewer where classes are many.
            progress: show a progress bar.

        Returns:
            float32 (N, C) logits.

        Raises:
            ImageError: one of them cannot be read.
        """
        num_classes = len(self.class_names)
        batch_size = min(batch_size, max(1, MAX_QUERIES_OF_A_BATCH // num_classes))
        what = "Recognizing" if progress else None
        return compute_batches(
            images, self.model.prepare, self.model.predict_logits, num_classes, batch_size, what
        )

    @staticmethod
    def confidences(scores: np.ndarray) -> np.ndarray:
        """Turns logits into values in [0, 1], by a sigmoid."""
        from scipy.special import expit

        return expit(scores)

    def predict_labels(
        self, images: Sequence[str | Path | bytes], batch_size: int = 64, progress: bool = True
    ) -> list[list[str]]:
        """Names what each image shows, the highest score first; arguments as `predict_scores`.

        Raises:
            UserError: the model has no thresholds.
            ImageError: an image cannot be read.
        """
        if self.thresholds is None:
            raise UserError(
                "this model has no thresholds, without which scores name nothing; choose them with "
                f"'{command_line('evaluate_multilabel')} --model MODEL --data DATA "
                "--threshold-split SPLIT --thresholds per_class', which keeps them in the model "
                "folder"
            )
        scores = self.predict_scores(images, batch_size, progress)
        return self.thresholds.labels(scores, self.class_names)

    def with_classes(self, names: Sequence[str]) -> "MultiLabelRecognizer":
        """Returns a recognizer of other classes, embedded by the source that training used.

        Args:
            names: class names, each once; those that training has seen come first in the result.

        Raises:
            UserError: the head has learned queries, the source cannot be loaded or lacks a word,
                or a name comes twice.
        """
        classes = self.classes.among(names)
        return self.with_queries(classes, self.source.embed_classes(classes.class_names))

    def with_queries(
        self, classes: ClassSplit, query_embeddings: np.ndarray
    ) -> "MultiLabelRecognizer":
        """Returns a recognizer of other classes by their embeddings, float (C, E)."""
        model: Any = self.model.with_classes(classes.class_names, query_embeddings)
        other = MultiLabelRecognizer(
            model, classes, self.query_source, self.templates, self.thresholds
        )
        other._source, other._query_digest = self._source, self._query_digest
        return other

    def attention_maps(
        self, images: Sequence[str | Path | bytes], batch_size: int = 8
    ) -> np.ndarray:
        """Shows where each class's query looks.

        Returns:
            float32 (N, heads, C, H, W); each map sums to 1.
        """
        batches = decoded_batches(images, self.model.prepare, batch_size)
        return np.concatenate([self.model.attention_maps(batch) for batch in batches])


def _read_classes(path: Path) -> dict[str, Any]:
    content = read_json(path, ("seen", "unseen", "query_source", "templates"))
    lists = [content[key] for key in ("seen", "unseen", "templates")]
    texts = [item for each in lists if isinstance(each, list) for item in each]
    name = content["query_source"]
    if not all(isinstance(each, list) for each in lists) or not all(
        isinstance(text, str) for text in [*texts, name or ""]
    ):
        raise UserError(f"{path} is damaged; copy the model folder again, whole")
    return content


def _read_queries(folder: Path, classes: ClassSplit, query_dim: int | None) -> np.ndarray:
    path, names = folder / QUERIES_FILE, classes.class_names
    # Names take four bytes a letter, embeddings up to eight a number, and both a header.
    most = 2**16 + len(names) * (4 * max(map(len, names)) + 8 * (query_dim or 0))
    try:
        with open_arrays(path, most) as saved:
            found, embeddings = saved["names"].tolist(), saved["embeddings"]
    except ValueError as error:
        raise UserError(
            f"{path} is missing or damaged ({error}); copy the model folder again, whole"
        ) from None
    if found != names:
        raise UserError(
            f"{path} holds queries of other classes than {CLASSES_FILE} beside it; copy the model "
            "folder again, whole"
        )
    if embeddings.dtype.kind != "f" or not np.isfinite(embeddings).all():
        raise UserError(f"{path} holds queries that are no numbers; copy the model folder again")
    return embeddings
