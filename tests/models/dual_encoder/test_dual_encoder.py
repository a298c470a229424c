import keras
import numpy as np
import pytest
from tiny_models import TEXTS, randomize, tiny_batch, tiny_dual_encoder, tiny_preprocessor

from kclip.errors import UserError
from kclip.layers import LogitScale
from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models import DualEncoder, DualEncoderPreprocessor

BATCH = tiny_batch()
IDS = np.arange(len(BATCH["image"]))
SIDES = ("image_embeddings", "text_embeddings")
MIXED = ["mixed_float16", "mixed_bfloat16"]


def on_jax_without_accelerator():
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() == "cpu"


float16 = pytest.mark.skipif(
    on_jax_without_accelerator(), reason="JAX on CPUs lacks the float16 products that this needs"
)


def embed(model, batch=BATCH):
    return {name: np.asarray(value) for name, value in model(batch).items()}


def fit(model, epochs, optimizer=None, loss=None):
    """Losses of `epochs` steps on one batch."""
    optimizer = optimizer or keras.optimizers.AdamW(3e-3)
    model.compile(optimizer, loss=loss or ContrastiveLoss())
    history = model.fit(BATCH, IDS, batch_size=len(IDS), epochs=epochs, shuffle=False, verbose=0)
    return history.history["loss"]


def assert_same(ours, theirs, **tolerance):
    for side in SIDES:
        np.testing.assert_allclose(ours[side], theirs[side], **({"atol": 1e-6} | tolerance))


@pytest.mark.parametrize("dtype", ["float32", *MIXED])
def test_embeddings_are_float32_of_unit_length(dtype):
    for values in embed(tiny_dual_encoder(dtype)).values():
        assert values.shape == (6, 12)
        assert values.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_bytes_are_as_good_as_floats(dtype):
    model = tiny_dual_encoder(dtype=dtype)
    images = np.clip(np.round(BATCH["image"]), 0, 255)
    ours, theirs = (
        embed(model, BATCH | {"image": images.astype(kind)}) for kind in ("uint8", "float32")
    )
    assert_same(ours, theirs)


def test_without_normalisation_they_keep_their_length():
    model = tiny_dual_encoder(normalize=False)
    raw = embed(model)
    assert np.ptp(np.linalg.norm(raw["image_embeddings"], axis=-1)) > 0
    unit = tiny_dual_encoder()
    unit.set_weights(model.get_weights())
    lengths = {side: np.linalg.norm(raw[side], axis=-1, keepdims=True) for side in SIDES}
    assert_same(embed(unit), {side: raw[side] / lengths[side] for side in SIDES})


def test_images_and_texts_do_not_see_each_other():
    model = tiny_dual_encoder()
    whole = embed(model)
    images = model.image_model.predict_on_batch({"image": BATCH["image"][2:4]})
    tokens = {name: value[2:4] for name, value in BATCH.items() if name != "image"}
    texts = model.text_model.predict_on_batch(tokens)
    np.testing.assert_allclose(images, whole["image_embeddings"][2:4], atol=1e-5)
    np.testing.assert_allclose(texts, whole["text_embeddings"][2:4], atol=1e-5)


def test_the_loss_of_a_step_is_that_of_its_embeddings():
    model = tiny_dual_encoder(initial_scale=5.0)
    model.compile(keras.optimizers.SGD(0.0), loss=ContrastiveLoss("multi_positive"))
    ids = np.array([0, 1, 0, 2, 3, 3])
    by_hand = ContrastiveLoss("multi_positive")(
        *(embed(model)[side] for side in SIDES), LogitScale(5.0), ids=ids
    )
    measured = model.evaluate(BATCH, ids, batch_size=6, verbose=0)
    assert measured == pytest.approx(float(by_hand), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "kwargs"),
    [
        (ContrastiveLoss("multi_positive", label_smoothing=0.1), {}),
        (SigmoidLoss(), {"initial_scale": 10.0, "initial_bias": -10.0}),
    ],
    ids=["softmax", "sigmoid"],
)
def test_fit_on_arrays_learns(loss, kwargs):
    model = tiny_dual_encoder(dropout=0.0, **kwargs)
    losses = fit(model, 12, loss=loss)
    assert losses[-1] < 0.9 * losses[0]
    assert float(model.logit_scale.scale) != pytest.approx(model.logit_scale.initial_scale)


@pytest.mark.parametrize("dtype", [pytest.param(MIXED[0], marks=float16), MIXED[1]])
def test_mixed_precision_learns(dtype):
    model = tiny_dual_encoder(dtype, dropout=0.0)
    losses = fit(model, 12)
    assert np.all(np.isfinite(losses))
    assert losses[-1] < 0.9 * losses[0]
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}


@float16
def test_float16_takes_the_step_of_float32():
    """A loss scale that is not divided out again would move the weights 64 times as far."""
    steps = {}
    start = tiny_dual_encoder(dropout=0.0).get_weights()
    for dtype in ("float32", "mixed_float16"):
        model = tiny_dual_encoder(dtype, dropout=0.0)
        model.set_weights(start)
        kernel = model.text_projection.projection.kernel
        before = np.asarray(kernel)
        optimizer = keras.optimizers.SGD(1.0)
        if dtype == "mixed_float16":  # the default scale is too large for the first steps
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
        fit(model, 1, optimizer)
        steps[dtype] = np.asarray(kernel) - before
    size = np.abs(steps["float32"]).max()
    assert size > 1e-4
    np.testing.assert_allclose(steps["mixed_float16"], steps["float32"], atol=0.05 * size)


