"""The end of a CLIP-Decoder run: the trained model measured, saved and described."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kclip.config.clip_decoder import DecoderTraining, JointObjective
from kclip.data.labelled.multilabel_reading import read_labelled_split
from kclip.evaluation.multilabel import evaluate_multilabel
from kclip.evaluation.remarks import training_remarks
from kclip.files import folder_replaced_when_done, write_text
from kclip.files.checksums import note_checksums
from kclip.models import MultiLabelClassifier
from kclip.models.folder.content import CARD_FILE
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.queries.named_source import name_source
from kclip.multilabel.recognition.recognizer import (
    CLASSES_FILE,
    QUERIES_FILE,
    MultiLabelRecognizer,
)
from kclip.reading import read_history
from kclip.reports.cards.card import ModelCard
from kclip.reports.cards.figures import MeasuredOn
from kclip.reports.figures.decoder_curves import draw_decoder_curves
from kclip.reports.multilabel import ranking_table, write_multilabel_report
from kclip.training.clip_decoder.labels import DecoderLabels
from kclip.training.common.model_card import base_of, settings_of, shown
from kclip.training.common.stopwatch import Stopwatch
from kclip.training.common.train_modes import merge_lora

MODEL_FOLDER = "model"


def save_decoder(
    model: MultiLabelClassifier,
    classes: ClassSplit,
    query_source: str | None,
    templates: Sequence[str],
    card: ModelCard,
    folder: Path,
) -> None:
    """Writes a model folder, which appears when it is complete; adapters become weights before.

    Args:
        model: over the classes, seen and unseen.
        classes: their names.
        query_source: what embeds further classes: a name or path, None for learned queries.
        templates: its prompts.
        card: of the model, without figures.
        folder: where to write; replaced if it is there.
    """
    content = {
        "seen": classes.seen,
        "unseen": classes.unseen,
        **name_source(query_source),
        "templates": list(templates),
    }
    merge_lora(model)
    with folder_replaced_when_done(folder) as new:
        model.save_to_preset(str(new))
        write_text(new / CLASSES_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        if model.queries is not None:
            embeddings = np.asarray(model.queries.embeddings, np.float32)
            names = np.array(classes.class_names)
            np.savez(new / QUERIES_FILE, names=names, embeddings=embeddings)
        note_checksums(new)
        write_text(new / CARD_FILE, card.text())  # which people edit


def model_card(
    config: DecoderTraining, labels: DecoderLabels, objective: JointObjective, output: Path
) -> ModelCard:
    """The card of a run's model, without figures.

    Args:
        config: of the run.
        labels: of both splits.
        objective: the loss, its weights settled.
        output: the run folder, by which the model is called.
    """
    image, data = config.image, shown(config.data)
    bases = [base_of(config.model)] if config.model else []
    if config.model is None and image.pretrained:
        bases = [base_of(image.backbone, image.weights)]
    if config.queries is not None:
        bases.append(base_of(config.queries))
    return ModelCard(
        shown(output),
        "multilabel_classifier",
        bases,
        {
            "data": data,
            "training split": f"{config.train_split}, {len(labels.train):,} images",
            "seen classes, whose labels were trained on": f"{len(labels.classes.seen):,}",
            "unseen classes, known by their names alone": f"{len(labels.classes.unseen):,}",
        },
        settings_of(replace(config, objective=objective)),
        {"multilabel": MeasuredOn(data, config.validation_split)},
    )


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
    output: Path,
    about: dict[str, Any],
    results: dict[str, Any],
    card: ModelCard,
    watch: Stopwatch,
) -> dict[str, Any]:
    """Writes `metrics.json`, the report and the model's card, and prints and returns the result.

    Args:
        output: the run folder, with `history.csv`.
        about: name -> value, shown as a table at the top of the report.
        results: of `evaluate_decoder`.
        card: of the model, without figures.
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
    write_text(output / MODEL_FOLDER / CARD_FILE, replace(card, results=results).text())
    print(ranking_table(results))
    print(f"the report is {output / 'report.md'}, the model {output / MODEL_FOLDER}")
    return results
