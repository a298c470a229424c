import json

import numpy as np
import pytest
from tiny_clip import TEXTS, sentencepiece_model, tiny_clip_tokenizer, vocabulary

from kclip.errors import UserError
from kclip.models import SiglipTokenizer
from kclip.models.pretrained.tokenizer_files import read_tokenizer

WORDS = vocabulary()
END = WORDS["<|endoftext|>"]
NEW = len(WORDS)  # the id of the first added token
LENGTH = 16


def write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")


def write_vocabulary(folder):
    write(folder / "vocab.json", WORDS)
    lines = ["#version: 0.2", *tiny_clip_tokenizer().merges, ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")


def write_tokenizer_json(folder, pairs=False):
    merges = tiny_clip_tokenizer().merges
    merges = [merge.split(" ") for merge in merges] if pairs else merges
    write(folder / "tokenizer.json", {"model": {"vocab": WORDS, "merges": merges}})


CLIP_FILES = {
    "vocab": write_vocabulary,
    "json": write_tokenizer_json,
    "json_pairs": lambda folder: write_tokenizer_json(folder, pairs=True),
}


def ids_of(folder, texts, kind="clip"):
    tokenizer = read_tokenizer(folder, kind, num_embeddings=1000)
    return tokenizer.encode(texts, LENGTH).tolist()


def filled(ids):
    return ids + [END] * (LENGTH - len(ids))


@pytest.mark.parametrize("write_files", CLIP_FILES.values(), ids=CLIP_FILES)
def test_clips_ids_whatever_file_holds_the_words(tmp_path, write_files):
    write_files(tmp_path)
    expected = tiny_clip_tokenizer().encode(TEXTS, LENGTH)
    # transformers fills up with the end token, OpenAI with 0; the model stops at the first end.
    expected = np.where(np.cumsum(expected == END, axis=1) > 0, END, expected)
    assert ids_of(tmp_path, TEXTS) == expected.tolist()


def test_texts_are_cleaned_as_transformers_does(tmp_path):
    write_vocabulary(tmp_path)
    start, red, e, i, n = (WORDS[w] for w in ("<|startoftext|>", "red</w>", "e</w>", "i", "n</w>"))
    # Entities stay, unlike OpenAI's: here "&" is unknown, and unknown is the end token.
    ids = ids_of(tmp_path, ["  RED\t red ", "red&e", "in"])
    assert ids[0] == filled([start, red, red])
    assert ids[1][:2] == [start, red] and e in ids[1]
    assert ids[2] == filled([start, i, n])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("added_tokens.json", {"<sks>": NEW}),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {str(NEW): {"content": "<sks>", "normalized": True}}},
        ),
    ],
)
@pytest.mark.parametrize("write_files", CLIP_FILES.values(), ids=CLIP_FILES)
def test_an_added_token_is_whole_and_in_lower_case(tmp_path, write_files, file, content):
    write_files(tmp_path)
    write(tmp_path / file, content)
    start, red = WORDS["<|startoftext|>"], WORDS["red</w>"]
    assert ids_of(tmp_path, ["red <sks> red", "red<SKS>red"]) == [
        filled([start, red, NEW, red]),
        filled([start, red, NEW, red]),
    ]


@pytest.mark.parametrize("named_by", ["special_tokens_map.json", "tokenizer_config.json"])
def test_a_special_token_is_matched_as_it_is_written(tmp_path, named_by):
    write_vocabulary(tmp_path)
    write(tmp_path / "added_tokens.json", {"<SKS>": NEW})
    write(tmp_path / named_by, {"additional_special_tokens": [{"content": "<SKS>"}]})
    start, red = WORDS["<|startoftext|>"], WORDS["red</w>"]
    whole, apart = ids_of(tmp_path, ["red <SKS>", "red <sks>"])
    assert whole == filled([start, red, NEW])
    assert NEW not in apart


def test_a_special_token_without_an_id_gets_the_next_one(tmp_path):
    write_vocabulary(tmp_path)
    write(tmp_path / "added_tokens.json", {"<one>": NEW})
    write(tmp_path / "special_tokens_map.json", {"additional_special_tokens": ["<two>"]})
    assert ids_of(tmp_path, ["<two><one>"])[0][1:3] == [NEW + 1, NEW]


def test_ids_with_a_gap_are_kept(tmp_path):
    write_vocabulary(tmp_path)
    write(tmp_path / "added_tokens.json", {"<b>": NEW + 7, "<a>": NEW + 3})
    assert ids_of(tmp_path, ["<a><b>"])[0][1:3] == [NEW + 3, NEW + 7]


def test_a_token_with_two_ids_is_refused(tmp_path):
    write_vocabulary(tmp_path)
    write(tmp_path / "added_tokens.json", {"red</w>": NEW})
    with pytest.raises(UserError, match=f"'red</w>' the ids {WORDS['red</w>']} and {NEW}"):
        ids_of(tmp_path, ["red"])


def test_an_id_of_two_tokens_is_refused(tmp_path):
    write_vocabulary(tmp_path)
    write(tmp_path / "added_tokens.json", {"<sks>": WORDS["red</w>"]})
    with pytest.raises(UserError, match="to the tokens 'red</w>' and '<sks>'"):
        ids_of(tmp_path, ["red"])


