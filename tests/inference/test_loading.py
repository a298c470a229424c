import io
import json
import shutil

import keras_hub
import numpy as np
import pytest
from PIL import Image
from tiny_clip import TEXTS, sentencepiece_model, tiny_clip_tokenizer, vocabulary, write_tiny_clip
from tiny_models import tiny_dual_encoder, tiny_preprocessor

import kclip
from kclip.data.image_record import ImageRecord
from kclip.errors import UserError
from kclip.evaluation.retrieval import evaluate_retrieval
from kclip.inference.embedder import Embedder
from kclip.zero_shot.classifier import ZeroShotClassifier

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype="uint8")
TOWER = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32}


def encoded(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype="uint8")
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def write_dual_encoder(folder):
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))


def write_keras_hub_clip(folder):
    image = keras_hub.models.CLIPVisionEncoder(patch_size=8, image_shape=(16, 16, 3), **TOWER)
    words = vocabulary()
    text = keras_hub.models.CLIPTextEncoder(
        vocabulary_size=len(words), embedding_dim=16, max_sequence_length=10, **TOWER
    )
    keras_hub.models.CLIPBackbone(image, text, projection_dim=12).save_to_preset(str(folder))
    tokenizer = keras_hub.models.CLIPTokenizer(words, tiny_clip_tokenizer().merges)
    tokenizer.save_to_preset(str(folder))


def write_keras_hub_siglip(folder):
    image = keras_hub.models.SigLIPVisionEncoder(patch_size=8, image_shape=(16, 16, 3), **TOWER)
    text = keras_hub.models.SigLIPTextEncoder(
        vocabulary_size=60, embedding_dim=16, max_sequence_length=10, **TOWER
    )
    keras_hub.models.SigLIPBackbone(image, text).save_to_preset(str(folder))
    keras_hub.models.SigLIPTokenizer(sentencepiece_model()).save_to_preset(str(folder))


FOLDERS = {
    "dual_encoder": (write_dual_encoder, 32, "softmax"),
    "clip": (write_tiny_clip, 32, "softmax"),
    "siglip": (lambda folder: write_tiny_clip(folder, "siglip"), 32, "sigmoid"),
    "keras_hub_clip": (write_keras_hub_clip, 16, "softmax"),
    "keras_hub_siglip": (write_keras_hub_siglip, 16, "sigmoid"),
}


@pytest.fixture(scope="module", params=FOLDERS)
def source(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write, size, probabilities = FOLDERS[request.param]
    write(folder)
    return folder, size, probabilities


# KerasHub's SentencePiece tokenizer leaves its file open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_is_a_model_with_what_prepares_its_inputs(source):
    folder, size, probabilities = source
    model, preprocess, tokenize = kclip.load(folder)
    image = preprocess(PIXELS)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8
    values = model.predict_probabilities(image[None], tokenize(TEXTS))
    assert values.shape == (1, len(TEXTS))
    if probabilities == "softmax":
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-5)
    embedder = Embedder.from_name(folder)
    assert embedder.model.dtype_policy.name == "float32"
    np.testing.assert_allclose(
        embedder.embed_texts(TEXTS), model.encode_text(tokenize(TEXTS)), atol=1e-6
    )
    np.testing.assert_allclose(
        embedder.embed_images([encoded()], progress=False),
        model.encode_image(preprocess(encoded())[None]),
        atol=1e-6,
    )


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny_clip")
    write_tiny_clip(folder)
    return folder


def test_golden_folder_without_tokenizer(goldens):
    model, preprocess, tokenize = kclip.load(goldens / "hf_clip_tiny")
    arrays = np.load(goldens / "hf_clip_tiny" / "io.npz")
    texts = model.encode_text({"token_ids": arrays["input_ids"]})
    np.testing.assert_allclose(texts, arrays["text_embeds"], atol=2e-5)
    assert preprocess(PIXELS).shape == (*arrays["pixel_values"].shape[2:], 3)
    with pytest.raises(UserError, match="holds no tokenizer"):
        tokenize("a dog")


