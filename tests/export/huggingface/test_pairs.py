"""Pairs of towers as VisionTextDualEncoder, beside transformers itself (`make peers`)."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exported import encoded
from tiny_models import TEXTS, randomize, tiny_dual_encoder, tiny_preprocessor

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.export.huggingface.folder import export_huggingface
from kclip.inference.embedder import Embedder
from kclip.inference.towers import open_image_tower
from kclip.models import DualEncoder, DualEncoderPreprocessor
from kclip.models.pretrained.huggingface_text import load_huggingface_text_encoder
from kclip.models.pretrained.image_towers import load_image_encoder
from kclip.models.pretrained.text_towers import load_text_encoder, read_text_tokenizer
from kclip.training.dual_encoder.building import build_dual_encoder

PYTHON = Path(__file__).parents[3] / ".venv-peers" / "bin" / "python"
PAIRS = {
    "vit_bert": ("hf_vit_tiny", "hf_bert_tiny"),
    "deit_mpnet": ("hf_deit_tiny", "hf_mpnet_tiny"),
    "dinov2_xlm_roberta": ("hf_dinov2_tiny", "hf_xlm_roberta_tiny"),
    "registers_roberta": ("hf_dinov2_registers_tiny", "hf_roberta_tiny"),
    "clip_albert": ("hf_clip_tiny", "hf_albert_tiny"),
    "siglip_bert": ("hf_siglip_tiny", "hf_bert_tiny"),
}
SENTENCES = [*TEXTS, "", "Zwei Kühe stehen im Schnee, café!", "a word " * 20]
CALLER = """
import json, sys
import numpy as np, torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

texts = json.load(open("texts.json"))
for name in sys.argv[1:]:
    model, loading = AutoModel.from_pretrained(name, output_loading_info=True)
    assert not any(loading.values()), loading
    processor = AutoProcessor.from_pretrained(name)
    images = [Image.open(f"{name}-{number}.png") for number in range(2)]
    inputs = processor(text=texts, images=images, return_tensors="pt", padding="max_length",
                       truncation=True)
    with torch.no_grad():
        outputs = model.eval()(**inputs)
    np.savez(f"{name}.npz", image=outputs.image_embeds, text=outputs.text_embeds,
             ids=inputs["input_ids"], logits=outputs.logits_per_image)
"""


def pair(image, text):
    """Two golden towers and random matrices; ALBERT's folder has no tokenizer."""
    tower = open_image_tower(str(image)).encoder
    encoder = load_huggingface_text_encoder(text, pooling="cls", name="text_encoder")
    has_tokenizer = text.name != "hf_albert_tiny"
    tokenizer = read_text_tokenizer(text) if has_tokenizer else tiny_preprocessor().tokenizer
    model = DualEncoder(
        tower, encoder, projection_dim=12, image_head="linear", text_head="linear", dropout=0.0
    )
    model.logit_scale.log_scale.assign(2.0)
    preprocessor = DualEncoderPreprocessor(
        tokenizer, tower.image_size, 16, token_inputs=tuple(encoder.new_inputs())
    )
    return Embedder(model, preprocessor)


@pytest.fixture(scope="module")
def embedders(goldens):
    return {name: pair(*(goldens / of for of in towers)) for name, towers in PAIRS.items()}


@pytest.fixture(scope="module")
def folder(embedders, tmp_path_factory):
    """The exports, and what a process of transformers makes of them."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, embedder in embedders.items():
        export_huggingface(embedder, folder / name, name)
        side = embedder.model.image_size  # so that nobody has to resize
        for number in range(2):
            (folder / f"{name}-{number}.png").write_bytes(encoded(size=(side, side), seed=number))
    (folder / "texts.json").write_text(json.dumps(SENTENCES))
    run = subprocess.run(
        [PYTHON, "-c", CALLER, *embedders], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.is_file(), reason="make peers makes .venv-peers, with PyTorch")
@pytest.mark.parametrize("name", PAIRS)
def test_transformers_gives_the_embedders_outputs(name, embedders, folder):
    embedder, found = embedders[name], np.load(folder / f"{name}.npz")
    ids = np.asarray(embedder.preprocessor.tokenize(SENTENCES)["token_ids"])
    np.testing.assert_array_equal(found["ids"], ids)
    images = embedder.embed_images([folder / f"{name}-{n}.png" for n in range(2)], progress=False)
    texts = embedder.embed_texts(SENTENCES)
    np.testing.assert_allclose(found["image"], images, atol=1e-5)
    np.testing.assert_allclose(found["text"], texts, atol=1e-5)
    logits = np.asarray(embedder.model.logit_scale(images @ texts.T))
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4)


def test_the_page_says_what_is_not_as_in_kclip(goldens, tmp_path):
    embedder = pair(goldens / "hf_vit_tiny", goldens / "hf_bert_tiny")
    embedder.preprocessor.mirror = True
    export_huggingface(embedder, tmp_path / "out", "mine")
    page = (tmp_path / "out/README.md").read_text()
    assert "mean of its own and its mirror image's" in page and "softmax" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"heads \(mlp\) are not the one matrix.*--objective.head linear"),
        ({"image_head": "linear", "text_head": "linear"}, "image tower .small_cnn. is none of"),
    ],
)
def test_other_models_are_refused_by_what_does_not_fit(tmp_path, changes, message):
    model = tiny_dual_encoder(pooling="cls", **changes)
    with pytest.raises(UserError, match=message):
        export_huggingface(Embedder(model, tiny_preprocessor()), tmp_path / "out", "mine")
    assert not (tmp_path / "out").exists()


def test_texts_without_a_pooler_and_other_losses_are_refused(goldens, tmp_path):
    heads = {"image_head": "linear", "text_head": "linear"}
    tower = load_image_encoder(str(goldens / "hf_vit_tiny"))
    for pooling, options, message in (
        ("mean", {}, "pooled by 'mean'.*--text.pooling cls"),
        ("cls", {"initial_bias": -10.0}, "loss soft or sigmoid"),
        ("cls", {"normalize": False}, "loss soft or sigmoid"),
    ):
        encoder, tokenizer = load_text_encoder(str(goldens / "hf_bert_tiny"), pooling=pooling)
        model = DualEncoder(tower, encoder, projection_dim=8, **heads, **options)
        embedder = Embedder(model, DualEncoderPreprocessor(tokenizer, tower.image_size, 16))
        with pytest.raises(UserError, match=message):
            export_huggingface(embedder, tmp_path / "out", "mine")


def test_linear_heads_are_one_matrix_a_side_and_take_no_options_of_others():
    towers = ImageTower(backbone="small_cnn", size=32), TextTower(backbone="tiny")
    objective = Objective(head="linear", projection_dim=8)
    model, _ = build_dual_encoder(*towers, objective, ["a red circle"] * 3)
    randomize(model)
    assert [len(head.weights) for head in (model.image_projection, model.text_projection)] == [1, 1]
    objective = Objective(head="linear", standardize=True)
    with pytest.raises(UserError, match="--objective.standardize True is for heads of kind mlp"):
        build_dual_encoder(*towers, objective, ["a red circle"])
