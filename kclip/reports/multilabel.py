"""The results folder of a multi-label evaluation: metrics, figures, tables and `report.md`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.image_record import UNKNOWN, ImageRecord
from kclip.evaluation.multilabel import MultilabelEvaluation
from kclip.evaluation.multilabel_results import CUTOFFS
from kclip.evaluation.published_multilabel import PUBLISHED_GZSL, PUBLISHED_ZSL
from kclip.files import write_csv
from kclip.multilabel.recognition.opening import Recognizer
from kclip.multilabel.thresholds import Thresholds
from kclip.reports.figures.class_precisions import draw_class_precisions
from kclip.reports.markdown import escape, interval, markdown_table, percent
from kclip.reports.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECTIONS = {"zsl": "ZSL (unseen classes)", "gzsl": "GZSL (all classes)", "all": "all classes"}
PUBLISHED = {"zsl": PUBLISHED_ZSL, "gzsl": PUBLISHED_GZSL}
LISTED_CLASSES = 8  # best, and worst, in the report; per_class.csv has all
DECISIONS = ("CP", "CR", "CF1", "OP", "OR", "OF1")
CLASSES_OF_AN_IMAGE = 10
RANKING = (
    "mAP is scikit-learn's, over the classes that have an image; in brackets its 95 % interval by "
    "bootstrap resamples of the images. BiAM's counts the other classes as 0; ML-Decoder's does, "
    "too, and leaves out images without one of the classes. F1@K gives every image its K highest "
    "classes; “labelled” leaves out images without one of the classes. Of equal scores those that "
    "are mistakes come first. Figures of different columns do not compare."
)

ReportFigure = tuple[str, "Figure", str]


def write_multilabel_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    figures: Iterable[ReportFigure] = (),
) -> None:
    """Writes `metrics.json`, `per_class.csv`, `class_precisions.png` and `report.md`.

    Args:
        directory: the results folder.
        about: name -> value, shown as a table at the top.
        results: of `multilabel_results`, with `published` (bool: whether the classes are those of
            NUS-WIDE) and, where there are thresholds, `thresholds`: `chosen_on`,
            `wanted_precision`, `scope` and `same_images`.
        figures: file name, figure and caption of each that stands at the end.
    """
    report = Report(directory, "Multi-label recognition", about)
    report.metrics(results)
    rows = results["per_class"]
    report.csv("per_class.csv", list(rows[0]), (row.values() for row in rows))
    _add_ranking(report, results)
    if "thresholds" in results:
        _add_decisions(report, results)
    report.heading("Classes")
    figure = draw_class_precisions(rows)
    report.figure("class_precisions.png", figure, "Average precision of each class")
    report.add(class_table(rows))
    for file_name, figure, caption in figures:
        report.add(escape(caption))
        report.figure(file_name, figure, caption)
    report.write()


def write_multilabel_predictions(
    path: Path,
    recognizer: Recognizer,
    evaluation: MultilabelEvaluation,
    thresholds: Thresholds | None,
) -> None:
    """Writes one row an image: file, labels, predicted labels, and the ten likeliest classes.

    Args:
        path: the CSV.
        recognizer: the model, whose probabilities (or cosines, of a dual encoder) are listed as
            figures show them.
        evaluation: the images and the model's scores. An image's labels are joined by `;`, those
            outside of the classes too; `UNKNOWN` stands where nothing is known of them.
        thresholds: what labels are predicted by; without them there is no such column.
    """
    images, scores = evaluation.images, evaluation.scores
    names = recognizer.classes.class_names
    predicted = None if thresholds is None else thresholds.labels(scores, names)
    confidences, kind = recognizer.confidences(scores), recognizer.confidence
    count = min(CLASSES_OF_AN_IMAGE, len(names))
    ranked = [name for n in range(1, count + 1) for name in (f"class_{n}", f"{kind}_{n}")]
    header = ["image", "labels", *(["predicted_labels"] if predicted else []), *ranked]
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    rows = (
        [record.file_name, _known(record), *([";".join(predicted[n])] if predicted else [])]
        + [cell for c in best[n] for cell in (names[c], f"{confidences[n, c]:.4f}")]
        for n, record in enumerate(images.records)
    )
    write_csv(path, header, rows)


def ranking_table(results: Mapping[str, Any]) -> str:
    """Returns the figures of each section, beside a random ranking's, as Markdown, in percent.

    Published rows stand below where the classes are those of NUS-WIDE.
    """
    names = [name for name in SECTIONS if name in results]
    ks = [k for k in CUTOFFS if any(f"f1@{k}" in results[name] for name in names)]
    columns = {"map": "mAP", "map_biam": "mAP (BiAM)", "map_ml_decoder": "mAP (ML-Decoder)"}
    columns |= {f"f1@{k}": f"F1@{k}" for k in ks}
    columns |= {f"f1@{k}_labelled": f"F1@{k} (labelled)" for k in ks}
    rows = []
    for name in names:
        own = _cells(results[name], columns)
        own[0] += f" {interval(results[name]['map_interval'])}"
        rows.append([SECTIONS[name], "this model", *own])
        rows.append(["", "random ranking", *_cells(results[name]["random"], columns)])
        published = PUBLISHED.get(name, ()) if results.get("published") else ()
        for system, map_, *f1 in published:
            figures = {"map": map_ / 100, "f1@3": f1[0] / 100, "f1@5": f1[1] / 100}
            rows.append(["", f"{system} (published)", *_cells(figures, columns)])
    return markdown_table(("classes", "", *columns.values()), rows)


def class_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the best and worst classes, unseen and seen apart, as Markdown."""
    lines = []
    for seen, kind in ((False, "unseen"), (True, "seen")):
        own = [row for row in rows if row["ap"] is not None and row["seen"] == seen]
        own.sort(key=lambda row: -row["ap"])
        listed = own if len(own) <= 2 * LISTED_CLASSES else own[:LISTED_CLASSES]
        listed += own[-LISTED_CLASSES:] if len(listed) < len(own) else []
        label = kind if any(row["seen"] != seen for row in rows) else ""
        lines += [
            (r["class_name"], label, r["num_images"], percent(r["ap"]), percent(r["random_ap"]))
            for r in listed
        ]
    return markdown_table(("class", "", "images", "AP", "random order"), lines)


