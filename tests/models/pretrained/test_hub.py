import json
import shutil
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants

import kclip
from kclip.errors import UserError
from kclip.models.pretrained.hub import fetch, hub_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai/clip-vit-base-patch32", ("openai/clip-vit-base-patch32", None)),
        ("hf://timm/ViT-B-16-SigLIP", ("timm/ViT-B-16-SigLIP", None)),
        ("a_b/c.d@refs/pr/3", ("a_b/c.d", "refs/pr/3")),
        ("clip_vit_base_patch32", None),
        ("runs/demo/model", None),
        ("../model", None),
        ("/tmp/model", None),
        ("kaggle://keras/clip", None),
    ],
)
def test_names_of_the_hub(name, expected):
    assert hub_name(name) == expected


class Hub:
    """A hub of one repository; remembers what was fetched."""

    def __init__(self, folder):
        self.folder, self.fetched = folder, []

    def model_info(self, repository, revision, timeout):
        assert (repository, revision) == ("someone/model", "v1")
        names = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.*"))
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in names])

    def snapshot_download(self, repository, revision, allow_patterns, **_):
        assert (repository, revision) == ("someone/model", "v1")
        self.fetched.append(allow_patterns)
        return str(self.folder)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    hub = Hub(tmp_path / "repository")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return hub


def test_golden_model_of_the_hub(goldens, hub):
    shutil.copytree(goldens / "hf_clip_v5_folder", hub.folder)
    for name in ("pytorch_model.bin", "open_clip_model.safetensors", "modeling.py"):
        (hub.folder / name).write_bytes(b"")
    model, _, tokenize = kclip.load("hf://someone/model@v1")
    arrays = np.load(goldens / "hf_clip_v5_folder" / "io.npz")
    embeddings = model.encode_text(tokenize(arrays["sentences"].tolist()))
    np.testing.assert_allclose(embeddings, arrays["text_embeds"], atol=2e-5)
    small, all_files = hub.fetched
    # The configs before the weights, and nothing that may hold code.
    assert {name.split(".")[-1] for name in small} == {"json"}
    weights = set(all_files) - set(small)
    assert weights == {path.name for path in hub.folder.glob("model-*.safetensors")}


def test_golden_open_clip_of_the_hub(goldens, hub):
    shutil.copytree(goldens / "open_clip_tiny", hub.folder)
    assert fetch("someone/model", "v1") == hub.folder
    assert "open_clip_model.safetensors" in hub.fetched[1]


def test_own_models_of_the_hub(hub, example_files):
    shutil.copytree("runs/demo/model", hub.folder)
    for name in ("run.py", "other.h5", "assets/run.py", "README.md"):
        (hub.folder / name).write_bytes(b"")
    model, _, tokenize = kclip.load("someone/model@v1")
    local, _, _ = kclip.load("runs/demo/model")
    texts = tokenize(["a red circle"])
    np.testing.assert_array_equal(model.encode_text(texts), local.encode_text(texts))
    small, all_files = hub.fetched
    assert set(all_files) - set(small) == {"model.weights.h5"}
    assert not {name for name in all_files if "run.py" in name} and "README.md" in small


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        (kclip.TrainedClassifier, "runs/xception/model"),
        (kclip.MultiLabelRecognizer, "runs/labels/model"),
    ],
)
def test_own_classifiers_of_the_hub(hub, example_files, kind, folder):
    shutil.copytree(folder, hub.folder)
    assert kind.from_folder("someone/model@v1").class_names == kind.from_folder(folder).class_names


def test_weights_in_hdf5_of_others_are_not_fetched(hub):
    hub.folder.mkdir()
    (hub.folder / "config.json").write_text('{"registered_name": "keras_hub>CLIPBackbone"}')
    (hub.folder / "model.weights.h5").write_bytes(b"")
    with pytest.raises(UserError, match="holds a model of type 'keras_hub>CLIPBackbone'"):
        fetch("someone/model", "v1")
    assert len(hub.fetched) == 1


def test_a_model_of_another_kind_is_refused_before_its_weights_are_fetched(hub):
    hub.folder.mkdir()
    (hub.folder / "config.json").write_text('{"model_type": "llama"}')
    (hub.folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="holds a model of type 'llama'; kclip reads clip"):
        fetch("someone/model", "v1")
    assert len(hub.fetched) == 1


def test_weights_that_may_hold_code_are_refused(hub):
    hub.folder.mkdir()
    (hub.folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match="holds no model.safetensors and no open_clip_model"):
        fetch("someone/model", "v1")
    assert not hub.fetched


def test_a_hub_out_of_reach_is_one_sentence(hub, monkeypatch):
    def unreachable(*args, **kwargs):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(hub, "model_info", unreachable)
    with pytest.raises(UserError, match="no folder 'someone/model', and .*no route to") as error:
        kclip.load("someone/model")
    assert "\n" not in str(error.value)


def test_offline_the_cache_alone_is_asked(tmp_path, monkeypatch, goldens):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="does not hold a whole model of that name; run it once"):
        fetch("someone/model")
    commit = "0" * 40
    cached = tmp_path / "models--someone--model"
    shutil.copytree(goldens / "hf_clip_v5_folder", cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text(commit)
    # The client knows of files that were left out on purpose, and would miss them.
    files = {"pytorch_model.bin": {"size": 1, "blob_id": "0"}}
    (cached / "trees").mkdir()
    tree = {"format_version": 1, "files": files}
    (cached / "trees" / f"{commit}.json").write_text(json.dumps(tree))
    assert fetch("someone/model") == cached / "snapshots" / commit
    for weights in (cached / "snapshots" / commit).glob("*.safetensors"):
        weights.unlink()
    with pytest.raises(UserError, match="at 'main'; run it once without --offline"):
        fetch("someone/model", "main")
