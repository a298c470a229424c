"""All methods that are asked about the test images, model by model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.labelled.copies import distinct_images
from kclip.data.labelled.images import LabelledImages
from kclip.evaluation.comparison.methods import (
    Method,
    check_classifier,
    classifier_method,
    few_shot_curve,
    probe_method,
    zero_shot_method,
)
from kclip.inference.embedded_images import embed_labelled_images
from kclip.inference.embedding_cache import CachedEmbedder

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder
    from kclip.inference.trained_classifier import TrainedClassifier


@dataclass(frozen=True)
class Panel:
    """Collects methods and few-shot curves on one set of test images.

    Attributes:
        test: the images that all are tested on.
        train: what probes learn from; None where there are none.
        templates: the prompts of zero-shot methods.
        shots: the k of few-shot probes; none for no curves.
        draws: how often their images are sampled.
        seed: of folds and samples.
        cache: where embeddings are kept.
        methods: those that were asked so far.
        curves: of the few-shot probes so far, as `draw_few_shot` takes them.
    """

    test: LabelledImages
    train: LabelledImages | None
    templates: Sequence[str]
    shots: Sequence[int]
    draws: int
    seed: int
    cache: Path
    methods: list[Method] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)

    def ask_embedder(self, embedder: "Embedder", name: str, zero_shot: bool, probe: bool) -> None:
        """Asks a model of images and texts by the names of the classes, by a probe, or both."""
        accuracies: dict[str, float | None] = {"zero_shot": None, "all": None}
        cached = CachedEmbedder(embedder, self.cache)
        test = embed_labelled_images(cached.embed_images, self.test)
        if zero_shot:
            method = zero_shot_method(embedder, f"{name}, zero-shot", test, self.templates)
            self.methods.append(method)
            accuracies["zero_shot"] = method.accuracy
        if not probe or self.train is None:
            return
        train = embed_labelled_images(cached.embed_images, self.train)
        distinct = np.array([image.id in self._distinct for image in train.images.records])
        method = probe_method(f"{name}, linear probe", train, test, self.seed, distinct)
        self.methods.append(method)
        accuracies["all"] = method.accuracy
        if self.shots:
            sampled_of = train.rows(np.flatnonzero(distinct))
            shots = few_shot_curve(sampled_of, test, self.shots, self.draws, self.seed)
            self.curves.append({"model": name, "shots": shots} | accuracies)

    @cached_property
    def _distinct(self) -> set[str]:
        """Training images without the further copies of each."""
        assert self.train is not None
        return distinct_images(self.train)

    def ask_classifier(self, classifier: "TrainedClassifier", name: str) -> None:
        """Asks a network that was fine-tuned on the classes."""
        check_classifier(classifier, name, self.test)
        cached = CachedEmbedder(classifier, self.cache)
        test = embed_labelled_images(cached.embed_images, self.test)
        self.methods.append(classifier_method(classifier, f"{name}, fine-tuned", test))


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Names for tables and figures: the run of a model folder, or all of it where two are alike.

    Example:
        >>> short_names(["runs/mine/model", "clip_vit_base_patch32"])
        {'runs/mine/model': 'mine', 'clip_vit_base_patch32': 'clip_vit_base_patch32'}
        >>> list(short_names(["a/mine/model", "b/mine/model"]).values())
        ['a/mine/model', 'b/mine/model']
    """
    short = {}
    for model in models:
        path = Path(model)
        short[model] = path.parent.name if path.name == "model" and path.parent.name else path.name
    values = list(short.values())
    return {model: name if values.count(name) == 1 else model for model, name in short.items()}
