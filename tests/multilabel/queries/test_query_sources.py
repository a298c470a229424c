import json
import shutil

import numpy as np
import pytest
from tiny_models import tiny_dual_encoder, tiny_preprocessor

from kclip.errors import UserError
from kclip.inference.embedder import Embedder
from kclip.multilabel.queries.query_sources import load_query_source


def unit(vector):
    return vector / np.sqrt((vector**2).sum())


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("query_source") / "model"
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    return folder


def test_prompts_through_a_dual_encoder(model_folder):
    source = load_query_source(model_folder, ["a {}", "two {} on the square"])
    embeddings = source.embed_classes(["red_circle", "star"])
    texts = Embedder.from_name(model_folder).embed_texts(
        ["a red circle", "two red circle on the square", "a star", "two star on the square"]
    )
    assert source.dim == embeddings.shape[1] == 12
    for row, (first, second) in zip(embeddings, texts.reshape(2, 2, 12), strict=True):
        np.testing.assert_allclose(row, unit((first + second) / 2), atol=1e-6)


def test_one_class_is_enough_and_none_is_an_error(model_folder):
    source = load_query_source(model_folder, ["{}"])
    assert source.embed_classes(["circle"]).shape == (1, 12)
    with pytest.raises(UserError, match="at least one class name"):
        source.embed_classes([])


def test_golden_sentences_through_a_bert_folder(goldens):
    folder = goldens / "hf_bert_tiny"
    sentences = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))["sentences"]
    with np.load(folder / "io.npz") as file:
        pooled = file["mean_pooled_masked"]
    source = load_query_source(folder, ["{}"])
    embeddings = source.embed_texts(sentences)
    assert source.dim == pooled.shape[1]
    for row, mean in zip(embeddings, pooled, strict=True):
        np.testing.assert_allclose(row, unit(mean), atol=2e-5)


def test_word_vectors_need_no_template(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("dog 1 0\nsnow 0 1\n")
    source = load_query_source(path, [])
    np.testing.assert_allclose(source.embed_classes(["dog_snow"]), [[0.5**0.5] * 2], atol=1e-6)


def test_sources_that_are_none(goldens, tmp_path, model_folder):
    with pytest.raises(UserError, match="there is no model folder 'absent'"):
        load_query_source("absent", ["{}"])
    with pytest.raises(UserError, match="holds no config.json"):
        load_query_source(tmp_path, ["{}"])
    with pytest.raises(UserError, match="has no {} for the class name"):
        load_query_source(model_folder, ["a photo"])
    folder = shutil.copytree(goldens / "hf_bert_tiny", tmp_path / "bert")
    (folder / "vocab.txt").unlink()
    with pytest.raises(UserError, match="holds no vocab.txt"):
        load_query_source(folder, ["{}"])


@pytest.mark.real_data
def test_minilm_knows_what_goes_together(kclip_data):
    source = load_query_source(kclip_data / "weights" / "all-MiniLM-L6-v2", ["a photo of a {}."])
    dog, puppy, car = source.embed_classes(["dog", "puppy", "car"])
    assert source.dim == 384
    assert dog @ puppy > dog @ car + 0.2