def test_a_token_that_the_model_has_no_embedding_for_is_refused_where_it_occurs(tmp_path):
    write_vocabulary(tmp_path)
    write(tmp_path / "added_tokens.json", {"<sks>": NEW})
    tokenizer = read_tokenizer(tmp_path, "clip", num_embeddings=NEW)
    assert tokenizer.encode(["red"], LENGTH).shape == (1, LENGTH)
    with pytest.raises(UserError, match=f"'a <sks>' holds the token '<sks>' .id {NEW}.*for {NEW}"):
        tokenizer.encode(["red", "a <sks>"], LENGTH)


@pytest.mark.parametrize("config", [{"pad_token": "a"}, {"pad_token": {"content": "a"}}])
def test_the_padding_that_a_config_names(tmp_path, config):
    write_vocabulary(tmp_path)
    write(tmp_path / "tokenizer_config.json", config)
    assert ids_of(tmp_path, ["red"])[0][3:] == [WORDS["a"]] * (LENGTH - 3)


def unigram(**settings):
    words = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["▁a", -1.0], ["▁dog", -2.0]]
    words.append(["dog", -3.0])
    return {"version": "1.0", "model": {"type": "Unigram", "unk_id": 2, "vocab": words}} | settings


def test_siglips_words_alone_get_blanks_and_an_end(tmp_path):
    write(tmp_path / "tokenizer.json", unigram())
    rows = ids_of(tmp_path, ["A dog!", "dog a", ""], "siglip")
    assert rows[0] == [3, 4] + [1] * (LENGTH - 2)
    assert rows[1] == [4, 3] + [1] * (LENGTH - 2)
    assert rows[2] == [1] * LENGTH


@pytest.mark.parametrize("token", ["sks", "<cat-toy>", "<|SKS|>"])
def test_a_token_added_to_siglips_words(tmp_path, token):
    """Though punctuation and capitals elsewhere are taken away."""
    write(tmp_path / "tokenizer.json", unigram())
    write(tmp_path / "added_tokens.json", {token: 6})
    # After an added token no blank is put before a word, as in transformers' SiglipTokenizer.
    rows = ids_of(tmp_path, [f"A, {token} dog!", f"{token} dog a", f"dog{token}dog"], "siglip")
    assert [row[:4] for row in rows] == [[3, 6, 5, 1], [6, 5, 3, 1], [4, 6, 5, 1]]


def test_a_token_after_a_gap_in_siglips_words(tmp_path):
    write(tmp_path / "tokenizer.json", unigram())
    write(tmp_path / "added_tokens.json", {"sks": 9})
    with pytest.raises(UserError, match="'sks' the id 9, but the vocabulary ends before 6"):
        ids_of(tmp_path, ["a"], "siglip")


def test_siglips_sentencepiece_is_read_unless_tokens_were_added(tmp_path):
    (tmp_path / "spiece.model").write_bytes(sentencepiece_model())
    assert isinstance(read_tokenizer(tmp_path, "siglip", 40), SiglipTokenizer)
    write(tmp_path / "added_tokens.json", {"sks": 6})
    with pytest.raises(UserError, match="adds the token 'sks' to those of spiece.model"):
        read_tokenizer(tmp_path, "siglip", 40)
    write(tmp_path / "tokenizer.json", unigram())
    assert ids_of(tmp_path, ["a sks dog"], "siglip")[0][:4] == [3, 6, 5, 1]


def test_a_folder_without_words(tmp_path):
    assert read_tokenizer(tmp_path, "clip", 40) is None
    assert read_tokenizer(tmp_path, "siglip", 40) is None


@pytest.mark.parametrize("side", ["padding_side", "truncation_side"])
def test_texts_that_are_filled_up_or_cut_at_the_left_are_refused(tmp_path, side):
    write_vocabulary(tmp_path)
    write(tmp_path / "tokenizer_config.json", {side: "left"})
    with pytest.raises(UserError, match=f"says '{side}' 'left'"):
        read_tokenizer(tmp_path, "clip", 40)


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("clip", "CLIP", {"model": {"vocab": {"a": 0}, "merges": ["a b"]}}),
        ("clip", "CLIP", {}),
        ("siglip", "SigLIP", {"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}),
        ("metaclip_2", "MetaCLIP 2", {"model": {"type": "?", "vocab": {}}}),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(tmp_path, kind, name, content):
    write(tmp_path / "tokenizer.json", content)
    with pytest.raises(UserError, match=f"the {name} tokenizer in .* cannot be loaded") as error:
        read_tokenizer(tmp_path, kind, 40)
    assert "\n" not in str(error.value)


def test_golden_tokens_of_metaclip_2_are_xlm_robertas(goldens):
    folder = goldens / "hf_xlm_roberta_tiny"
    arrays = np.load(folder / "io.npz")
    tokenizer = read_tokenizer(folder, "metaclip_2", num_embeddings=10**6)
    ids = tokenizer.encode(arrays["sentences"].tolist(), arrays["input_ids"].shape[1])
    np.testing.assert_array_equal(ids, arrays["input_ids"])
