import numpy as np
import pytest

from kclip.layers import SimilarityLogits

RNG = np.random.default_rng(0)


def test_logits_are_scaled_cosines_whatever_the_length_of_a_class():
    images = RNG.normal(size=(3, 4)).astype("float32")
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    classes = RNG.normal(size=(2, 4)).astype("float32")
    logits = np.asarray(SimilarityLogits(7.0, -2.0)(images, classes))
    for i, image in enumerate(images):
        for k, of_class in enumerate(classes):
            cosine = np.dot(image, of_class) / np.linalg.norm(of_class)
            assert logits[i, k] == pytest.approx(7 * cosine - 2, abs=1e-5)


def test_scale_and_bias_are_learned_and_kept_in_float32():
    layer = SimilarityLogits(dtype="mixed_float16")
    assert len(layer.trainable_weights) == 2
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    again = SimilarityLogits.from_config(layer.get_config())
    assert (again.initial_scale, again.initial_bias) == (20.0, -8.0)
