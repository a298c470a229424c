import numpy as np
import pytest
from tiny_clip import tiny_clip, tiny_clip_preprocessor
from tiny_models import TEXTS, tiny_dual_encoder, tiny_preprocessor

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype="uint8")
MODELS = {
    "dual_encoder": lambda: (tiny_dual_encoder(), tiny_preprocessor()),
    "not_normalized": lambda: (tiny_dual_encoder(normalize=False), tiny_preprocessor()),
    "with_bias": lambda: (tiny_dual_encoder(initial_bias=-2.0), tiny_preprocessor()),
    "clip": lambda: (tiny_clip(), tiny_clip_preprocessor()),
    "siglip": lambda: (tiny_clip("siglip"), tiny_clip_preprocessor("siglip")),
}


@pytest.fixture(scope="module", params=MODELS)
def answers(request):
    model, preprocessor = MODELS[request.param]()
    tokens = preprocessor.tokenize(TEXTS)
    return model, model.encode_image(PIXELS), model.encode_text(tokens), tokens


def test_embeddings_have_unit_length(answers):
    model, images, texts, _ = answers
    assert (images.shape, texts.shape) == ((3, model.projection_dim), (6, model.projection_dim))
    for embeddings in (images, texts):
        assert embeddings.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)


def test_logits_and_probabilities_by_hand(answers):
    model, images, texts, tokens = answers
    scale, bias = float(model.logit_scale.scale), model.logit_scale.bias
    expected = scale * images @ texts.T + (0 if bias is None else float(bias))
    np.testing.assert_allclose(model.logits_per_image(PIXELS, tokens), expected, atol=1e-4)
    if bias is None:
        exps = np.exp(expected)
        probabilities = exps / exps.sum(axis=1, keepdims=True)
    else:
        probabilities = 1 / (1 + np.exp(-expected))
    ours = model.predict_probabilities(PIXELS, tokens)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, probabilities, atol=1e-5)


def test_uint8_and_float_pixels_are_alike(answers):
    model, images, _, _ = answers
    np.testing.assert_allclose(model.encode_image(PIXELS.astype("float32")), images, atol=1e-6)


def test_what_the_model_has_no_input_for_is_left_aside(answers):
    model, _, texts, tokens = answers
    more = tokens | {"something_else": np.zeros(3)}
    np.testing.assert_array_equal(model.encode_text(more), texts)
