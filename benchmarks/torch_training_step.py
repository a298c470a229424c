"""The PyTorch side of `training_step.py`: transformers' CLIP, its loss, and AdamW on all weights.

It writes a ViT-B/32 with random weights to FOLDER/model first. Each question is the file of a
batch; the answer comes when the step is done: the loss.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from peer import serve
from transformers import CLIPModel
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from zero_shot_contenders import write_untrained_model

RATE, DECAY, CLIP_NORM = 1e-5, 0.01, 1.0  # as in `training_step.py`


class Steps:
    """A model that each call trains a step."""

    def __init__(self, folder: Path):
        write_untrained_model(folder / "model")
        self.model = CLIPModel.from_pretrained(folder / "model").train()
        groups = [
            {"params": [p for p in self.model.parameters() if p.ndim >= 2], "weight_decay": DECAY},
            {"params": [p for p in self.model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, RATE)
        self.batches = {}

    def __call__(self, file: str) -> float:
        if file not in self.batches:
            self.batches[file] = _batch(file)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model(**self.batches[file], return_loss=True).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        return loss.item()


def _batch(file: str) -> dict[str, torch.Tensor]:
    arrays = np.load(file)
    mean, std = torch.tensor(OPENAI_CLIP_MEAN), torch.tensor(OPENAI_CLIP_STD)
    pixels = (torch.from_numpy(arrays["images"]) / 255 - mean) / std
    ids = torch.from_numpy(arrays["token_ids"].astype("int64"))
    return {"pixel_values": pixels.permute(0, 3, 1, 2).contiguous(), "input_ids": ids}


if __name__ == "__main__":
    serve(Steps(Path(sys.argv[1])), ("torch", "transformers"))
