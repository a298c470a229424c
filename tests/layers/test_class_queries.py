import keras
import numpy as np
import pytest

from kclip.errors import UserError
from kclip.layers import ClassQueries


def test_it_gives_what_was_set_times_the_root_of_its_length_whatever_the_features():
    layer = ClassQueries(2, 3)
    embeddings = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32")
    layer.set(embeddings)
    for features in (np.zeros((1, 2, 2, 4)), np.ones((5, 7, 7, 8))):
        given = np.asarray(layer(features))
        np.testing.assert_allclose(given, embeddings * np.sqrt(3), rtol=1e-6)


def test_in_a_functional_model_they_have_no_batch():
    layer = ClassQueries(4, 3)
    assert layer(keras.Input((7, 7, 8))).shape == (4, 3)


@pytest.mark.parametrize("trainable", [False, True])
def test_training_changes_them_only_where_asked(trainable):
    layer = ClassQueries(2, 3, trainable=trainable)
    layer.build()
    assert len(layer.trainable_weights) == trainable
    again = ClassQueries.from_config(layer.get_config())
    assert (again.num_classes, again.dim, again.trainable) == (2, 3, trainable)


def test_half_precision_comes_out_where_it_is_computed_in():
    layer = ClassQueries(2, 3, dtype="mixed_bfloat16")
    layer.set(np.eye(2, 3))
    assert keras.backend.standardize_dtype(layer(np.zeros((1, 2))).dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(layer.embeddings.dtype) == "float32"


def test_another_shape_is_refused():
    with pytest.raises(UserError, match=r"\(3, 2\) came for 2 classes of 3 numbers"):
        ClassQueries(2, 3).set(np.zeros((3, 2)))