def test_the_learned_scale_stops_at_100():
    model = tiny_dual_encoder(initial_scale=99.9)
    pairs = {side: np.eye(6, 12, dtype="float32") for side in SIDES}
    optimizer = keras.optimizers.SGD(1e6)
    for _ in range(3):
        optimizer.apply([keras.ops.convert_to_tensor(-1.0)], [model.logit_scale.log_scale])
    assert float(model.logit_scale.scale) == pytest.approx(100.0, rel=1e-5)
    assert np.isfinite(float(ContrastiveLoss()(*pairs.values(), model.logit_scale, ids=IDS)))


def test_a_scale_that_is_not_trained_stays():
    model = tiny_dual_encoder(initial_scale=20.0, train_scale=False)
    assert float(model.logit_scale.scale) == pytest.approx(20.0)
    assert all(v is not model.logit_scale.log_scale for v in model.trainable_variables)


def test_frozen_towers_give_constants_and_keep_their_weights():
    model = tiny_dual_encoder(dropout=0.5)
    model.image_encoder.trainable = model.text_encoder.trainable = False
    texts = {name: value for name, value in BATCH.items() if name != "image"}
    towers = ((model.image_encoder, BATCH["image"]), (model.text_encoder, texts))
    features = [np.asarray(tower(x)) for tower, x in towers]
    head = model.image_projection.get_weights()
    fit(model, 2)
    for (tower, x), expected in zip(towers, features, strict=True):
        np.testing.assert_array_equal(np.asarray(tower(x, training=True)), expected)
    assert not np.allclose(model.image_projection.get_weights()[0], head[0])


@pytest.fixture(scope="module", params=["float32", *MIXED])
def saved(request, tmp_path_factory):
    """A model of each dtype with its preprocessor, and their folder."""
    folder = tmp_path_factory.mktemp(request.param)
    model = tiny_dual_encoder(request.param, initial_scale=12.0, initial_bias=-3.0, pooling="cls")
    randomize(model)
    preprocessor = tiny_preprocessor(resize="crop", sequence_length=6)
    model.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))
    return request.param, model, preprocessor, folder


def test_a_reloaded_model_gives_the_same_embeddings(saved):
    dtype, model, _, folder = saved
    again = DualEncoder.from_preset(str(folder), dtype=dtype)
    assert again.image_encoder.compute_dtype == model.image_encoder.compute_dtype
    assert_same(embed(again), embed(model))
    assert float(again.logit_scale.scale) == float(model.logit_scale.scale)
    assert float(again.logit_scale.bias) == float(model.logit_scale.bias)


def test_a_model_is_loaded_in_float32_whatever_it_was_trained_in(saved):
    _, model, _, folder = saved
    again = DualEncoder.from_preset(str(folder), dtype="float32")
    layers = [again, again.image_encoder, again.text_encoder, again.image_projection]
    assert {layer.dtype_policy.name for layer in layers} == {"float32"}
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    full = tiny_dual_encoder(initial_scale=12.0, initial_bias=-3.0, pooling="cls")
    full.set_weights(model.get_weights())
    assert_same(embed(again), embed(full))


def test_a_reloaded_preprocessor_gives_the_same_inputs(saved):
    _, _, preprocessor, folder = saved
    again = DualEncoderPreprocessor.from_preset(str(folder))
    batch = {"image": tiny_batch()["image"][:2, :, :20], "text": [*TEXTS, "Ünknown CIRCLE", ""]}
    ours, theirs = again(batch), preprocessor(batch)
    assert set(ours) == {"image", "token_ids", "padding_mask", "segment_ids"}
    for name in ours:
        np.testing.assert_array_equal(np.asarray(ours[name]), np.asarray(theirs[name]))


def test_frozen_towers_stay_frozen_in_the_config():
    model = tiny_dual_encoder()
    model.image_encoder.trainable = False
    again = DualEncoder.from_config(model.get_config())
    assert not again.image_encoder.trainable
    assert again.text_encoder.trainable


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_frozen_towers_stay_float32_when_loaded_in_half_precision(policy):
    model = tiny_dual_encoder()
    model.image_encoder.trainable = False
    mixed = DualEncoder.from_config(model.get_config() | {"dtype": policy})
    policies = [
        {layer.dtype_policy.name for layer in part._flatten_layers(include_self=False)}
        for part in (mixed.image_encoder, mixed.text_encoder, mixed.image_projection)
    ]
    assert policies[0] == {"float32"}
    assert policy in policies[1] and policy in policies[2]


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("contrastive", ContrastiveLoss("hard")),
        ("multi_positive", ContrastiveLoss("multi_positive")),
        ("sigmoid", SigmoidLoss()),
    ],
)
def test_losses_and_optimizers_have_names(name, loss):
    model = tiny_dual_encoder()
    model.compile(optimizer="adamw", loss=name)
    assert model.own_loss == loss
    assert isinstance(model.optimizer, keras.optimizers.AdamW)


def test_an_unknown_loss_is_named():
    with pytest.raises(UserError, match="there is no loss 'clip'; give one of contrastive"):
        tiny_dual_encoder().compile(optimizer="adamw", loss="clip")
