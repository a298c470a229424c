import gzip
import random

import numpy as np
import pytest

from kclip.errors import UserError
from kclip.multilabel.queries.word_vectors import WordVectors

VECTORS = {
    "the": [0.5, 0.25, -1.0],
    "fire": [1.0, 0.0, 0.0],
    "truck": [0.0, 2.0, 0.0],
    "Paris": [0.0, 0.0, -3.0],
    "paris": [7.0, 0.0, 0.0],
    "café": [0.0, 3.0, 4.0],
}
FORMS = ["glove", "word2vec_text", "word2vec_binary", "word2vec_binary_without_breaks"]


def content(form, vectors=VECTORS):
    if "binary" in form:
        end = b"" if form.endswith("breaks") else b"\n"
        entries = [
            word.encode() + b" " + np.array(vector, "<f4").tobytes() + end
            for word, vector in vectors.items()
        ]
        return b"%d 3\n" % len(vectors) + b"".join(entries)
    lines = [f"{word} {' '.join(map(str, vector))}\n" for word, vector in vectors.items()]
    header = f"{len(vectors)} 3\n" if form == "word2vec_text" else ""
    return (header + "".join(lines)).encode()


@pytest.fixture
def write(tmp_path):
    def write(data, name="vectors"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_vectors(form, compress, write):
    source = WordVectors.from_file(write(compress(content(form))))
    assert source.dim == 3
    embeddings = source.embed_classes(["fire_truck", "café", "fire truck", "fire"])
    expected = [[5**-0.5, 2 * 5**-0.5, 0], [0, 0.6, 0.8], [5**-0.5, 2 * 5**-0.5, 0], [1, 0, 0]]
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, expected, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_a_large_file_in_any_order(form, write):
    rng = np.random.default_rng(0)
    vectors = {f"word{row}": rng.normal(size=3).tolist() for row in range(30_000)}
    names = random.Random(0).sample(list(vectors), 50)
    embeddings = WordVectors.from_file(write(content(form, vectors))).embed_classes(names)
    for name, embedding in zip(names, embeddings, strict=True):
        length = sum(value**2 for value in vectors[name]) ** 0.5
        np.testing.assert_allclose(embedding, np.array(vectors[name]) / length, atol=1e-6)


def test_a_word_is_taken_as_spelled_and_else_in_lower_case(write):
    source = WordVectors.from_file(write(content("glove")))
    embeddings = source.embed_classes(["Paris", "paris", "FIRE"])
    np.testing.assert_array_equal(embeddings, [[0, 0, -1], [1, 0, 0], [1, 0, 0]])


def test_the_first_of_two_vectors_of_a_word_counts(write):
    source = WordVectors.from_file(write(b"dog 1 0\ncat 0 1\ndog 0 1\nrat 1 1\n"))
    np.testing.assert_array_equal(source.embed_classes(["dog", "cat"]), [[1, 0], [0, 1]])


def test_words_with_spaces_as_in_gloves_crawl(write):
    source = WordVectors.from_file(write(b", 1 1\nat home 8 9\nat 0 1\n. . . 1 1\n"))
    np.testing.assert_array_equal(source.embed_classes(["at"]), [[0, 1]])


def test_every_missing_word_is_named_with_its_class(write):
    source = WordVectors.from_file(write(content("glove")))
    with pytest.raises(UserError, match="no vector for 'dog' of 'fire dog', 'Zebra' of 'Zebra'"):
        source.embed_classes(["fire dog", "truck", "Zebra"])


def test_word_vectors_encode_no_sentences(write):
    with pytest.raises(UserError, match="has no sentence encoder"):
        WordVectors.from_file(write(content("glove"))).embed_texts(["a fire truck"])


@pytest.mark.parametrize("names", [[], ["fire", " "]])
def test_classes_without_name(names, write):
    with pytest.raises(UserError, match="at least one, none without name"):
        WordVectors.from_file(write(content("glove"))).embed_classes(names)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"two words\n", b"a sentence of prose\n", b"\x89PNG\r\n\x1a\n\0\0", b"the\n"],
)
def test_files_of_another_kind(data, write):
    with pytest.raises(UserError, match="holds no word vectors; expected GloVe's text"):
        WordVectors.from_file(write(data))


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match="no such file.*expected a file of word vectors"):
        WordVectors.from_file(tmp_path / "absent.txt")
    with pytest.raises(UserError, match="is a directory"):
        WordVectors.from_file(tmp_path)


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_file_that_ends_too_early(form, write):
    source = WordVectors.from_file(write(content(form)[:-17]))
    with pytest.raises(UserError, match="is damaged"):
        source.embed_classes(["café"])


def test_a_compressed_file_that_ends_too_early(write):
    data = gzip.compress(content("glove", {f"w{i}": [i, 0.1, 0.7 * i] for i in range(99_999)}))
    source = WordVectors.from_file(write(data[:-400]))
    with pytest.raises(UserError, match="is damaged .*download it again"):
        source.embed_classes(["w99998"])
    broken = write(data[:300] + bytes(200) + data[500:])
    with pytest.raises(UserError, match="is damaged"):
        WordVectors.from_file(broken).embed_classes(["w99998"])


@pytest.mark.parametrize("vector", ["1 2 x", "1 2 nan", "1 2 inf"])
def test_a_vector_that_is_none(vector, write):
    source = WordVectors.from_file(write(f"the 1 2 3\ndog {vector}\ncat 1 1 1\n".encode()))
    with pytest.raises(UserError, match="the vector of 'dog' is not 3 finite numbers"):
        source.embed_classes(["dog", "cat"])


def test_a_line_that_is_too_short(write):
    source = WordVectors.from_file(write(b"the 1 2 3\ndog 1 2\ncat 1 1 1\n"))
    with pytest.raises(UserError, match="line 2 of the vectors is too short"):
        source.embed_classes(["cat"])


def test_a_binary_file_whose_header_lies(write):
    data = content("word2vec_binary", {f"w{i}": [i, 1, 2] for i in range(5000)})
    source = WordVectors.from_file(write(data.replace(b"5000 3", b"5000 4", 1)))
    with pytest.raises(UserError, match="is damaged"):
        source.embed_classes(["w4999"])
