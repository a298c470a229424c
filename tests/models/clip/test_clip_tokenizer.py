import json
import os
import subprocess
import sys

import numpy as np
import pytest
from tiny_clip import tiny_clip_tokenizer, vocabulary
from without_tensorflow import PRELUDE

from kclip.models import ClipTokenizer

WITHOUT_TENSORFLOW = (
    PRELUDE
    + """
import json
from kclip.models import ClipTokenizer
texts = [sample["text"] for sample in json.load(open(sys.argv[2]))["samples"]]
print(json.dumps(ClipTokenizer.from_openai(sys.argv[1]).encode(texts, 77).tolist()))
"""
)


@pytest.fixture(scope="module")
def merges(kclip_data):
    return kclip_data / "weights" / "bpe_simple_vocab_16e6.txt.gz"


@pytest.fixture(scope="module")
def samples(goldens):
    return json.loads((goldens / "clip_tokenizer.json").read_text())["samples"]


def padded(samples):
    return [sample["ids"] + [0] * (77 - len(sample["ids"])) for sample in samples]


@pytest.mark.real_data
def test_golden_ids(merges, samples):
    tokenizer = ClipTokenizer.from_openai(merges)
    ids = tokenizer.encode([sample["text"] for sample in samples], 77)
    assert ids.dtype == np.int32
    assert ids.tolist() == padded(samples)


@pytest.mark.real_data
@pytest.mark.slow
def test_golden_ids_without_tensorflow(merges, samples, goldens):
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, merges, goldens / "clip_tokenizer.json"],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": "jax"},
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == padded(samples)


def test_ends_and_padding_by_hand():
    words = vocabulary()
    start, end, red = words["<|startoftext|>"], words["<|endoftext|>"], words["red</w>"]
    ids = tiny_clip_tokenizer().encode(["Red  RED", "", "red " * 9], 5)
    expected = [[start, red, red, end, 0], [start, end, 0, 0, 0], [start, red, red, red, end]]
    assert ids.tolist() == expected


def test_no_texts_at_all():
    assert tiny_clip_tokenizer().encode([], 5).shape == (0, 5)


def test_padding_with_the_end_token():
    """Some vocabularies pad so (Stable Diffusion's)."""
    tokenizer = ClipTokenizer(vocabulary(), tiny_clip_tokenizer().merges, pad_with_end_token=True)
    end = vocabulary()["<|endoftext|>"]
    assert tokenizer.encode(["red"], 5)[0, 2:].tolist() == [end, end, end]


def test_entities_and_broken_letters_are_mended():
    tokenizer = tiny_clip_tokenizer()
    once, twice, plain = tokenizer.encode(["it&#39;s", "it&amp;#39;s", "it's"], 8)
    assert once.tolist() == twice.tolist() == plain.tolist()
