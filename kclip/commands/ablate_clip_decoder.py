"""The command that repeats CLIP-Decoder's ablation."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kclip.config.checks import check_settings
from kclip.config.clip_decoder import (
    DecoderHead,
    DecoderOptimization,
    DecoderTraining,
    JointObjective,
    LossWeight,
)
from kclip.config.parsing import CONFIG_FILE, to_json
from kclip.config.presets import CLIP_DECODER_PRESETS
from kclip.config.ranges import Count
from kclip.config.towers import ImageTower
from kclip.console.command_line import command_line
from kclip.console.lines import LOGGER
from kclip.errors import UserError
from kclip.files import write_metrics, write_text
from kclip.reports.markdown import code_list
from kclip.training.common.run import Run
from kclip.training.common.run_folder import write_config

_PRESET = CLIP_DECODER_PRESETS["flickr8k"]
METRICS_FILE = "metrics.json"


@dataclass(frozen=True)
class AblateClipDecoder:
    """Trains CLIP-Decoder with word vectors, with prompts, and with the joint loss, and compares.

    In two settings that are never mixed: caption_aligned, with the towers of a dual encoder, which
    has read captions; and strict, with the same kind of image tower and a BERT as they were given,
    so that training sees images and seen labels alone. Word vectors know no captions either way:
    their runs stand in both. Writes a run folder of train_clip_decoder for each row and seed, and
    metrics.json and report.md with the paper's Tables 1 and 2. The same command goes on where it
    was stopped.
    """

    model: str
    """Folder of a dual encoder."""
    text_model: str
    """Hugging Face folder of a BERT, for the prompts of the strict setting."""
    data: Path
    """Folder that build_tfrecords wrote."""
    seen_classes: Path | None = None
    """File of the classes to train on, one a line; seen_classes.txt in --data if left out."""
    unseen_classes: Path | None = None
    """File of the classes that are only recognized; unseen_classes.txt in --data if left out."""
    word_vectors: Path | None = None
    """File of word2vec or GloVe vectors; the input embeddings of --text-model if left out."""
    output: Path = Path("runs/clip_decoder_ablation")
    """Folder of all runs."""
    seeds: Count = 3
    """Runs of each row."""
    template: list[str] = field(default_factory=lambda: list(_PRESET["template"]))
    """Prompts for class names, as in evaluate_zero_shot."""
    image: ImageTower = field(default_factory=lambda: _PRESET["image"])
    """The image tower of the strict setting and of the word vectors."""
    strict_alpha: LossWeight = 3.0
    """Weight of L_clip in the strict setting, where towers are not aligned before; the default is
    what train_clip_decoder --tune-loss-weights chose on Flickr8k. --objective.alpha is that of
    the caption-aligned one."""
    head: DecoderHead = field(default_factory=lambda: _PRESET["head"])
    objective: JointObjective = field(default_factory=lambda: _PRESET["objective"])
    optimization: DecoderOptimization = field(default_factory=lambda: _PRESET["optimization"])

    def run(self) -> dict[str, Any]:
        """Trains what is not trained yet, and writes the tables.

        Returns:
            Setting -> row -> summary over its seeds, as in `metrics.json`.
        """
        self._check()
        self._write_config()
        from kclip.training.common.stop_signals import stop_signals

        with stop_signals() as stop_requested:
            go_on = f"{command_line('ablate_clip_decoder')} with the same flags"
            run = Run(self.output, stop_requested, go_on, True, ("tensorboard",))
            word_vectors = self._run_row("word_vectors", self._vectors(), run)
            results = {}
            for setting, towers in self._towers().items():
                results[setting] = {"word_vectors": word_vectors}
                for row in ("classification", "joint"):
                    results[setting][row] = self._run_row(f"{setting}/{row}", towers, run)
        return self._report(results)

    def _towers(self) -> dict[str, dict[str, Any]]:
        return {
            "caption_aligned": {"model": self.model},
            "strict": {"queries": self.text_model},
        }

    def _vectors(self) -> dict[str, Any]:
        path = self.word_vectors or self.output / "word_vectors.txt"
        if not path.is_file() and self.word_vectors is None:
            from kclip.multilabel.queries.token_vectors import write_token_vectors

            words = {
                word for name in self._class_names() for word in name.replace("_", " ").split()
            }
            write_token_vectors(self.text_model, sorted(words), path)
        return {"queries": str(path)}

    def _class_names(self) -> list[str]:
        from kclip.multilabel.class_split import read_class_split

        classes = read_class_split(self.data, self.seen_classes, self.unseen_classes)
        if classes is None or not classes.unseen:
            raise UserError(
                f"nothing says which labels of {self.data} are unseen; give --seen-classes and "
                "--unseen-classes"
            )
        return classes.class_names

    def _run_row(self, name: str, towers: dict[str, Any], run: Run) -> list[dict[str, Any]]:
        return [self._run_once(name, towers, seed, run) for seed in range(self.seeds)]

    def _run_once(self, name: str, towers: dict[str, Any], seed: int, run: Run) -> dict[str, Any]:
        folder = self.output / name / f"seed{seed}"
        if not (folder / METRICS_FILE).is_file():
            run.check()
            LOGGER.info(f"{name}, seed {seed}")
            self._train(self._training(name, towers, seed), replace(run, folder=folder))
        return json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))

    def _train(self, config: DecoderTraining, run: Run) -> None:
        """One training, from where it was stopped; its folder is one of train_clip_decoder."""
        import keras

        from kclip.training.clip_decoder.training import train_decoder

        write_text(run.folder / CONFIG_FILE, to_json(config))
        train_decoder(config, run)
        keras.backend.clear_session()  # gives back the memory of its graphs

    def _training(self, name: str, towers: dict[str, Any], seed: int) -> DecoderTraining:
        alpha = self.strict_alpha if name.startswith("strict/") else self.objective.alpha
        alpha = alpha if name.endswith("joint") else 0.0
        return DecoderTraining(
            data=self.data,
            seen_classes=self.seen_classes,
            unseen_classes=self.unseen_classes,
            template=self.template,
            image=self.image,
            head=self.head,
            objective=replace(self.objective, alpha=alpha),
            optimization=replace(self.optimization, seed=seed),
            **towers,
        )

    def _cosine(self) -> dict[str, Any]:
        """Ranking by the dual encoder alone, with the same prompts."""
        from kclip.data.labelled.multilabel_reading import read_labelled_split
        from kclip.evaluation.multilabel import evaluate_multilabel
        from kclip.multilabel.recognition.opening import classes_of_images, open_recognizer
        from kclip.zero_shot.prompts import resolve_templates

        path = self.output / "caption_aligned" / "cosine" / METRICS_FILE
        if not path.is_file():
            images = read_labelled_split(self.data, "validation")
            lists = (self.data, self.seen_classes, self.unseen_classes)
            classes = classes_of_images(self.model, images, *lists)
            templates = resolve_templates(self.template)
            recognizer = open_recognizer(self.model, templates, classes)
            write_metrics(path, evaluate_multilabel(recognizer, images).results)
        return json.loads(path.read_text(encoding="utf-8"))

    def _report(self, results: dict[str, dict[str, list[dict[str, Any]]]]) -> dict[str, Any]:
        from kclip.evaluation.ablation import random_summary, summarize
        from kclip.reports.ablation import write_ablation

        summaries = {
            setting: {row: summarize(runs) for row, runs in rows.items()}
            for setting, rows in results.items()
        }
        cosine = self._cosine()
        summaries["caption_aligned"]["cosine"] = summarize([cosine])
        for rows in summaries.values():
            rows["random"] = random_summary(cosine)
        write_ablation(self.output, self._about(), summaries)
        return summaries

    def _about(self) -> dict[str, Any]:
        objective, settings = self.objective, self.optimization
        return {
            "data": self.data,
            "dual encoder": self.model,
            "strict": f"{self.image.backbone} and {self.text_model}",
            "word vectors": self.word_vectors or f"the input embeddings of {self.text_model}",
            "prompts": code_list(self.template),
            "joint loss": f"{objective.alpha:g} (strict: {self.strict_alpha:g}) L_clip + "
            f"{objective.beta:g} L_c",
            "training": f"{settings.epochs} epochs, batch {settings.batch_size}, "
            f"{settings.optimizer} {settings.learning_rate:g}",
            "seeds": f"0 to {self.seeds - 1}",
        }

    def _check(self) -> None:
        check_settings(self)
        if self.head.kind != "zero_shot":
            raise UserError(
                f"--head.kind {self.head.kind} cannot recognize unseen classes; leave zero_shot"
            )
        self._class_names()

    def _write_config(self) -> None:
        path = self.output / CONFIG_FILE
        if not path.is_file():
            write_config(self)
        elif path.read_text(encoding="utf-8") != to_json(self):
            raise UserError(
                f"{str(self.output)!r} holds runs under other settings (see its {CONFIG_FILE}); "
                "give another --output, or delete it"
            )
