"""The command that repeats CLIP-Decoder's ablation."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kclip.commands.evaluate_multilabel import EvaluateMultilabel
from kclip.commands.train_clip_decoder import TrainClipDecoder
from kclip.config.checks import check_settings
from kclip.config.clip_decoder import (
    DecoderHead,
    DecoderOptimization,
    JointObjective,
    LossWeight,
)
from kclip.config.parsing import CONFIG_FILE, to_json
from kclip.config.presets import CLIP_DECODER_PRESETS
from kclip.config.ranges import Count
from kclip.config.towers import DecoderImageTower
from kclip.console.lines import LOGGER, is_quiet
from kclip.errors import KclipError, UserError
from kclip.reports.markdown import code_list
from kclip.training.common.run_folder import write_config
from kclip.training.common.stop_signals import stop_signals

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
    image: DecoderImageTower = field(default_factory=lambda: _PRESET["image"])
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
        word_vectors = self._run_row("word_vectors", self._vectors())
        results = {}
        for setting, towers in self._towers().items():
            results[setting] = {"word_vectors": word_vectors}
            for row in ("classification", "joint"):
                results[setting][row] = self._run_row(f"{setting}/{row}", towers)
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

    def _run_row(self, name: str, towers: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._run_once(name, towers, seed) for seed in range(self.seeds)]

    def _run_once(self, name: str, towers: dict[str, Any], seed: int) -> dict[str, Any]:
        folder = self.output / name / f"seed{seed}"
        if not (folder / METRICS_FILE).is_file():
            LOGGER.info(f"{name}, seed {seed}")
            if not (folder / CONFIG_FILE).is_file():
                write_config(self._training(name, towers, seed, folder))
            self._train(folder)
        return json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))

    def _train(self, folder: Path) -> None:
        """Runs train_clip_decoder on a folder with its config, from where it was stopped."""
        # In a process of its own, which gives all its memory back.
        command = [sys.executable, "-m", "kclip.cli", "train_clip_decoder", "--resume", str(folder)]
        command += ["--quiet"] if is_quiet() else []
        with stop_signals() as stop_requested:
            process = subprocess.Popen(command, start_new_session=True)
            while process.poll() is None:
                time.sleep(0.2)
                if stop_requested():
                    process.send_signal(signal.SIGTERM)
                    process.wait()
        if process.returncode:
            error = KclipError(f"the run in {folder} ended early; the same command goes on with it")
            error.exit_code = process.returncode
            raise error

    def _training(
        self, name: str, towers: dict[str, Any], seed: int, folder: Path
    ) -> TrainClipDecoder:
        alpha = self.strict_alpha if name.startswith("strict/") else self.objective.alpha
        alpha = alpha if name.endswith("joint") else 0.0
        return TrainClipDecoder(
            preset="flickr8k",
            data=self.data,
            output=folder,
            seen_classes=self.seen_classes,
            unseen_classes=self.unseen_classes,
            template=self.template,
            image=self.image,
            head=self.head,
            objective=dataclasses.replace(self.objective, alpha=alpha),
            optimization=dataclasses.replace(self.optimization, seed=seed),
            **towers,
        )

    def _cosine(self) -> dict[str, Any]:
        """Ranking by the dual encoder alone, with the same prompts."""
        folder = self.output / "caption_aligned" / "cosine"
        if not (folder / METRICS_FILE).is_file():
            EvaluateMultilabel(
                model=self.model,
                output=folder,
                data=self.data,
                seen_classes=self.seen_classes,
                unseen_classes=self.unseen_classes,
                template=self.template,
            ).run()
        return json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))

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
