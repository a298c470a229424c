"""The folders beside transformers itself, in the environment of `make peers`."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exported import encoded
from tiny_clip import TEXTS, tiny_clip, tiny_clip_preprocessor

from kclip.export.huggingface.folder import export_huggingface
from kclip.inference.embedder import Embedder
from kclip.inference.loading import load_model

PYTHON = Path(__file__).parents[3] / ".venv-peers" / "bin" / "python"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="make peers makes .venv-peers, with PyTorch"),
]
SIZES = [(32, 32), (50, 40), (97, 151), (34, 32)]
CALLER = """
import os, pathlib, re, sys
import numpy as np, torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoProcessor, AutoTokenizer
import json

texts = json.load(open("texts.json"))
images = [Image.open(f"{number}.png") for number in range(4)]
for name in sys.argv[1:]:
    model, loading = AutoModel.from_pretrained(name, output_loading_info=True)
    assert not any(loading.values()), loading
    arguments = {"padding": "max_length", "truncation": True}
    processor = AutoProcessor.from_pretrained(name)
    inputs = processor(text=texts, images=images, return_tensors="pt", **arguments)
    ids = AutoTokenizer.from_pretrained(name)(texts, **arguments)["input_ids"]
    pixels = AutoImageProcessor.from_pretrained(name)(images, return_tensors="pt").pixel_values
    assert inputs["input_ids"].tolist() == ids and torch.equal(inputs["pixel_values"], pixels)
    with torch.no_grad():
        outputs = model.eval()(**inputs)
    np.savez(f"{name}.npz", ids=ids, pixels=pixels, image=outputs.image_embeds,
             text=outputs.text_embeds, logits=outputs.logits_per_image)
Image.open("0.png").save(f"{name}/photo.jpg")
os.chdir(name)
exec(re.search(r"```python\\n(.*?)```", pathlib.Path("README.md").read_text(), re.DOTALL)[1])
"""


@pytest.fixture(scope="module")
def embedders(goldens):
    made = {name: Embedder(*load_model(goldens / name)) for name in GOLDENS}
    tiny = {"siglip": tiny_clip("siglip"), "metaclip_2": tiny_clip(end_token_id=2)}
    made["siglip"] = Embedder(tiny["siglip"], tiny_clip_preprocessor("siglip"))
    made["metaclip_2"] = Embedder(tiny["metaclip_2"], tiny_clip_preprocessor())
    return made


GOLDENS = ["hf_clip_v5_folder", "hf_siglip2_tiny", "open_clip_tiny"]
NAMES = [*GOLDENS, "metaclip_2", "siglip"]


@pytest.fixture(scope="module")
def folder(embedders, tmp_path_factory):
    """The exports, and what a process of transformers makes of them."""
    folder = tmp_path_factory.mktemp("exports")
    for name, embedder in embedders.items():
        export_huggingface(embedder, folder / name, name)
    for number, size in enumerate(SIZES):
        (folder / f"{number}.png").write_bytes(encoded(size=size, seed=number))
    (folder / "texts.json").write_text(json.dumps(TEXTS))
    run = subprocess.run([PYTHON, "-c", CALLER, *NAMES], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (folder / "printed.txt").write_text(run.stdout)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_transformers_gives_the_embedders_outputs(name, embedders, folder):
    embedder, found = embedders[name], np.load(folder / f"{name}.npz")
    images = embedder.embed_images([folder / f"{n}.png" for n in range(4)], progress=False)
    texts = embedder.embed_texts(TEXTS)
    np.testing.assert_allclose(found["image"], images, atol=1e-5)
    np.testing.assert_allclose(found["text"], texts, atol=1e-5)
    logits = np.asarray(embedder.model.logit_scale(images @ texts.T))
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4)


def test_the_code_of_the_readme_runs(folder):
    printed = (folder / "printed.txt").read_text()
    assert "torch.Size([1, 24]) torch.Size([2, 24])" in printed and "tensor([[" in printed
