import json
import os
import subprocess
import sys

import numpy as np
import pytest
from tiny_clip import SIZE, TEXTS, tiny_clip, tiny_clip_tokenizer, vocabulary
from without_tensorflow import PRELUDE

from kclip.models import ClipPreprocessor, HuggingFaceTokenizer
from kclip.models.pretrained.clip_tokenizer_json import clip_definition

LENGTH = 16
WITHOUT_TENSORFLOW = (
    PRELUDE
    + """
import json
from kclip.models import HuggingFaceTokenizer
tokenizer = HuggingFaceTokenizer(open(sys.argv[1]).read())
print(json.dumps(tokenizer.encode(json.loads(sys.argv[2]), 16).tolist()))
"""
)


@pytest.fixture(scope="module")
def definition():
    return json.dumps(clip_definition(vocabulary(), tiny_clip_tokenizer().merges))


def test_ids_without_tensorflow(definition, tmp_path):
    (tmp_path / "tokenizer.json").write_text(definition)
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, tmp_path / "tokenizer.json", json.dumps(TEXTS)],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    expected = tiny_clip_tokenizer().encode(TEXTS, LENGTH)
    np.testing.assert_array_equal(json.loads(run.stdout), expected)


def test_a_long_text_keeps_its_ends(definition):
    tokenizer = HuggingFaceTokenizer(definition)
    whole, cut = tokenizer.encode(TEXTS[3:], 40)[0], tokenizer.encode(TEXTS[3:], 6)[0]
    end = tokenizer.token_to_id("<|endoftext|>")
    assert cut.tolist() == [*whole[:5], end]
    assert tokenizer.encode([], 5).shape == (0, 5)


def test_tokens_without_ends(definition):
    tokenizer = HuggingFaceTokenizer(definition)
    words = vocabulary()
    assert tokenizer.tokenize("red star") == [words["red</w>"], words["star</w>"]]
    assert tokenizer.tokenize(["red", ""]) == [[words["red</w>"]], []]
    assert tokenizer.id_to_token(words["blue</w>"]) == "blue</w>"
    assert tokenizer.vocabulary_size() == len(tokenizer.get_vocabulary()) == len(words)


@pytest.mark.parametrize(
    ("cleaning", "text", "same"),
    [
        ("lower", "A Red STAR", "a red star"),
        ("siglip", " A red, star! ", "a red star"),
        ("canonical", "A_red &amp; star", "a red star"),
        ("fixed_lower", "A  r&eacute;d", "a réd"),
    ],
)
def test_texts_are_cleaned_first(definition, cleaning, text, same):
    cleaned = HuggingFaceTokenizer(definition, cleaning=cleaning).encode([text], LENGTH)
    plain = HuggingFaceTokenizer(definition).encode([same], LENGTH)
    np.testing.assert_array_equal(cleaned, plain)


def test_a_model_folder_holds_it(definition, tmp_path):
    tokenizer = HuggingFaceTokenizer(definition, "lower", pad_token_id=7, num_embeddings=120)
    settings = {"resize": "squash", "interpolation": "bilinear", "resize_size": 40}
    before = ClipPreprocessor(tokenizer, SIZE, LENGTH, crop_margin="down", **settings)
    tiny_clip().save_to_preset(str(tmp_path / "model"))
    before.save_to_preset(str(tmp_path / "model"))
    after = ClipPreprocessor.from_preset(tmp_path / "model")
    assert after.settings == before.settings
    assert after.tokenizer.num_embeddings == 120
    np.testing.assert_array_equal(
        after.tokenize(TEXTS)["token_ids"], before.tokenize(TEXTS)["token_ids"]
    )


def test_settings_tell_tokenizers_apart(definition):
    settings = [
        HuggingFaceTokenizer(definition).settings,
        HuggingFaceTokenizer(definition, "lower").settings,
        HuggingFaceTokenizer(definition, pad_token_id=1).settings,
        HuggingFaceTokenizer(definition.replace("Lowercase", "NFC")).settings,
    ]
    assert all(a != b for i, a in enumerate(settings) for b in settings[:i])