def test_images_of_every_kind_are_alike(clip_folder, tmp_path):
    _, preprocess, _ = kclip.load(str(clip_folder))
    data = encoded()
    (tmp_path / "image.png").write_bytes(data)
    picture = Image.open(io.BytesIO(data))
    sources = [data, tmp_path / "image.png", str(tmp_path / "image.png"), picture]
    sources.append(np.asarray(picture))
    prepared = [preprocess(source) for source in sources]
    for other in prepared[1:]:
        np.testing.assert_array_equal(prepared[0], other)
    grey = preprocess(Image.new("L", (40, 40), 100))
    assert (grey == 100).all()


@pytest.mark.parametrize("pixels", [PIXELS.astype("float32"), PIXELS[..., 0], PIXELS[None]])
def test_an_array_that_is_no_image(clip_folder, pixels):
    _, preprocess, _ = kclip.load(clip_folder)
    with pytest.raises(UserError, match="is no image; give uint8"):
        preprocess(pixels)


def test_a_string_and_a_list_of_one(clip_folder):
    _, _, tokenize = kclip.load(clip_folder)
    assert tokenize("a dog")["token_ids"].tolist() == tokenize(["a dog"])["token_ids"].tolist()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip_vit_b32", "there is no model folder 'clip_vit_b32'.*clip_vit_base_patch32"),
        ("siglip_base_patch16", "did you mean siglip_base_patch16_"),
        ("no/such/folder", "there is no model folder 'no/such/folder', nor a KerasHub preset"),
        ("kaggle://keras/clip", "lies on a hub that kclip does not ask; download the folder"),
    ],
)
def test_names_that_there_are_not(name, message):
    with pytest.raises(UserError, match=message) as error:
        kclip.load(name)
    assert "\n" not in str(error.value)


def test_a_preset_out_of_reach_is_one_sentence(monkeypatch):
    def unreachable(*args):
        raise ConnectionError("Max retries exceeded\nand more")

    monkeypatch.setattr("kagglehub.model_download", unreachable)
    with pytest.raises(UserError, match="'clip_vit_base_patch32' cannot be loaded .*Max") as error:
        kclip.load("clip_vit_base_patch32")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"model_type": "bert"}', "holds bert, not a kclip dual encoder"),
        ("{", "is not valid JSON"),
        (None, "holds no config.json, so it is no model folder"),
        ('{"registered_name": "keras_hub>BertBackbone"}', "holds keras_hub>BertBackbone"),
    ],
)
def test_folders_of_another_kind(tmp_path, config, message):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(UserError, match=message):
        kclip.load(tmp_path)


def test_a_keras_hub_folder_with_a_foreign_class(tmp_path):
    write_keras_hub_clip(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["config"]["projection_dim"] = {"class_name": "Lambda"}
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match="names the class 'None.Lambda'"):
        kclip.load(tmp_path)


def test_a_damaged_keras_hub_folder(tmp_path):
    write_keras_hub_clip(tmp_path)
    (tmp_path / "model.weights.h5").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be read"):
        kclip.load(tmp_path)


@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_what_comes_after_takes_a_clip(tmp_path, architecture):
    write_tiny_clip(tmp_path / "model", architecture)
    embedder = Embedder.from_name(tmp_path / "model")
    classifier = ZeroShotClassifier.from_names(embedder, ["circle", "star"], ["a {}.", "one {}"])
    images = embedder.embed_images([encoded(0), encoded(1)], progress=False)
    probabilities = classifier.predict_probabilities(images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(encoded(number))
    records = [
        ImageRecord(str(number), f"{number}.png", tmp_path / f"{number}.png", (TEXTS[number],))
        for number in range(3)
    ]
    results = evaluate_retrieval(embedder, records)
    assert results["text_to_image"]["recall@5"] == 1.0


def test_the_digest_is_of_weights_images_and_words(tmp_path):
    model, preprocessor = write_tiny_clip(tmp_path)
    first = Embedder(model, preprocessor).digest
    assert Embedder.from_name(tmp_path).digest == first
    preprocessor.interpolation = "bilinear"
    assert Embedder(model, preprocessor).digest != first
    preprocessor.interpolation = "bicubic"
    model.numbers["std"][0] += 0.1
    assert Embedder(model, preprocessor).digest != first
    model.numbers["std"][0] -= 0.1
    preprocessor.tokenizer = None
    assert Embedder(model, preprocessor).digest != first


def test_a_copied_folder_gives_the_same(clip_folder, tmp_path):
    copy = shutil.copytree(clip_folder, tmp_path / "copy")
    assert Embedder.from_name(copy).digest == Embedder.from_name(clip_folder).digest
