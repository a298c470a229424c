"""What a reader has to know before believing a figure: sentences that reports show beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kclip.metrics.proportion import proportion_interval

MAX_NAMES = 5
# Scores of classes with one embedding differ by rounding, relative to the largest score.
EQUAL = 1e-5


def classification_remarks(results: Mapping[str, Any], scores: np.ndarray) -> list[str]:
    """Looks at a classification.

    Args:
        results: of `classification_metrics`.
        scores: (N, C) floats that it measured.

    Example:
        >>> from kclip.metrics.classification import classification_metrics
        >>> scores = np.array([[0.9, 0.1, 0.1], [0.8, 0.2, 0.2], [0.7, 0.1, 0.1]])
        >>> results = classification_metrics(np.array([0, 1, 1]), scores, ["cat", "dog", "hound"])
        >>> for remark in classification_remarks(results, scores):
        ...     print(remark)
        1 of 3 classes has no image here and no part in the averages: hound.
        The model gives equal scores to classes that it cannot tell apart: dog / hound.
        All images are given one class: cat.
        As far as 3 images can tell, the accuracy is no better than a guess's (33.3 %).
    """
    names, counts = results["class_names"], np.array(results["confusion_matrix"])
    images = int(counts.sum())
    remarks = _one_image(images)
    remarks += _empty(
        [name for name, row in zip(names, counts, strict=True) if not row.any()], names
    )
    remarks += _equal(scores, names)
    given = np.flatnonzero(counts.any(axis=0))
    if len(given) == 1 and np.count_nonzero(counts.any(axis=1)) > 1:
        remarks.append(f"All images are given one class: {names[int(given[0])]}.")
    if results["intervals"]["accuracy"][0] <= results["chance_accuracy"] and images > 1:
        remarks.append(_at_chance(images, "the accuracy", results["chance_accuracy"], "a guess"))
    return remarks


def multilabel_remarks(results: Mapping[str, Any], scores: np.ndarray) -> list[str]:
    """Looks at multi-label recognition.

    Args:
        results: of `multilabel_results`, `per_class` and sections.
        scores: (N, C) floats that it measured.
    """
    names, images = [row["class_name"] for row in results["per_class"]], results["num_images"]
    empty = [row["class_name"] for row in results["per_class"] if not row["num_images"]]
    remarks = _one_image(images) + _empty(empty, names) + _equal(scores, names)
    for key, classes in {"zsl": "unseen classes", "gzsl": "all", "all": "all"}.items():
        section = results.get(key)
        if section and images > 1 and section["map_interval"][0] <= section["random"]["map"]:
            what = "mAP" if classes == "all" else f"the mAP of {classes}"
            remarks.append(_at_chance(images, what, section["random"]["map"], "a random ranking"))
    return remarks


def retrieval_remarks(results: Mapping[str, Any]) -> list[str]:
    """Looks at retrieval: `results` of `retrieval_results`."""
    images, captions = results["num_images"], results["num_captions"]
    remarks = _one_image(images)
    if 1 < images <= 10:
        remarks.append(f"With {images} images the first 10 are all of them: R@10 says nothing.")
    queries = {
        "text_to_image": (captions, "captions find"),
        "image_to_text": (images, "images find"),
    }
    for direction, (count, who) in queries.items():
        recall, chance = results[direction]["recall@1"], results["chance"][direction]["recall@1"]
        if images > 1 and proportion_interval(round(recall * count), count)[0] <= chance:
            what = f"R@1 of what {who}"
            remarks.append(_at_chance(count, what, chance, "a random ranking", "queries"))
    return remarks


def training_remarks(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Looks at the course of a training.

    Args:
        history: of `read_history`; `loss` and maybe `val_loss`, one value an epoch.

    Example:
        >>> training_remarks({"loss": [2.3, 2.4, 2.3]})
        ['The training loss never fell below that of the first epoch (2.3): nothing was learned.']
        >>> training_remarks({"loss": [2.3, 1.4, 0.9], "val_loss": [2.0, 2.1, 2.4]})
        ['The validation loss was lowest after the first epoch; then it rose: overfitting.']
    """
    losses, validation = (np.asarray(history.get(name, ()), float) for name in ("loss", "val_loss"))
    if len(losses) > 1 and not (losses[1:] < losses[0]).any():
        first = f"{losses[0]:.3g}"
        return [
            f"The training loss never fell below that of the first epoch ({first}): nothing was "
            "learned."
        ]
    if len(validation) > 2 and not (validation[1:] <= validation[0]).any():
        return ["The validation loss was lowest after the first epoch; then it rose: overfitting."]
    return []


