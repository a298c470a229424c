import io

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_models import TEXTS, randomize, tiny_dual_encoder, tiny_preprocessor

from kclip.data.images.opening import ImageError
from kclip.errors import UserError
from kclip.inference.embedder import Embedder


def encoded(size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype="uint8")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


IMAGES = [encoded((20 + 7 * seed, 40), seed) for seed in range(5)]


@pytest.fixture(scope="module")
def embedder():
    return Embedder(tiny_dual_encoder(), tiny_preprocessor())


def test_any_batch_gives_the_same_embeddings(embedder):
    images = embedder.embed_images(IMAGES, progress=False)
    texts = embedder.embed_texts(TEXTS)
    assert (images.shape, texts.shape) == ((5, 12), (6, 12))
    for batch_size in (1, 2):
        again = embedder.embed_images(IMAGES, batch_size=batch_size, progress=False)
        np.testing.assert_allclose(again, images, atol=1e-6)
        np.testing.assert_allclose(embedder.embed_texts(TEXTS, batch_size), texts, atol=1e-6)
    alone = embedder.embed_images(IMAGES[3:4], progress=False)
    np.testing.assert_allclose(alone[0], images[3], atol=1e-6)


def test_embeddings_are_those_of_the_model(embedder):
    batch = embedder.preprocessor({"text": TEXTS})
    pictures = [np.asarray(Image.open(io.BytesIO(image))) for image in IMAGES]
    rows = [np.asarray(embedder.preprocessor.resize(picture)) for picture in pictures]
    image = keras.ops.convert_to_tensor(np.stack([*rows, rows[0]]))
    outputs = embedder.model({"image": image, **batch})
    images = np.asarray(outputs["image_embeddings"])[:5]
    np.testing.assert_allclose(embedder.embed_images(IMAGES, progress=False), images, atol=1e-5)
    texts = np.asarray(outputs["text_embeddings"])
    np.testing.assert_allclose(embedder.embed_texts(TEXTS), texts, atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
def test_embeddings_have_unit_length(normalize):
    embedder = Embedder(tiny_dual_encoder(normalize=normalize), tiny_preprocessor())
    for values in (embedder.embed_images(IMAGES[:2], progress=False), embedder.embed_texts(TEXTS)):
        assert values.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1.0, rtol=1e-6)


def test_nothing_in_nothing_out(embedder):
    assert embedder.embed_images([], progress=False).shape == (0, 12)
    assert embedder.embed_texts([]).shape == (0, 12)


def test_names_paths_and_bytes_are_alike(embedder, tmp_path):
    (tmp_path / "image.png").write_bytes(IMAGES[0])
    from_file = embedder.embed_images([tmp_path / "image.png"], progress=False)
    from_name = embedder.embed_images([str(tmp_path / "image.png")], progress=False)
    from_bytes = embedder.embed_images(IMAGES[:1], progress=False)
    np.testing.assert_array_equal(from_file, from_bytes)
    np.testing.assert_array_equal(from_file, from_name)
    with pytest.raises(ImageError):
        embedder.embed_images([IMAGES[0], b"no image"], progress=False)


def test_the_scale_is_the_models_own():
    model = tiny_dual_encoder(initial_scale=30.0)
    assert Embedder(model, tiny_preprocessor()).logit_scale == pytest.approx(30.0)


def test_the_digest_is_of_weights_and_preprocessing():
    model = tiny_dual_encoder()
    digests = [
        Embedder(model, tiny_preprocessor(**settings)).digest
        for settings in ({}, {"resize": "crop"}, {"sequence_length": 7}, {"image_size": 33})
    ]
    assert len(set(digests)) == 4
    assert Embedder(model, tiny_preprocessor()).digest == digests[0]
    for weight in (model.image_encoder.weights[0], model.text_projection.weights[-1]):
        digests.append(Embedder(model, tiny_preprocessor()).digest)
        weight.assign(weight + 1e-3)
    digests.append(Embedder(model, tiny_preprocessor()).digest)
    assert len(set(digests)) == 6


def test_another_precision_is_of_frozen_towers_too_and_has_another_digest(tmp_path):
    model = tiny_dual_encoder()
    randomize(model)
    model.image_encoder.trainable = model.text_encoder.trainable = False
    model.save_to_preset(str(tmp_path))
    tiny_preprocessor().save_to_preset(str(tmp_path))
    exact, rounded = (
        Embedder.from_name(tmp_path, dtype) for dtype in ("float32", "mixed_bfloat16")
    )
    for tower in (rounded.model.image_encoder, rounded.model.text_encoder):
        assert tower.dtype_policy.name == "mixed_bfloat16" and not tower.trainable
    assert exact.digest != rounded.digest
    texts = [embedder.embed_texts(["a red circle"]) for embedder in (exact, rounded)]
    assert 0 < np.abs(texts[0] - texts[1]).max() < 0.05


def test_a_saved_model_has_the_digest_of_the_model(tmp_path):
    model, preprocessor = tiny_dual_encoder("mixed_bfloat16"), tiny_preprocessor()
    randomize(model)
    model.save_to_preset(str(tmp_path))
    preprocessor.save_to_preset(str(tmp_path))
    embedder = Embedder.from_name(tmp_path)
    assert embedder.digest == Embedder(model, preprocessor).digest
    assert embedder.model.dtype_policy.name == "float32"
    full = tiny_dual_encoder()
    full.set_weights(model.get_weights())
    expected = Embedder(full, preprocessor).embed_texts(TEXTS)
    np.testing.assert_allclose(embedder.embed_texts(TEXTS), expected, atol=1e-6)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no model folder"):
        Embedder.from_name(tmp_path / "none")
    with pytest.raises(UserError, match="is no model folder"):
        Embedder.from_name(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="holds bert, not a kclip dual encoder"):
        Embedder.from_name(tmp_path)


def test_images_come_in_every_form(tmp_path):
    """A path, its bytes, a Pillow image and its pixels are the same image."""
    embedder = Embedder(tiny_dual_encoder(), tiny_preprocessor())
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype("uint8")
    path = tmp_path / "image.png"
    Image.fromarray(pixels).save(path)
    forms = [str(path), path, path.read_bytes(), Image.open(path), pixels]
    embeddings = embedder.embed_images(forms, progress=False)
    np.testing.assert_allclose(embeddings, embeddings[:1].repeat(len(forms), axis=0), atol=1e-6)
    with pytest.raises(UserError, match="give uint8"):
        embedder.embed_images([pixels / 255.0], progress=False)
