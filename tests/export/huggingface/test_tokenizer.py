import json

import numpy as np
import pytest
from tiny_clip import LENGTH, SIZE, TEXTS, tiny_clip_tokenizer, tiny_siglip_tokenizer, vocabulary
from tokenizers import Tokenizer

from kclip.export.huggingface.tokenizer import tokenizer_files
from kclip.inputs.text_cleaning import CLEANINGS
from kclip.models import ClipPreprocessor, HuggingFaceTokenizer
from kclip.models.pretrained.clip_tokenizer_json import clip_definition
from kclip.models.pretrained.tokenizer_files import read_tokenizer

ODD_TEXTS = [
    *TEXTS,
    "",
    "  A  RED!, star's\tblue\n\x1c ",
    "\ufeffa \x7fdog’s “ﬁne” ball_room (a+b)",
    "ΟΔΟΣ ΣΑΣ, İZMIR äöé \u3000… 你好",
    "red " * 3 * LENGTH,
]


def ids_of(files, texts):
    """As transformers makes them."""
    tokenizer = Tokenizer.from_str(json.dumps(files.definition))
    tokenizer.enable_truncation(files.config["model_max_length"])
    tokenizer.enable_padding(pad_id=files.token_ids["pad_token_id"], length=LENGTH)
    return np.array([encoding.ids for encoding in tokenizer.encode_batch(texts)])


@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_cleaning_is_in_the_file(cleaning):
    definition = clip_definition(vocabulary(), tiny_clip_tokenizer().merges)
    definition["normalizer"] = None
    tokenizer = HuggingFaceTokenizer(
        json.dumps(definition), cleaning, vocabulary()["<|endoftext|>"]
    )
    files = tokenizer_files(ClipPreprocessor(tokenizer, SIZE, LENGTH), siglip=False)
    ids = tokenizer.encode(ODD_TEXTS, LENGTH)
    np.testing.assert_array_equal(ids_of(files, ODD_TEXTS), ids)
    assert files.mends_texts == (cleaning in ("fixed", "fixed_lower", "canonical"))
    assert not files.pads_differently


def test_clips_own_tokenizer_up_to_the_end_token():
    tokenizer = tiny_clip_tokenizer()
    files = tokenizer_files(ClipPreprocessor(tokenizer, SIZE, LENGTH), siglip=False)
    ids, expected = ids_of(files, ODD_TEXTS), tokenizer.encode(ODD_TEXTS, LENGTH)
    end = tokenizer.end_token_id  # stands for unknown letters, too
    up_to_end = np.cumsum(expected == end, axis=1) - (expected == end) == 0
    np.testing.assert_array_equal(ids[up_to_end], expected[up_to_end])
    # OpenAI's 0 is a letter, which transformers would no longer find in texts.
    assert ids[0, -1] == end and expected[0, -1] == 0 and files.pads_differently
    assert files.config["pad_token"] == "<|endoftext|>"


def test_sentencepiece_becomes_a_tokenizer_json(tmp_path):
    tokenizer = tiny_siglip_tokenizer()
    files = tokenizer_files(ClipPreprocessor(tokenizer, SIZE, LENGTH, resize="squash"), siglip=True)
    expected = tokenizer.encode(ODD_TEXTS, LENGTH)
    np.testing.assert_array_equal(ids_of(files, ODD_TEXTS), expected)
    assert files.config["model_input_names"] == ["input_ids"]  # SigLIP sees its padding
    for name, content in {"tokenizer": files.definition, "tokenizer_config": files.config}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    again = read_tokenizer(tmp_path, "siglip", tokenizer.vocabulary_size())
    np.testing.assert_array_equal(again.encode(ODD_TEXTS, LENGTH), expected)