def unknown_words_remarks(preprocessor: Any, texts: Sequence[str], what: str) -> list[str]:
    """Looks for texts in another language or script than those that a text tower knows.

    Tokenizers of BERT give a token of its own, [UNK], for what their vocabulary lacks; those of
    CLIP have no such token, and nothing is said.

    Args:
        preprocessor: of the model, with a `tokenizer`; or None.
        texts: class names or captions.
        what: what they are called.
    """
    tokenizer = getattr(preprocessor, "tokenizer", None)
    word = getattr(tokenizer, "oov_token", None)
    if tokenizer is None or word is None or not texts:
        return []
    unknown = tokenizer.token_to_id(word)
    rows = [np.asarray(row) for row in tokenizer(list(texts))]
    counts = np.array([np.count_nonzero(row == unknown) for row in rows])
    if not counts.any():
        return []
    fraction = counts.sum() / sum(len(row) for row in rows)
    some = [text for text, count in zip(texts, counts, strict=True) if count]
    return [
        f"{fraction:.1%} of the tokens of {what} are unknown to the text tower, in "
        f"{len(some):,} of {len(texts):,} of them, as of another language or script: "
        f"{_listed(some)}."
    ]


def equal_classes(scores: np.ndarray, class_names: Sequence[str]) -> list[list[str]]:
    """Groups classes whose scores are the same in every image: one embedding for several names.

    Args:
        scores: (N, C) floats.
        class_names: C names.

    Example:
        >>> equal_classes(np.array([[0.5, 0.1, 0.5], [0.2, 0.2, 0.2]]), ["dog", "cat", "Dog"])
        [['dog', 'Dog']]
    """
    limit = EQUAL * max(float(np.abs(scores).max()), 1e-30)
    # Equal columns have equal means, so that each needs to be compared with its neighbour alone.
    order = np.argsort(scores.mean(axis=0), kind="stable")
    groups = [[int(order[0])]]
    for column in order[1:].tolist():
        if np.abs(scores[:, column] - scores[:, groups[-1][0]]).max() <= limit:
            groups[-1].append(column)
        else:
            groups.append([column])
    return [[class_names[c] for c in sorted(group)] for group in groups if len(group) > 1]


def _one_image(images: int) -> list[str]:
    return ["One image was measured, which says nothing of others."] if images == 1 else []


def _empty(empty: Sequence[str], names: Sequence[str]) -> list[str]:
    if not empty:
        return []
    have = "has" if len(empty) == 1 else "have"
    return [
        f"{len(empty):,} of {len(names):,} classes {have} no image here and no part in the "
        f"averages: {_listed(empty)}."
    ]


def _equal(scores: np.ndarray, names: Sequence[str]) -> list[str]:
    groups = [] if len(scores) < 2 else [" / ".join(own) for own in equal_classes(scores, names)]
    if not groups:
        return []
    listed = _listed(groups, "; ")
    return [f"The model gives equal scores to classes that it cannot tell apart: {listed}."]


def _at_chance(count: int, what: str, chance: float, whose: str, of: str = "images") -> str:
    return (
        f"As far as {count:,} {of} can tell, {what} is no better than {whose}'s "
        f"({100 * chance:.1f} %)."
    )


def _listed(names: Sequence[str], separator: str = ", ") -> str:
    more = f"{separator}and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return separator.join(names[:MAX_NAMES]) + more