def decision_table(results: Mapping[str, Any]) -> str:
    """Returns precision, recall and F1 of the decisions at thresholds as Markdown, in percent."""
    rows = [
        [SECTIONS[name], *(percent(results[name]["decisions"][key]) for key in DECISIONS)]
        for name in SECTIONS
        if name in results
    ]
    return markdown_table(("classes", *DECISIONS), rows)


def _known(record: ImageRecord) -> str:
    return UNKNOWN if UNKNOWN in record.ignored_labels else ";".join(record.labels)


def _add_ranking(report: Report, results: Mapping[str, Any]) -> None:
    section = results.get("gzsl") or results["all"]
    empty = section["num_empty_classes"]
    text = (
        f"{section['num_images']:,} images, {section['num_images_labelled']:,} of them with one of "
        f"the {section['num_classes']:,} classes"
        + (f"; {empty} classes have no image here. " if empty else ". ")
        + RANKING
    )
    report.heading("Ranking")
    report.note(results["remarks"])
    report.add(text, ranking_table(results))
    if "gzsl" in results and results["gzsl"]["seen_map"] is not None:
        gzsl = results["gzsl"]
        report.add(
            f"Within GZSL: mAP of the seen classes {percent(gzsl['seen_map'])}, of the unseen ones "
            f"{percent(gzsl['unseen_map'])}, harmonic mean {percent(gzsl['harmonic_mean_map'])}."
        )
    if results.get("published"):
        report.add(
            "Published F1@K is over all images. Published mAP is BiAM's or, in ML-Decoder's own "
            "code, ML-Decoder's; the papers do not say which they took from one another."
        )


def _add_decisions(report: Report, results: Mapping[str, Any]) -> None:
    chosen = results["thresholds"]
    aim = "the best F1"
    if chosen["wanted_precision"] is not None:
        aim = (
            f"the highest recall at a precision of {percent(chosen['wanted_precision'])}, which "
            f"each keeps with 95 % confidence (lowest bound {percent(chosen['precision_bound'])})"
        )
    scope = "one for each class" if chosen["scope"] == "per_class" else "one for all classes"
    text = (
        f"Thresholds, {scope}, were chosen for {aim} on {escape(chosen['chosen_on'])}; "
        f"{chosen['num_own']:,} of the classes have one of their own. C is the mean over classes, "
        "O of all decisions together."
    )
    if chosen["num_never"]:
        text += (
            f" {chosen['num_never']:,} classes are never named: the images they were chosen on are "
            "too few, or too many others score as high, to promise that precision."
        )
    if chosen["same_images"]:
        text += " **These are the images they were chosen on, so the figures are too high.**"
    report.heading("Decisions")
    report.add(text, decision_table(results))


def _cells(figures: Mapping[str, float], columns: Iterable[str]) -> list[str]:
    return [percent(figures[key]) if key in figures else "" for key in columns]
