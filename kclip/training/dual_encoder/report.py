"""The end of a training run: the trained model measured, saved and described."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kclip.data.labelled.images import LabelledImages
from kclip.data.pipeline.split_reading import encoded_images, iterate_texts, shown_names
from kclip.data.records.writer import SplitFiles
from kclip.evaluation.retrieval import retrieval_results
from kclip.evaluation.zero_shot import evaluate_zero_shot
from kclip.files import folder_replaced_when_done, write_text
from kclip.files.checksums import note_checksums
from kclip.inference.embedder import Embedder
from kclip.models import DualEncoder
from kclip.models.folder.content import CARD_FILE
from kclip.models.towers.text_encoder import BERT_SIZES
from kclip.reports.cards.card import Base, ModelCard
from kclip.reports.cards.figures import MeasuredOn
from kclip.reports.dual_encoder import write_dual_encoder_report
from kclip.reports.tables import classification_table, retrieval_table
from kclip.training.common.model_card import base_of, settings_of, shown
from kclip.training.common.stopwatch import Stopwatch
from kclip.training.common.train_modes import merge_lora
from kclip.training.dual_encoder.data import TrainingData
from kclip.zero_shot.prompts import resolve_templates

MODEL_FOLDER = "model"
ADAPTERS_FOLDER = "adapters"


def evaluate_run(
    embedder: Embedder,
    data: TrainingData,
    validation: SplitFiles,
    class_images: LabelledImages | None,
    templates: list[str],
) -> dict[str, Any]:
    """Retrieval on a split of the TFRecords, and zero-shot classification where there are classes.

    Args:
        embedder: the trained model.
        data: whose `embed_validation` embeds the split.
        validation: the split.
        class_images: images of classes to tell apart, or None.
        templates: prompts with {} for the class name.

    Returns:
        `retrieval`, and `zero_shot` where `class_images` are given.
    """
    texts = [caption for _, _, captions in iterate_texts(validation) for caption in captions]
    results: dict[str, Any] = {
        "retrieval": retrieval_results(
            *data.embed_validation(),
            data.text_to_image_index,
            shown_names(validation),
            texts,
            embedder.preprocessor,
        )
    }
    if class_images is not None:
        prompts = resolve_templates(templates)
        results["zero_shot"] = evaluate_zero_shot(embedder, class_images, prompts)
    return results


def write_run(
    command: Any,
    validation: SplitFiles,
    results: dict[str, Any],
    card: ModelCard,
    watch: Stopwatch,
) -> dict[str, Any]:
    """Writes `metrics.json`, the report and the model's card, and prints and returns the result.

    Args:
        command: `TrainDualEncoder`.
        validation: the split, whose images the report shows.
        results: of `evaluate_run`.
        card: of the model, without figures.
        watch: the run's stages.
    """
    output = command.output
    run = {"seconds": watch.seconds, "peak_memory_gib": watch.peak_memory_gib}
    about = {
        "data": command.data,
        "splits": f"{command.train_split} / {command.validation_split}",
        **_towers(command),
        "seed": command.optimization.seed,
        "seconds": ", ".join(f"{stage} {time}" for stage, time in watch.seconds.items()),
        "peak memory": f"{watch.peak_memory_gib} GiB",
    }
    shown = {hit["file_name"] for e in results["retrieval"]["examples"] for hit in e["hits"]}
    images = encoded_images(validation, shown)
    results = results | {"run": run}
    write_dual_encoder_report(output, about, results, images)
    write_text(output / MODEL_FOLDER / CARD_FILE, replace(card, results=results).text())
    print(retrieval_table(results["retrieval"]))
    if "zero_shot" in results:
        print(classification_table(results["zero_shot"]))
    print(f"the report is {output / 'report.md'}, the model {output / MODEL_FOLDER}")
    return results


def save_model(model: DualEncoder, preprocessor: Any, card: ModelCard, folder: Path) -> None:
    """Writes a model folder, which appears when it is complete; adapters become weights before."""
    merge_lora(model)
    with folder_replaced_when_done(folder) as new:
        model.save_to_preset(str(new))
        preprocessor.save_to_preset(str(new))
        note_checksums(new)
        write_text(new / CARD_FILE, card.text())


def model_card(command: Any, train: SplitFiles, validation: SplitFiles) -> ModelCard:
    """The card of a run's model, without figures."""
    data = shown(command.data)
    measured_on = {"retrieval": MeasuredOn(data, command.validation_split)}
    if command.zero_shot is not None:
        split = command.zero_shot_split
        measured_on["zero_shot"] = MeasuredOn(shown(command.zero_shot), split)
    return ModelCard(
        shown(command.output),
        "dual_encoder",
        _bases(command),
        {
            "data": data,
            "training split": f"{command.train_split}, {train.num_records:,} images with captions",
            "validation split, which chose the epoch": f"{command.validation_split}, "
            f"{validation.num_records:,} images with captions",
        },
        settings_of(command),
        measured_on,
    )


def _bases(command: Any) -> list[Base]:
    if command.model is not None:
        return [base_of(command.model)]
    image, text = command.image, command.text
    bases = [base_of(image.backbone, image.weights)] if image.pretrained else []
    return bases + ([base_of(text.backbone)] if text.backbone not in BERT_SIZES else [])


def _towers(command: Any) -> dict[str, str]:
    if command.model is None:
        return {"image tower": _tower(command.image), "text tower": _tower(command.text)}
    return {
        "fine-tuned model": command.model,
        "trained": f"image side {command.image.train}, text side {command.text.train}",
    }


def _tower(tower: Any) -> str:
    return f"{tower.backbone}, {'trained' if tower.trained else 'frozen'}"
