"""The end of a CLIP-Decoder run: the trained model measured, saved and described."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.data.labelled.multilabel_reading import read_labelled_split
from kclip.evaluation.multilabel import evaluate_multilabel
from kclip.evaluation.remarks import training_remarks
from kclip.files import folder_replaced_when_done, read_history, write_text
from kclip.models import MultiLabelClassifier
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.recognition.recognizer import (
    CLASSES_FILE,
    QUERIES_FILE,
    MultiLabelRecognizer,
)
from kclip.reports.figures.decoder_curves import draw_decoder_curves
from kclip.reports.multilabel import ranking_table, write_multilabel_report
from kclip.training.common.stopwatch import Stopwatch


def save_decoder(
    model: MultiLabelClassifier,
    classes: ClassSplit,
    query_source: str | None,
    templates: Sequence[str],
    folder: Path,
) -> None:
    """Writes a model folder, which appears when it is complete.

    Args:
        model: over the classes, seen and unseen.
        classes: their names.
        query_source: what embeds further classes: a name or path, None for learned queries.
        templates: its prompts.
        folder: where to write; replaced if it is there.
    """
    content = {
        "seen": classes.seen,
        "unseen": classes.unseen,
        "query_source": query_source,
        "templates": list(templates),
    }
    with folder_replaced_when_done(folder) as new:
        model.save_to_preset(str(new))
        write_text(new / CLASSES_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        if model.queries is not None:
            embeddings = np.asarray(model.queries.embeddings, np.float32)
            names = np.array(classes.class_names)
            np.savez(new / QUERIES_FILE, names=names, embeddings=embeddings)


def evaluate_decoder(folder: Path, data: Path, split: str) -> dict[str, Any]:
    """Measures a saved model as `evaluate_multilabel` does, so that both give the same figures.

    Args:
        folder: of the model.
        data: the records' folder.
        split: of its images.
    """
    recognizer = MultiLabelRecognizer.from_folder(folder)
    return evaluate_multilabel(recognizer, read_labelled_split(data, split)).results


def write_decoder_run(
    output: Path, about: dict[str, Any], results: dict[str, Any], watch: Stopwatch
) -> dict[str, Any]:
    """Writes `metrics.json`, `report.md` and the figures, and prints and returns the result.

    Args:
        output: the run folder, with `history.csv`.
        about: name -> value, shown as a table at the top of the report.
        results: of `evaluate_decoder`.
        watch: the run's stages.
    """
    results["run"] = {"seconds": watch.seconds, "peak_memory_gib": watch.peak_memory_gib}
    about["seconds"] = ", ".join(f"{stage} {time}" for stage, time in watch.seconds.items())
    about["peak memory"] = f"{watch.peak_memory_gib} GiB"
    history = read_history(output / "history.csv")
    results["remarks"] = training_remarks(history) + results["remarks"]
    curves = draw_decoder_curves(history)
    caption = "Training: losses, and mAP of the seen classes, by epoch"
    write_multilabel_report(output, about, results, [("curves.png", curves, caption)])
    print(ranking_table(results))
    print(f"the report is {output / 'report.md'}, the model {output / 'model'}")
    return results
