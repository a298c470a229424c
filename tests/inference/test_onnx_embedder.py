import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from exported import encoded, tiny_embedder
from tiny_clip import TEXTS as CLIP_TEXTS
from tiny_clip import tiny_clip, tiny_clip_preprocessor, vocabulary
from tiny_models import TEXTS

from kclip.commands.verify_folder import VerifyFolder
from kclip.errors import KclipError, UserError
from kclip.export.folder import export_model
from kclip.export.tokenizer_file import tokenizer_file
from kclip.inference.embedder import Embedder
from kclip.inference.onnx_embedder import OnnxEmbedder, is_light_export, open_embedder
from kclip.models import ClipPreprocessor, HuggingFaceTokenizer
from kclip.models.pretrained.clip_tokenizer_json import clip_definition
from kclip.retrieval.index import ImageIndex

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")

ODD_TEXTS = [
    *TEXTS,
    *CLIP_TEXTS,
    "",
    "A  RED!, star's\tblue\n circles",
    "Ünknown: äöé ß İ \u3000… 中文 \u200b\u00ad ½",
    "[SEP] red [CLS] <|endoftext|> star </s> <unk>",
    "&amp;lt; schÃ¶n snake_case",
    "red " * 40,
    "w" * 101 + " " + "ж" * 60,
]
IMAGES = [encoded(seed=0), encoded("JPEG", size=(20, 33), seed=1), encoded(size=(200, 90), seed=2)]


def source_embedder(name):
    if name == "dual":
        return tiny_embedder()
    return Embedder(tiny_clip(name), tiny_clip_preprocessor(name))


@pytest.fixture(scope="module", params=["dual", "clip", "siglip"])
def pair(request, tmp_path_factory):
    """A model and its export."""
    folder = tmp_path_factory.mktemp("exports") / request.param
    embedder = source_embedder(request.param)
    export_model(embedder, folder, ["onnx"], "a tiny model")
    return embedder, folder


def test_an_export_gives_the_embeddings_of_its_model(pair):
    embedder, folder = pair
    light = OnnxEmbedder(folder)
    images = light.embed_images(IMAGES, progress=False)
    np.testing.assert_allclose(images, embedder.embed_images(IMAGES, progress=False), atol=1e-5)
    texts = light.embed_texts(ODD_TEXTS)
    np.testing.assert_allclose(texts, embedder.embed_texts(ODD_TEXTS), atol=1e-5)
    assert light.logit_scale == pytest.approx(embedder.logit_scale)
    assert light.embed_texts([]).shape == (0, light.projection_dim)


def test_the_ids_are_those_of_the_preprocessor(pair):
    embedder, folder = pair
    found = OnnxEmbedder(folder).tokenize(ODD_TEXTS)
    for name, expected in embedder.preprocessor.tokenize(ODD_TEXTS).items():
        np.testing.assert_array_equal(found[name], np.asarray(expected), err_msg=name)


def test_an_export_has_the_digest_of_its_model_however_it_is_opened(pair):
    embedder, folder = pair
    assert isinstance(open_embedder(folder), OnnxEmbedder)
    assert OnnxEmbedder(folder).digest == embedder.digest == Embedder.from_name(folder).digest


def test_ids_of_a_tokenizer_json_and_its_added_tokens():
    definition = clip_definition(vocabulary(), ["r e", "re d</w>"])
    token = {"id": len(vocabulary()), "content": "<sks>", "special": False, "normalized": True}
    definition["added_tokens"].append(
        token | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    )
    for cleaning in ("lower", "canonical", "none"):
        tokenizer = HuggingFaceTokenizer(json.dumps(definition), cleaning, 1)
        assert tokenizer_file(ClipPreprocessor(tokenizer, 32, 16)) is not None


def test_a_tokenizer_of_another_kind_has_no_file(caplog):
    assert tokenizer_file(SimpleNamespace(tokenizer=object())) is None
    assert "takes TensorFlow for texts" in caplog.text


def test_a_tokenizer_that_gives_other_ids_is_left_out(caplog, monkeypatch):
    preprocessor = tiny_clip_preprocessor()
    monkeypatch.setattr(preprocessor, "tokenize", lambda texts: {"token_ids": np.zeros(16)})
    assert tokenizer_file(preprocessor) is None
    assert "gives other ids" in caplog.text


