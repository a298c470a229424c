"""Writes hf_deit_tiny and hf_dinov2_registers_tiny: random models of transformers, with outputs.

Run it in the environment of `make peers`:

    .venv-peers/bin/python tests/goldens/make_image_towers.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import (
    DeiTConfig,
    DeiTModel,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def write(name, model, size):
    for parameter in model.parameters():
        gain = float(parameter.ndim == 1 and bool((parameter == 1).all()))
        parameter.data = gain + 0.15 * torch.randn_like(parameter)
    folder = Path(__file__).parent / name
    model.eval().save_pretrained(folder)
    images = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
    pixels = (images / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        states = model(pixel_values=pixels.permute(0, 3, 1, 2)).last_hidden_state
    num_patches = (size // model.config.patch_size) ** 2
    np.savez(
        folder / "io.npz",
        images_uint8=images.numpy(),
        last_hidden_state=states.numpy(),
        patch_mean=states[:, -num_patches:].mean(1).numpy(),
    )
    settings = {
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
        "size": {"height": size, "width": size},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=1) + "\n")


torch.manual_seed(0)
SIZES = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "patch_size": 8}
write("hf_deit_tiny", DeiTModel(DeiTConfig(image_size=32, intermediate_size=44, **SIZES)), 32)
write(
    "hf_dinov2_registers_tiny",
    Dinov2WithRegistersModel(
        Dinov2WithRegistersConfig(image_size=32, mlp_ratio=2, num_register_tokens=3, **SIZES)
    ),
    32,
)
