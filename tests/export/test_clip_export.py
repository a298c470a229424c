import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from exported import encoded
from tiny_clip import (
    LENGTH,
    SIZE,
    TEXTS,
    tiny_clip,
    tiny_clip_preprocessor,
    tiny_clip_tokenizer,
    vocabulary,
)

from kclip.errors import UserError
from kclip.export.folder import export_model
from kclip.export.graph_tokenizer import for_graphs, tokenize_in_graph
from kclip.inference.embedder import Embedder
from kclip.models import ClipPreprocessor, HuggingFaceTokenizer
from kclip.models.pretrained.clip_tokenizer_json import clip_definition

ODD_TEXTS = [
    *TEXTS,
    "",
    "A  RED!, star's\tblue\n ",
    "unknown: äöé \u3000…",
    "red " * 2 * LENGTH,
]


@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_strings_become_the_preprocessors_ids_in_a_graph(architecture):
    preprocessor = tiny_clip_preprocessor(architecture)
    tokens = tf.function(lambda texts: tokenize_in_graph(preprocessor, texts))(
        tf.constant(ODD_TEXTS)
    )
    expected = preprocessor.tokenize(ODD_TEXTS)["token_ids"]
    assert tokens["token_ids"].shape == (len(ODD_TEXTS), LENGTH)
    np.testing.assert_array_equal(tokens["token_ids"], expected)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_a_fresh_process_gets_clips_answers_from_bytes_and_strings(architecture, tmp_path):
    embedder = Embedder(tiny_clip(architecture), tiny_clip_preprocessor(architecture))
    export_model(embedder, tmp_path / "exported", ["saved_model"], "a tiny model")
    same_size = [encoded(size=(SIZE, SIZE), seed=seed) for seed in (0, 1)]
    resized = encoded("JPEG", size=(50, 40))
    for number, image in enumerate([*same_size, resized]):
        (tmp_path / f"{number}.bin").write_bytes(image)
    code = f"""
import numpy as np, tensorflow as tf, tensorflow_text
from pathlib import Path
model = tf.saved_model.load("exported/saved_model")
images = tf.constant([Path(f"{{n}}.bin").read_bytes() for n in range(3)])
texts = tf.constant({TEXTS!r})
np.savez("out.npz", images=model.embed_images(images), texts=model.embed_texts(texts),
         logits=model.logits_per_image(images, texts))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    images = embedder.embed_images([*same_size, resized], progress=False)
    texts = embedder.embed_texts(TEXTS)
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_allclose(found["texts"], texts, atol=1e-5)
        np.testing.assert_allclose(found["images"][:2], images[:2], atol=1e-5)
        # Pillow and TensorFlow resize alike, but not to the last bit.
        np.testing.assert_allclose(found["images"][2], images[2], atol=1e-2)
        scale = embedder.model.logit_scale
        expected = np.asarray(scale(images[:2] @ texts.T))
        np.testing.assert_allclose(found["logits"][:2], expected, atol=1e-4)
    again = ClipPreprocessor.from_preset(tmp_path / "exported" / "preprocessor")
    ids = embedder.preprocessor.tokenize(TEXTS)["token_ids"]
    np.testing.assert_array_equal(again.tokenize(TEXTS)["token_ids"], ids)


def huggingface_preprocessor(**changes):
    definition = clip_definition(vocabulary(), tiny_clip_tokenizer().merges)
    definition["added_tokens"] += changes.pop("added", [])
    tokenizer = HuggingFaceTokenizer(json.dumps(definition), **changes)
    return ClipPreprocessor(tokenizer, SIZE, LENGTH, resize_size=40, crop_margin="down")


def test_a_tokenizer_json_of_clip_becomes_operations():
    preprocessor = huggingface_preprocessor(pad_token_id=vocabulary()["<|endoftext|>"])
    in_graph = for_graphs(preprocessor)
    assert in_graph.numbers == preprocessor.numbers
    tokens = tf.function(lambda texts: tokenize_in_graph(in_graph, texts))(tf.constant(ODD_TEXTS))
    expected = preprocessor.tokenize(ODD_TEXTS)["token_ids"]
    np.testing.assert_array_equal(tokens["token_ids"], expected)


def test_an_added_token_has_no_operations():
    token = {"id": len(vocabulary()), "content": "<sks>", "special": False, "normalized": True}
    token |= dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    with pytest.raises(UserError, match="TensorFlow has no operations for it; leave saved_model"):
        for_graphs(huggingface_preprocessor(added=[token]))