CALLER = """
import sys
from kclip.cli import main

main("search_images", sys.argv[1:])
loaded = {"tensorflow", "keras", "keras_hub", "tensorflow_text"} & set(sys.modules)
assert not loaded, loaded
"""


@pytest.fixture(scope="module")
def dual(tmp_path_factory):
    """A model, its export, and an index that the model has made in Keras."""
    home = tmp_path_factory.mktemp("search")
    embedder = source_embedder("dual")
    export_model(embedder, home / "export", ["onnx"], "a tiny model")
    (home / "images").mkdir()
    for number in range(12):
        (home / "images" / f"{number}.png").write_bytes(encoded(seed=number))
    index = ImageIndex.build(home / "index", embedder, [home / "images"], model="gone")
    return embedder, home, index


@pytest.mark.parametrize("query", ["the small green star", "images/3.png"])
def test_a_search_that_imports_no_tensorflow_finds_what_keras_finds(dual, query):
    embedder, home, index = dual
    flags = ["--index", "index", "--model", "export", "--top-k", "5", "--json"]
    command = [sys.executable, "-c", CALLER, query, *flags]
    run = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    hits = json.loads(run.stdout)["hits"]
    if query.endswith(".png"):
        embedding = embedder.embed_images([home / query], progress=False)
    else:
        embedding = embedder.embed_texts([query])
    (expected,) = index.search(embedding, 5)
    assert [hit["file_name"] for hit in hits] == [hit.file_name for hit in expected]
    scores = [hit["score"] for hit in hits]
    np.testing.assert_allclose(scores, [hit.score for hit in expected], atol=1e-5)


@pytest.fixture
def copy(dual, tmp_path):
    return shutil.copytree(dual[1] / "export", tmp_path / "export")


def add_a_blank(path):
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("name", ["tokenizer.json", "onnx/text_tower.onnx", "export.json"])
def test_a_file_that_was_changed_is_refused(copy, name):
    add_a_blank(copy / name)
    with pytest.raises(UserError, match=f"{name}.* is not as it was written.*export the model"):
        OnnxEmbedder(copy).embed_texts(["a red circle"])


@pytest.mark.parametrize("name", ["onnx/image_tower.onnx", "preprocessor/preprocessor.json"])
def test_a_file_that_was_changed_is_refused_by_keras_too(copy, name):
    add_a_blank(copy / name)
    with pytest.raises(UserError, match=f"{name}.* is not as it was written.*export the model"):
        Embedder.from_name(copy)


def test_a_change_of_any_file_but_the_readme_is_found(copy):
    assert VerifyFolder(copy).run() == {"folders": 1}
    add_a_blank(copy / "README.md")
    assert VerifyFolder(copy).run() == {"folders": 1}
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    for name in names - {"README.md", "checksums.json"}:
        whole = (copy / name).read_bytes()
        add_a_blank(copy / name)
        with pytest.raises(KclipError, match=name):
            VerifyFolder(copy).run()
        (copy / name).write_bytes(whole)


@pytest.mark.parametrize("content", ["{", "{}", '{"projection_dim": "x"}', "[]"])
def test_damaged_settings_are_one_sentence(copy, content):
    (copy / "export.json").write_text(content)
    (copy / "checksums.json").unlink()
    with pytest.raises(UserError, match="export the model again"):
        OnnxEmbedder(copy)


def test_an_older_export_is_run_the_older_way(copy):
    settings = json.loads((copy / "export.json").read_text())
    del settings["digest"]
    (copy / "export.json").write_text(json.dumps(settings))
    (copy / "checksums.json").unlink()
    assert not is_light_export(copy)
    assert isinstance(open_embedder(copy), Embedder)


@pytest.mark.parametrize("way", ["relative", "absolute", "link"])
def test_weights_outside_of_the_folder_are_refused(copy, way):
    import onnx

    path = copy / "onnx" / "text_tower.onnx"
    model = onnx.load(path)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    outside = copy.parent / "weights.bin"
    outside.write_bytes(largest.raw_data)
    (path.parent / "link.bin").symlink_to(outside)
    location = {"relative": "../../weights.bin", "absolute": str(outside), "link": "link.bin"}[way]
    onnx.external_data_helper.set_external_data(largest, location)
    largest.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    (copy / "checksums.json").unlink()
    with pytest.raises(UserError, match="export it again"):
        OnnxEmbedder(copy).embed_texts(["a red circle"])
