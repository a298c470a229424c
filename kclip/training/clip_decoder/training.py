"""A training of CLIP-Decoder from records to report."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kclip.config.clip_decoder import DecoderTraining, JointObjective
from kclip.data.labelled.copies import split_groups
from kclip.data.records.writer import SplitFiles, open_split
from kclip.errors import UserError
from kclip.features import FeatureStore
from kclip.losses import JointLoss
from kclip.models import MultiLabelClassifier
from kclip.multilabel.queries.remembered_source import RememberedSource
from kclip.reports.markdown import code_list
from kclip.training.clip_decoder.data import CachedData, StreamedData, open_data
from kclip.training.clip_decoder.fit import compile_decoder, fit_decoder
from kclip.training.clip_decoder.labels import DecoderLabels, label_targets, read_labels
from kclip.training.clip_decoder.loss_weights import (
    TUNING_FILE,
    best_weights,
    tune_loss_weights,
)
from kclip.training.clip_decoder.report import (
    MODEL_FOLDER,
    evaluate_decoder,
    model_card,
    save_decoder,
    write_decoder_run,
)
from kclip.training.clip_decoder.towers import (
    DecoderTowers,
    build_classifier,
    interpolate_alignment,
    open_towers,
)
from kclip.training.common.run import Run
from kclip.training.common.stopwatch import Stopwatch


def train_decoder(
    config: DecoderTraining, run: Run, before_training: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Builds a multi-label classifier, trains it, saves it, and measures it.

    Args:
        config: checked.
        run: its folder takes the model, the report and the state; stop, resume, loggers.
        before_training: called when all is read and fits together; until then nothing is written.

    Returns:
        What `metrics.json` holds.

    Raises:
        UserError: data, towers and settings do not fit each other.
        Stopped: the run was asked to stop; its state is saved.
    """
    watch = Stopwatch()
    keras.utils.set_random_seed(config.optimization.seed)
    with watch.stage("build"):
        splits = (
            open_split(config.data, config.train_split),
            open_split(config.data, config.validation_split),
        )
        _check_batch(config, splits[0])
        labels = read_labels(config.data, *splits, config.seen_classes, config.unseen_classes)
        _check_head(config, labels)
        towers = _open_towers(config)
        classifier = _build(config, towers, labels, config.objective)
    with watch.stage("data" if config.image.trained else "features"):
        store = FeatureStore.at(config.features_dir)
        data = open_data(classifier, *splits, config.optimization, store)
    before_training()
    objective = config.objective
    if config.tune_loss_weights:
        with watch.stage("tuning"):
            objective = _tuned(config, towers, data, labels, run, split_groups(splits[0]))
            keras.utils.set_random_seed(config.optimization.seed)
            classifier = _build(config, towers, labels, objective)
    with watch.stage("training"):
        data.standardize(classifier)
        _fit(config, classifier, towers, data, labels, objective, run)
        interpolate_alignment(classifier, towers, config.head.trained_fraction)
    classifier = _with_unseen(classifier, towers, labels)
    saved_source = None if classifier.queries is None else config.queries or config.model
    card, model_folder = (
        model_card(config, labels, objective, run.folder),
        run.folder / MODEL_FOLDER,
    )
    save_decoder(classifier, labels.classes, saved_source, config.template, card, model_folder)
    with watch.stage("evaluation"):
        results = evaluate_decoder(model_folder, config.data, config.validation_split)
    about = _about(config, towers, labels, objective)
    return write_decoder_run(run.folder, about, results, card, watch)


def _open_towers(config: DecoderTraining) -> DecoderTowers:
    towers = open_towers(
        config.model, config.image, config.queries, config.template, config.optimization.dtype
    )
    if towers.source is None:
        return towers
    return dataclasses.replace(towers, source=RememberedSource(towers.source))


