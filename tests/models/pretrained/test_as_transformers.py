"""Tokens and pixels of folders in many forms, as transformers 5.24 made them (`reference/`)."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kclip.models import ClipPreprocessor
from kclip.models.pretrained.image_settings import read_image_settings
from kclip.models.pretrained.tokenizer_files import read_tokenizer

REFERENCE = Path(__file__).parent / "reference"
TOKENS = json.loads((REFERENCE / "tokenizers_of_transformers.json").read_text(encoding="utf-8"))
PIXELS = dict(np.load(REFERENCE / "pixels_of_transformers.npz"))
SETTINGS = json.loads(str(PIXELS["meta"]))["settings"]
TYPES = {"clip": "CLIPImageProcessor", "siglip": "SiglipImageProcessor"}


def ids_of(folder, files, kind, texts):
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return read_tokenizer(folder, kind, num_embeddings=10**6).encode(texts, TOKENS["length"])


@pytest.mark.parametrize(
    "case", TOKENS["clip"], ids=lambda case: "_".join(case["files"]) or "plain"
)
def test_clips_tokens_with_added_ones(case, tmp_path):
    (tmp_path / "merges.txt").write_text(TOKENS["merges.txt"], encoding="utf-8")
    files = {"vocab.json": TOKENS["vocab.json"]} | case["files"]
    ids = ids_of(tmp_path, files, "clip", TOKENS["texts"])
    np.testing.assert_array_equal(ids, case["ids"])


def test_siglips_tokens_with_added_ones(tmp_path):
    case = TOKENS["siglip"]
    ids = ids_of(tmp_path, case["files"], "siglip", case["texts"])
    np.testing.assert_array_equal(ids, case["ids"])


@pytest.mark.parametrize("number", range(len(SETTINGS)))
@pytest.mark.parametrize("file", ["processor_config.json", "preprocessor_config.json"])
def test_pixels_of_image_settings(number, file, tmp_path):
    kind, settings = SETTINGS[number]
    settings = settings | {"image_processor_type": TYPES[kind]}
    nested = file == "processor_config.json"
    content = {"image_processor": settings} if nested else settings
    (tmp_path / file).write_text(json.dumps(content))
    expected = PIXELS[f"pixel_values{number}"]
    normalization, images = read_image_settings(tmp_path, kind, expected.shape[-1])
    preprocessor = ClipPreprocessor(None, expected.shape[-1], **images)
    pixels = np.stack([preprocessor.prepare(Image.fromarray(PIXELS[f"image{i}"])) for i in (0, 1)])
    found = (pixels / 255 - normalization["mean"]) / normalization["std"]
    # The reference keeps every third row.
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2)[:, :, ::3], expected, atol=2e-6)
