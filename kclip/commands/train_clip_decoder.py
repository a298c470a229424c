"""The command that trains a multi-label classifier with CLIP-Decoder's head."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kclip.config.clip_decoder import DecoderTraining
from kclip.config.presets import CLIP_DECODER_PRESETS
from kclip.training.common.command import TrainingCommand
from kclip.training.common.run import Run

DecoderPreset = Literal["tiny", "flickr8k", "nus_wide"]


@dataclass(frozen=True, kw_only=True)
class TrainClipDecoder(TrainingCommand, DecoderTraining):
    """Trains a multi-label classifier on TFRecords of images and labels.

    Its zero-shot head recognizes classes that it has seen no label of. Writes a run folder:
    config.json, history.csv, curves.png, metrics.json, report.md, tensorboard/, and model/, which
    evaluate_multilabel loads. Ctrl-C and SIGTERM save; --resume goes on from there, or from the
    last save before a crash.
    """

    preset: DecoderPreset = "tiny"
    """Where the other flags' defaults come from: tiny, flickr8k (a CPU's size) or nus_wide
    (ML-Decoder's settings for it). Add --help to see them."""
    output: Path = Path("runs/clip_decoder")
    """Run folder; new or empty."""

    NAME = "train_clip_decoder"
    PRESETS = CLIP_DECODER_PRESETS

    def check(self) -> None:
        """See `DecoderTraining`."""
        DecoderTraining.check(self)

    def train(self, run: Run) -> dict[str, Any]:
        """See `TrainingCommand`."""
        from kclip.training.clip_decoder.training import train_decoder

        return train_decoder(self, run, self.write_config)
