"""Classifiers on disk: one .npz with the class embeddings, the temperature and their origin.

The origin is the digest of the model and the prompts; a file of another origin is never used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.labelled.class_names import shown_names
from kclip.errors import UserError
from kclip.files import replaced_when_done
from kclip.reading import open_arrays, parse_json
from kclip.zero_shot.classifier import ZeroShotClassifier, class_prompts, named_classes

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def load_or_build_classifier(
    path: Path,
    embedder: "Embedder",
    class_names: Sequence[str] | Mapping[str, Sequence[str]],
    templates: Sequence[str],
) -> ZeroShotClassifier:
    """Opens the classifier that `path` holds, and builds and saves it unless it is up to date.

    Args:
        path: `classes.npz` of a results folder.
        embedder: the model.
        class_names: as for `ZeroShotClassifier.from_names`.
        templates: each with {} for the name.

    Returns:
        The classifier, not calibrated.

    Raises:
        UserError: as `ZeroShotClassifier.from_names`.
    """
    classes = named_classes(class_names)
    digest, saved = embedder.digest, _read(path)
    if saved is None or saved[1] != _origin(digest, classes, templates):
        classifier = ZeroShotClassifier.from_names(embedder, classes, templates)
        save_classifier(path, classifier, digest, classes, templates)
        return classifier
    classifier = replace(saved[0], class_names=shown_names(classes), temperature=1.0)
    if saved[0].temperature != 1.0 or saved[0].class_names != classifier.class_names:
        # The file says what this run does, not what an earlier one measured.
        save_classifier(path, classifier, digest, classes, templates)
    return classifier


def save_classifier(
    path: Path,
    classifier: ZeroShotClassifier,
    model_digest: str,
    class_names: Mapping[str, Sequence[str]],
    templates: Sequence[str],
) -> None:
    """Writes a classifier; the file appears whole or not at all.

    Args:
        path: ends in `.npz`.
        classifier: what is saved, its temperature included.
        model_digest: `Embedder.digest` of the model whose embeddings it holds.
        class_names: label -> names of the class.
        templates: each with {} for the name.
    """
    with replaced_when_done(path) as temporary:
        np.savez(
            temporary,
            class_names=np.array(classifier.class_names),
            class_embeddings=classifier.class_embeddings,
            logit_scale=classifier.logit_scale,
            temperature=classifier.temperature,
            origin=np.array(json.dumps(_origin(model_digest, class_names, templates))),
        )


def load_classifier(path: Path, embedder: "Embedder") -> ZeroShotClassifier:
    """Opens a saved classifier, with its temperature.

    Args:
        path: such as `results/classes.npz`.
        embedder: the model that will embed the images.

    Raises:
        UserError: the file is missing or damaged, or was made with another model.

    Example:
    >>> embedder = kclip.Embedder.from_name("runs/demo/model")
    >>> classifier = load_classifier(Path("results/classes.npz"), embedder)
    >>> likeliest = classifier.top_k(embedder.embed_images(["photo.jpg"]), k=2)
    >>> sorted(name for name, _ in likeliest[0])
    ['cat', 'dog']
    """
    saved = _read(path)
    if saved is None:
        raise UserError(f"{path} is no saved classifier; evaluate_zero_shot writes one.")
    if saved[1]["model_digest"] != embedder.digest:
        raise UserError(
            f"{path} was made with another model, so its class embeddings don't belong to this "
            "one's images; run evaluate_zero_shot with this model."
        )
    return saved[0]


def _read(path: Path) -> tuple[ZeroShotClassifier, dict[str, Any]] | None:
    try:
        with open_arrays(path, most_bytes=path.stat().st_size) as saved:
            classifier = ZeroShotClassifier(
                tuple(saved["class_names"].tolist()),
                saved["class_embeddings"],
                float(saved["logit_scale"]),
                float(saved["temperature"]),
            )
            origin = parse_json(str(saved["origin"]))
            origin["model_digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, damaged or of another kind
    return classifier, origin


def _origin(
    model_digest: str, class_names: Mapping[str, Sequence[str]], templates: Sequence[str]
) -> dict[str, Any]:
    """What the class embeddings depend on, as JSON would give it back."""
    prompts = [list(texts) for texts in class_prompts(class_names, templates)]
    return {"model_digest": model_digest, "prompts": prompts}
