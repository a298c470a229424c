"""From what a user calls a model to something that scores classes on images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError
from kclip.multilabel.class_split import ClassSplit, read_class_split

if TYPE_CHECKING:
    from kclip.multilabel.queries.query_sources import QuerySource
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

    @property
    def scoring(self) -> str:
        """What the scores are, in words."""
        ...

    @property
    def confidence(self) -> str:
        """What `confidences` are, in a word."""
        ...

    def confidences(self, scores: np.ndarray) -> np.ndarray:
        """Brings scores to [0, 1] for people to read."""
        ...

    def predict_scores(self, images: Sequence[Path | bytes]) -> np.ndarray:
        """Scores N images: float32 (N, C)."""
        ...

    def with_classes(self, names: Sequence[str]) -> Any:
        """Returns a recognizer of other classes by their names."""
        ...

    def with_queries(self, classes: ClassSplit, query_embeddings: np.ndarray) -> Any:
        """Returns a recognizer of other classes."""
        ...


def is_classifier_folder(model: str | Path) -> bool:
    """Says whether a model is a folder of a multi-label classifier, as train_clip_decoder's are."""
    from kclip.models.folder.checks import kind_of_model
    from kclip.models.pretrained.hub import local_folder

    folder = local_folder(model)
    is_model = (folder / "config.json").is_file()
    return is_model and kind_of_model(folder) == "kclip>MultiLabelClassifier"


def classes_of_images(
    model: str,
    images: LabelledImages,
    data: Path | None,
    seen_file: Path | None,
    unseen_file: Path | None,
) -> ClassSplit | None:
    """Finds the classes of a model that has none of its own, a dual encoder or CLIP.

    Args:
        model: a folder, or what `kclip.load` takes.
        images: whose labels are the classes where nothing else lists them.
        data: a folder of TFRecords, which may list seen and unseen classes.
        seen_file: the seen classes, or None.
        unseen_file: the unseen classes, or None.

    Returns:
        The classes; None for a trained classifier, which has its own.

    Raises:
        UserError: a file can't be read, or is given for a trained classifier.
    """
    if not is_classifier_folder(model):
        listed = read_class_split(data, seen_file, unseen_file)
        return listed or ClassSplit((), tuple(images.classes))
    if seen_file or unseen_file:
        raise UserError(
            "this model knows which classes it has seen; leave out --seen-classes and "
            "--unseen-classes"
        )
    return None


def open_recognizer(model: str, templates: Sequence[str], classes: ClassSplit | None) -> Recognizer:
    """Loads a trained classifier, or a dual encoder or CLIP that ranks by cosine.

    Args:
        model: a folder, or what `kclip.load` takes.
        templates: prompts of a dual encoder or CLIP; a classifier has its own.
        classes: those of a dual encoder or CLIP; None for a classifier, which has its own.

    Raises:
        UserError: the model can't be loaded.
    """
    if classes is None:
        from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer

        return MultiLabelRecognizer.from_folder(model)
    from kclip.inference.embedder import Embedder
    from kclip.multilabel.queries.query_sources import PromptQueries
    from kclip.multilabel.recognition.cosine_recognizer import CosineRecognizer

    embedder = Embedder.from_name(model)
    source = PromptQueries(embedder, templates, embedder.model.projection_dim)
    return CosineRecognizer(embedder, classes, source)
