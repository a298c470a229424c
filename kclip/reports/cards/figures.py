"""The measured figures of a run, as the table that people read and the list that a hub reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kclip.reports.dual_encoder import before_and_after
from kclip.reports.markdown import code, escape
from kclip.reports.multilabel import SECTIONS, ranking_table
from kclip.reports.tables import DIRECTIONS, FIGURES, classification_table, retrieval_table

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_RETRIEVAL, _ZERO_SHOT = "image-text-retrieval", "zero-shot-image-classification"
_DIGITS = 4


@dataclass(frozen=True)
class MeasuredOn:
    """Where figures come from.

    Attributes:
        data: the name of its folder.
        split: of the data, or None.
    """

    data: str
    split: str | None = None

    def __str__(self) -> str:
        return code(self.data) + (f", split {code(self.split)}" if self.split else "")


def figures_in_words(
    results: Mapping[str, Any], measured_on: Mapping[str, MeasuredOn]
) -> list[str]:
    """Paragraphs and tables of all that was measured; intervals hold 95 %.

    Args:
        results: of a run of one of the three trainings.
        measured_on: name of a part of the results -> the data and split.
    """
    parts = []
    if "retrieval" in results:
        retrieval = results["retrieval"]
        counts = f"{retrieval['num_images']:,} images, {retrieval['num_captions']:,} captions"
        parts += [f"Retrieval on {measured_on['retrieval']} ({counts}):"]
        parts += [retrieval_table(retrieval)]
    if "zero_shot" in results:
        parts += [f"Zero-shot classification on {measured_on['zero_shot']}:"]
        parts += [classification_table(results["zero_shot"])]
    if "accuracy" in results:
        parts += [f"Classification on {measured_on['classification']}:"]
        parts += [classification_table(results)]
    if any(name in results for name in SECTIONS):
        count = f"{results['num_images']:,} images"
        parts += [f"Several labels an image, on {measured_on['multilabel']} ({count}):"]
        parts += [ranking_table(results)]
    parts += [f"> **Note:** {escape(remark)}" for remark in _remarks(results)]
    return parts or ["Nothing: the run ended before its model was measured."]


def _remarks(results: Mapping[str, Any]) -> Iterator[str]:
    for part in (results, results.get("retrieval", {}), results.get("zero_shot", {})):
        yield from part.get("remarks", ())


def forgetting_in_words(results: Mapping[str, Any]) -> list[str]:
    """What a fine-tuned model was before, and what it forgot; nothing for other models."""
    if "fine_tuning" not in results:
        return []
    if "zero_shot" not in results:
        lost = "What it forgot was not measured: there were no images of other classes to classify."
    else:
        before = results["fine_tuning"]["before"]["zero-shot accuracy"]
        change = results["zero_shot"]["accuracy"] - before
        points = f"{100 * abs(change):.1f} points"
        verb = f"lost {points}" if change < 0 else f"gained {points}" if change else "stayed"
        lost = f"Zero-shot accuracy, a sign of what it knew before, {verb}."
    return [*before_and_after(results), lost]


def figures_for_hubs(
    results: Mapping[str, Any], measured_on: Mapping[str, MeasuredOn]
) -> "list[EvalResult]":
    """The figures of `model-index`, each in [0, 1]; arguments as of `figures_in_words`."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=task,
            dataset_type=source.data,
            dataset_name=source.data,
            dataset_split=source.split,
            metric_type=metric,
            metric_name=name,
            metric_value=round(float(value), _DIGITS),
        )
        for task, source, metric, name, value in _figures(results, measured_on)
    ]


def _figures(
    results: Mapping[str, Any], measured_on: Mapping[str, MeasuredOn]
) -> Iterator[tuple[str, MeasuredOn, str, str, float]]:
    """Task, data, type and name of a figure, and the figure."""
    for way, words in DIRECTIONS.items() if "retrieval" in results else ():
        for metric, value in results["retrieval"][way].items():
            if metric.startswith("recall@"):
                yield _RETRIEVAL, measured_on["retrieval"], metric, f"{words}, {metric}", value
    for part, task, own in (
        ("zero_shot", _ZERO_SHOT, results.get("zero_shot", {})),
        ("classification", "image-classification", results),
    ):
        for metric, words in FIGURES.items():
            if metric in own:
                yield task, measured_on[part], metric, words, own[metric]
    for section, words in SECTIONS.items():
        for metric, value in results.get(section, {}).items():
            if metric == "map" or metric in ("f1@3", "f1@5"):
                source = measured_on["multilabel"]
                yield "image-classification", source, metric, f"{words}, {metric}", value
