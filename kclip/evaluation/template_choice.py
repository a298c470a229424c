"""How well each prompt template does, with image features computed once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError
from kclip.evaluation.multilabel_results import multilabel_results
from kclip.inference.readable_images import compute_labelled
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.queries.query_sources import QuerySource
from kclip.multilabel.recognition.opening import Recognizer
from kclip.zero_shot.classifier import ensemble_templates
from kclip.zero_shot.prompts import fill


def measure_templates(
    recognizer: Recognizer, images: LabelledImages, templates: Sequence[str]
) -> list[dict[str, Any]]:
    """Measures every template alone and, where there are several, all of them as an ensemble.

    Queries do not see each other, so one pass over the images with the queries of all templates
    gives the scores of each.

    Args:
        recognizer: the model.
        images: N images with labels.
        templates: T templates, each with {} for the class name.

    Returns:
        A row a template, and one for the ensemble: `template` (None for the ensemble), `results`
        of `multilabel_results` without `per_class` and `remarks`.

    Raises:
        UserError: the model's queries are word vectors, or learned.
    """
    classes = recognizer.classes
    names: list[str | None] = list(templates)
    queries = template_queries(recognizer.source, classes.class_names, templates)
    if len(templates) > 1:
        names.append(None)
        ensemble = ensemble_templates(queries.swapaxes(0, 1))
        queries = np.concatenate([queries, ensemble[None]])
    together = ClassSplit(
        (), tuple(f"{n} {name}" for n in range(len(names)) for name in classes.class_names)
    )
    joint = recognizer.with_queries(together, queries.reshape(len(together.unseen), -1))
    images, scores = compute_labelled(joint.predict_scores, images)
    labels = images.label_matrix(classes.class_names)
    valid_mask = images.valid_mask(classes.class_names)
    by_template = np.split(scores, len(names), axis=1)
    return [
        {"template": name, "results": _without_classes(labels, own, valid_mask, classes)}
        for name, own in zip(names, by_template, strict=True)
    ]


def template_queries(
    source: QuerySource, class_names: Sequence[str], templates: Sequence[str]
) -> np.ndarray:
    """Embeds every class in every template: float32 (T, C, E), L2-normalised.

    Raises:
        UserError: the source is of word vectors.
    """
    from kclip.multilabel.queries.word_vectors import WordVectors

    if isinstance(source, WordVectors):
        raise UserError(
            "this model's queries are word vectors, which know no templates; give a model whose "
            "queries are prompts"
        )
    texts = [fill(template, name) for template in templates for name in class_names]
    return source.embed_texts(texts).reshape(len(templates), len(class_names), -1)


def best_template(rows: Sequence[dict[str, Any]]) -> int:
    """Returns the row of the highest mAP: of unseen classes (ZSL) where there are such."""
    return int(np.argmax([_choice_map(row["results"]) for row in rows]))


def _choice_map(results: dict[str, Any]) -> float:
    return results["zsl" if "zsl" in results else "all"]["map"]


def _without_classes(
    labels: np.ndarray, scores: np.ndarray, valid_mask: np.ndarray, classes: ClassSplit
) -> dict[str, Any]:
    names, seen = classes.class_names, classes.seen_mask
    results = multilabel_results(labels, scores, names, seen, valid_mask=valid_mask)
    del results["per_class"], results["remarks"]
    return results