def _build(
    config: DecoderTraining, towers: DecoderTowers, labels: DecoderLabels, objective: JointObjective
) -> MultiLabelClassifier:
    align = objective.alpha > 0
    dtype = config.optimization.dtype
    return build_classifier(towers, labels.classes.seen, config.head, align, dtype)


def _with_unseen(
    classifier: MultiLabelClassifier, towers: DecoderTowers, labels: DecoderLabels
) -> MultiLabelClassifier:
    classes = labels.classes
    if not classes.unseen:
        return classifier
    assert towers.source is not None  # `_check_head` has seen to it
    queries = towers.source.embed_classes(classes.class_names)
    return classifier.with_classes(classes.class_names, queries)


def _tuned(
    config: DecoderTraining,
    towers: DecoderTowers,
    data: CachedData | StreamedData,
    labels: DecoderLabels,
    run: Run,
    groups: np.ndarray,
) -> JointObjective:
    assert isinstance(data, CachedData)  # the config's check has seen to it
    trials = tune_loss_weights(
        towers,
        data,
        labels.train,
        labels.classes.seen,
        config.head,
        config.objective,
        config.optimization,
        run,
        labels.train_valid_mask,
        groups,
    )
    alpha, beta = best_weights(trials)
    return dataclasses.replace(config.objective, alpha=alpha, beta=beta)


def _fit(
    config: DecoderTraining,
    classifier: MultiLabelClassifier,
    towers: DecoderTowers,
    data: Any,
    labels: DecoderLabels,
    objective: JointObjective,
    run: Run,
) -> None:
    source = towers.source if objective.alpha else None
    of_train = (labels.train, labels.classes.seen, source, objective.sentence)
    targets = label_targets(*of_train, labels.train_valid_mask)
    model = data.fed_model(classifier)
    steps = (len(labels.train) // config.optimization.batch_size) * config.optimization.epochs
    loss = JointLoss(objective.alpha, objective.beta)
    compile_decoder(model, classifier, loss, steps, config.optimization, config.image)
    fit_decoder(
        model,
        data,
        targets,
        labels.seen_validation,
        config.optimization,
        run,
        labels.seen_validation_valid_mask,
    )


def _check_batch(config: DecoderTraining, train: SplitFiles) -> None:
    size, num_images = config.optimization.batch_size, train.num_records
    if size > num_images:
        raise UserError(
            f"a batch of {size} does not fit the {num_images} images of split "
            f"{config.train_split!r}; use --optimization.batch-size {num_images} or less"
        )


def _check_head(config: DecoderTraining, labels: DecoderLabels) -> None:
    unseen = labels.classes.unseen
    if unseen and config.head.kind != "zero_shot":
        raise UserError(
            f"a {config.head.kind} head cannot recognize the {len(unseen)} unseen classes "
            f"({unseen[0]}, ...); use --head.kind zero_shot, or list no unseen class"
        )


def _about(
    config: DecoderTraining, towers: DecoderTowers, labels: DecoderLabels, objective: JointObjective
) -> dict[str, Any]:
    size = towers.image_encoder.image_size
    tower = config.model or f"{config.image.backbone}, {size} pixels"
    tuned = f", chosen by {TUNING_FILE}" if config.tune_loss_weights else ""
    return {
        "data": config.data,
        "splits": f"{config.train_split} / {config.validation_split}",
        "training / validation images": f"{len(labels.train):,} / {len(labels.validation):,}",
        "seen / unseen classes": f"{len(labels.classes.seen)} / {len(labels.classes.unseen)}",
        "image tower": f"{tower}, {'trained' if config.image.trained else 'frozen'}",
        "queries": config.queries or config.model or "learned",
        "prompts": code_list(config.template),
        "head": config.head.kind,
        "loss": f"{objective.alpha:g} L_clip + {objective.beta:g} L_c{tuned}",
        "weights": "of the last epoch"
        + (f", averaged with momentum {config.optimization.ema}" * (config.optimization.ema > 0)),
        "seed": config.optimization.seed,
    }
