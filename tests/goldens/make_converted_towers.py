"""Writes converted_towers/: features of timm's and transformers' networks of seeded weights.

The networks have millions of weights, so that none are kept: they follow from a seed and each
tensor's name and shape, see `seeded_weights`. Run it in the environment of `make peers`, with timm:

    .venv-peers/bin/python tests/goldens/make_converted_towers.py
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import timm
import torch
from safetensors.numpy import load_file, save_file
from transformers import DINOv3ViTConfig, DINOv3ViTModel, SwinConfig, SwinModel

FOLDER = Path(__file__).parent / "converted_towers"
sys.path.append(str(Path(__file__).parents[1] / "support"))
from seeded_weights import seeded_weights  # noqa: E402

TIMM = [
    "resnet18",
    "resnet26",
    "efficientnet_b0",
    "mobilenetv3_small_050",
    "mobilenetv3_large_100",
    "hgnetv2_b0",
]
SIDE = 72  # which is odd after three halvings: there paddings differ
SWIN = SwinConfig(
    image_size=64,
    patch_size=4,
    embed_dim=12,
    depths=[2, 2],
    num_heads=[2, 3],
    window_size=4,
    mlp_ratio=2.0,
)
DINO = DINOv3ViTConfig(
    image_size=64,
    patch_size=16,
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=44,
    num_register_tokens=4,
)
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def write(name, model, shapes, config, run, side):
    """Runs a model that has its seeded weights on seeded images."""
    images = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), np.uint8)
    pixels = (torch.from_numpy(images) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        features, positions = run(model.eval(), pixels.permute(0, 3, 1, 2))
    np.savez_compressed(
        FOLDER / f"{name}.npz",
        images_uint8=images,
        features=features.numpy(),
        positions=positions.numpy(),
        meta=json.dumps({"config": config, "shapes": shapes}),
    )


def write_timm(architecture):
    model = timm.create_model(architecture)
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({k: torch.from_numpy(v) for k, v in seeded_weights(shapes).items()})
    said = {"mean": MEAN, "std": STD, "input_size": [3, SIDE, SIDE]}
    said["classifier"] = model.pretrained_cfg["classifier"]
    config = {"architecture": architecture, "num_classes": 1000, "pretrained_cfg": said}
    write(architecture, model, shapes, config, run_timm, SIDE)


def write_transformers(name, model):
    """Tensors' names in files are others than in memory, so that the file is what is seeded."""
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        file = Path(folder) / "model.safetensors"
        shapes = {key: list(value.shape) for key, value in load_file(file).items()}
        save_file(seeded_weights(shapes), file, {"format": "pt"})
        model = type(model).from_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text())
    write(name, model, shapes, config, run_transformers, model.config.image_size)


def run_timm(model, pixels):
    maps = model.forward_features(pixels)
    return maps.mean((2, 3)), maps.permute(0, 2, 3, 1)


def run_transformers(model, pixels):
    output = model(pixel_values=pixels)
    states = output.last_hidden_state
    first = 1 + getattr(model.config, "num_register_tokens", -1)
    patches = states[:, first:]
    side = round(patches.shape[1] ** 0.5)
    return output.pooler_output, patches.reshape(len(patches), side, side, -1)


FOLDER.mkdir(exist_ok=True)
for architecture in TIMM:
    write_timm(architecture)
for name, model in (("swin", SwinModel(SWIN)), ("dinov3", DINOv3ViTModel(DINO))):
    write_transformers(name, model)
