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


# In a process that has none of kclip.
CALLER = """
import json, pathlib, sys
import numpy as np, tensorflow as tf, tensorflow_text

texts = tf.constant(json.load(open("texts.json")))
for folder in sys.argv[1:]:
    model = tf.saved_model.load(f"{folder}/saved_model")
    images = tf.constant([pathlib.Path(f"{n}.bin").read_bytes() for n in range(3)])
    np.savez(f"{folder}.npz", images=model.embed_images(images), texts=model.embed_texts(texts),
             logits=model.logits_per_image(images, texts))
"""
IMAGES = [encoded(size=(SIZE, SIZE), seed=seed) for seed in (0, 1)] + [encoded("JPEG")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports of both architectures, what was exported, and what a fresh process makes of them."""
    folder = tmp_path_factory.mktemp("exports")
    embedders = {}
    for name in ("clip", "siglip"):
        embedders[name] = Embedder(tiny_clip(name), tiny_clip_preprocessor(name))
        export_model(embedders[name], folder / name, ["saved_model"], "a tiny model")
    for number, image in enumerate(IMAGES):
        (folder / f"{number}.bin").write_bytes(image)
    (folder / "texts.json").write_text(json.dumps(TEXTS))
    command = [sys.executable, "-c", CALLER, *embedders]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder, embedders


@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_a_fresh_process_gets_clips_outputs_from_bytes_and_strings(architecture, exported):
    folder, embedder = exported[0], exported[1][architecture]
    images = embedder.embed_images(IMAGES, progress=False)
    texts = embedder.embed_texts(TEXTS)
    with np.load(folder / f"{architecture}.npz") as found:
        np.testing.assert_allclose(found["texts"], texts, atol=1e-5)
        np.testing.assert_allclose(found["images"][:2], images[:2], atol=1e-5)
        # Pillow and TensorFlow resize alike, but not to the last bit.
        np.testing.assert_allclose(found["images"][2], images[2], atol=1e-2)
        expected = np.asarray(embedder.model.logit_scale(images[:2] @ texts.T))
        np.testing.assert_allclose(found["logits"][:2], expected, atol=1e-4)
    again = ClipPreprocessor.from_preset(folder / architecture / "preprocessor")
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
