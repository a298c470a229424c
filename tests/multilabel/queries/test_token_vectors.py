import numpy as np
import pytest
from safetensors.numpy import load_file

from kclip.errors import UserError
from kclip.multilabel.queries.token_vectors import write_token_vectors
from kclip.multilabel.queries.word_vectors import WordVectors


def test_a_word_is_the_mean_of_its_pieces_in_the_embedding_table(goldens, tmp_path):
    folder = goldens / "hf_bert_tiny"
    vocabulary = (folder / "vocab.txt").read_text().split()
    tensors = load_file(folder / "model.safetensors")
    table = next(value for name, value in tensors.items() if "word_embeddings" in name)
    whole = next(word for word in vocabulary if word.isalpha() and len(word) > 2)
    piece = next(word[2:] for word in vocabulary if word.startswith("##"))
    broken = whole + piece
    write_token_vectors(folder, [whole, broken], tmp_path / "vectors.txt")
    ours = WordVectors.from_file(tmp_path / "vectors.txt").embed_classes([whole, broken])
    rows = [vocabulary.index(whole), vocabulary.index("##" + piece)]
    expected = np.stack([table[rows[0]], table[rows].mean(axis=0)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no text backbone"):
        write_token_vectors(tmp_path, ["dog"], tmp_path / "vectors.txt")
    assert not list(tmp_path.iterdir())
