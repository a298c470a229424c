"""From what a user calls a model to something that scores classes on images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kclip.errors import UserError
from kclip.multilabel.class_split import ClassSplit

if TYPE_CHECKING:
    from kclip.multilabel.query_sources import QuerySource
    from kclip.multilabel.thresholds import Thresholds


class Recognizer(Protocol):
    """`MultiLabelRecognizer` or `CosineRecognizer`."""

    classes: ClassSplit

    @property
    def thresholds(self) -> "Thresholds | None":
        """What the model folder keeps."""
        ...

    @property
    def source(self) -> "QuerySource":
        """What embeds class names."""
        ...

    def predict_scores(self, images: Sequence[Path | bytes]) -> np.ndarray:
        """Scores N images: float32 (N, C)."""
        ...

    def with_queries(self, classes: ClassSplit, query_embeddings: np.ndarray) -> Any:
        """Returns a recognizer of other classes."""
        ...


def is_classifier_folder(model: str | Path) -> bool:
    """Says whether a model is a folder of a multi-label classifier, as train_clip_decoder's are."""
    from kclip.models.model_folder import kind_of_model

    config = Path(model) / "config.json"
    return config.is_file() and kind_of_model(Path(model)) == "kclip>MultiLabelClassifier"


def open_recognizer(
    model: str, templates: Sequence[str], classes: ClassSplit | None, names: Sequence[str]
) -> Recognizer:
    """Loads a trained classifier, or a dual encoder or CLIP that ranks by cosine.

    Args:
        model: a folder, or what `kclip.load` takes.
        templates: prompts of a dual encoder or CLIP; a classifier has its own.
        classes: those of a dual encoder or CLIP.
        names: other classes for a trained classifier; none for its own.

    Raises:
        UserError: the model can't be loaded, or takes no other classes.
    """
    if is_classifier_folder(model):
        from kclip.multilabel.recognizer import MultiLabelRecognizer

        recognizer = MultiLabelRecognizer.from_folder(model)
        return recognizer.with_classes(names) if names else recognizer
    from kclip.embedding import Embedder
    from kclip.multilabel.cosine_recognizer import CosineRecognizer
    from kclip.multilabel.query_sources import PromptQueries

    if classes is None:
        raise UserError("this model has no classes of its own; list them")
    embedder = Embedder.from_name(model)
    source = PromptQueries(embedder, templates, embedder.model.projection_dim)
    return CosineRecognizer(embedder, classes, source)
