"""The command that trains a multi-label classifier with CLIP-Decoder's head."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kclip.config.clip_decoder import DecoderTraining
from kclip.config.loggers import LoggerName
from kclip.config.parsing import parse_run
from kclip.config.presets import CLIP_DECODER_PRESETS
from kclip.training.common.run_folder import check_new_run, open_run, write_config

DecoderPreset = Literal["tiny", "flickr8k", "nus_wide"]


@dataclass(frozen=True)
class _Start:
    """What must be known before the other flags have their defaults."""

    preset: DecoderPreset = "tiny"
    resume: Path | None = None


@dataclass(frozen=True)
class TrainClipDecoder(DecoderTraining):
    """Trains a multi-label classifier on TFRecords of images and labels.

    Its zero-shot head recognizes classes that it has seen no label of. Writes a run folder:
    config.json, history.csv, curves.png, metrics.json, report.md, tensorboard/, and model/, which
    evaluate_multilabel loads. Ctrl-C and SIGTERM save; --resume goes on from there, or from the
    last save before a crash.
    """

    preset: DecoderPreset = "tiny"
    """Where the other flags' defaults come from: tiny, flickr8k (a CPU's size) or nus_wide
    (ML-Decoder's settings for it). Add --help to see them."""
    resume: Path | None = None
    """A run folder to go on with, under its own config; no other flags."""
    output: Path = Path("runs/clip_decoder")
    """Run folder; new or empty."""
    log_to: tuple[LoggerName, ...] = ("tensorboard",)
    """Where each epoch's figures go besides history.csv: tensorboard, wandb (Weights & Biases),
    mlflow; none if empty."""

    @classmethod
    def parse(cls, argv: list[str]) -> "TrainClipDecoder":
        """Reads the command line, with defaults from a preset or from the run to resume."""
        return parse_run(cls, _Start, CLIP_DECODER_PRESETS, argv, "train_clip_decoder")

    def run(self, callbacks: Sequence[Any] = ()) -> dict[str, Any]:
        """Builds the model, trains it, saves it, and measures it.

        Args:
            callbacks: more Keras callbacks, which see each epoch's logs.

        Returns:
            What `metrics.json` holds.
        """
        self.check()
        if self.resume is None:
            check_new_run(self.output)
        from kclip.training.clip_decoder.training import train_decoder
        from kclip.training.common.loggers import check_loggers
        from kclip.training.common.stop_signals import stop_signals

        check_loggers(self.log_to)
        with stop_signals() as stop_requested:
            run = open_run(self, "train_clip_decoder", stop_requested, callbacks)
            return train_decoder(self, run, self._write_config)

    def _write_config(self) -> None:
        """Not before: a request that cannot be met leaves no run folder behind."""
        if self.resume is None:
            write_config(self)
