"""The methods that see no training image: cosine ranking and MMM-CLIP's four ways to prompt."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from kclip.evaluation.benchmark.outputs import ModelOutputs, decide_labels
from kclip.evaluation.benchmark.retrieved_captions import RetrievedCaptions
from kclip.evaluation.benchmark.task import Task
from kclip.multilabel.prompting import CaptionFile, LabelScores, ListAll, TopAll, YesOrNo
from kclip.multilabel.prompting.combinations import PromptWriter, num_combinations

# Combinations that List-all compares: all of up to 13 classes, pairs of 102.
MOST_COMBINATIONS = 10_000
# Names in the longest prompt of Top-all by captions, each of which a model must write.
MOST_CAPTIONED_LABELS = 5

LLM_CAPTIONS = "llm_captions"
ZeroShotMethod = Callable[[Task], ModelOutputs]


def zero_shot_methods(task: Task, captions: Path | None) -> dict[str, ZeroShotMethod]:
    """The methods by their names.

    Args:
        task: the data set.
        captions: JSON of a language model's captions of combinations, for `llm_captions`; without
            it, `retrieved_captions` takes the nearest captions of training images, if they have
            any.
    """
    methods: dict[str, ZeroShotMethod] = {
        "cosine": partial(_cosine, softmax=False),
        "cosine_softmax": partial(_cosine, softmax=True),
        "yes_or_no": _yes_or_no,
        "list_all": _list_all,
        "top_all": _top_all,
    }
    if captions:
        return methods | {LLM_CAPTIONS: partial(_llm_captions, captions=captions)}
    return methods | ({"retrieved_captions": _retrieved_captions} if task.captions else {})


def list_all_labels(num_classes: int) -> int:
    """The most classes of a combination that List-all is asked for.

    Example:
        >>> list_all_labels(10), list_all_labels(102)
        (10, 2)
    """
    fitting = (n for n in range(2, num_classes + 1) if _fits(num_classes, n))
    return max(fitting, default=1)


def _fits(num_classes: int, most_labels: int) -> bool:
    return num_combinations(num_classes, most_labels) <= MOST_COMBINATIONS


def _cosine(task: Task, softmax: bool) -> ModelOutputs:
    def scores(embeddings: np.ndarray) -> np.ndarray:
        logits = task.embedder.logit_scale * (embeddings @ task.queries.T)
        return log_softmax(logits, axis=1) if softmax else logits

    train, test = task.train.features, task.test.features
    rows = np.arange(len(task.train.labels))
    return decide_labels(task, scores(test.mean_embeddings), rows, scores(train.mean_embeddings))


def _yes_or_no(task: Task) -> ModelOutputs:
    method = YesOrNo.from_names(task.embedder, task.class_names)
    return _model_outputs(method.predict(task.test.features.mean_embeddings))


def _list_all(task: Task) -> ModelOutputs:
    most = list_all_labels(len(task.class_names))
    method = ListAll(task.embedder, task.class_names, most)
    return _model_outputs(method.predict(task.test.features.mean_embeddings))


def _top_all(task: Task) -> ModelOutputs:
    method = TopAll(task.embedder, task.class_names)
    return _model_outputs(method.predict(task.test.features.mean_embeddings))


def _llm_captions(task: Task, captions: Path) -> ModelOutputs:
    return _captions(task, CaptionFile(captions))


def _retrieved_captions(task: Task) -> ModelOutputs:
    return _captions(task, RetrievedCaptions(task.embedder, task.captions))


def _captions(task: Task, writer: PromptWriter) -> ModelOutputs:
    most = min(MOST_CAPTIONED_LABELS, len(task.class_names))
    method = TopAll(task.embedder, task.class_names, most, writer)
    return _model_outputs(method.predict(task.test.features.mean_embeddings))


def _model_outputs(result: LabelScores) -> ModelOutputs:
    return ModelOutputs(result.scores, result.labels)
