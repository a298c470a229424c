"""Sending a model folder: what is sent, what is refused, and what hubs answer in one sentence."""

import json
from types import SimpleNamespace

import httpx2
import huggingface_hub
import kagglehub
import pytest
import requests
from huggingface_hub.errors import HfHubHTTPError
from kagglehub.exceptions import BackendError, KaggleApiHTTPError

from kclip.cli import main
from kclip.commands.upload_model import UploadModel
from kclip.console.offline import network
from kclip.errors import KclipError, UserError
from kclip.export.upload.target import parse_target

HF, KAGGLE = "hf://someone/birds", "kaggle://someone/birds/keras/small"
CLASS = "kclip>MultiLabelClassifier"


@pytest.fixture
def folder(tmp_path):
    """The files of a model; what is in its weights is nobody's business here."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"registered_name": CLASS}))
    (folder / "metadata.json").write_text("{}")
    (folder / "model.weights.h5").write_bytes(b"\0" * 3_000_000)
    (folder / "README.md").write_text("# birds\n")
    return folder


class Hub:
    """Both hubs' clients; remembers what they were asked, and fails as it is told to."""

    def __init__(self, error=None, private=True):
        self.calls, self.error, self.private = {}, error, private

    def _asked(self, what, **arguments):
        self.calls[what] = arguments
        if self.error is not None:
            raise self.error

    def create_repo(self, repo_id, **arguments):
        self._asked("create_repo", repo_id=repo_id, **arguments)

    def model_info(self, repo_id):
        return SimpleNamespace(private=self.private)

    def upload_folder(self, **arguments):
        self._asked("upload_folder", **arguments)

    def model_upload(self, handle, folder, **arguments):
        self._asked("model_upload", handle=handle, folder=folder, **arguments)


@pytest.fixture
def hub(monkeypatch):
    hub = Hub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "a token")
    monkeypatch.setattr(kagglehub, "model_upload", hub.model_upload)
    monkeypatch.setattr("kagglehub.config.get_kaggle_credentials", lambda: object())
    return hub


def test_hugging_face_gets_the_files_of_the_model_alone(folder, hub, capsys):
    (folder / "notes.txt").write_text("mine")
    UploadModel(model=folder, target=HF, private=True, message="better").run()
    assert hub.calls["create_repo"] == {
        "repo_id": "someone/birds",
        "private": True,
        "exist_ok": True,
    }
    sent = hub.calls["upload_folder"]
    assert sent["allow_patterns"] == [
        "README.md",
        "config.json",
        "metadata.json",
        "model.weights.h5",
    ]
    assert sent["folder_path"] == folder and sent["commit_message"] == "better"
    assert "thresholds.json" in sent["delete_patterns"]
    assert capsys.readouterr().out == "the model is at https://huggingface.co/someone/birds\n"


def test_kaggle_gets_them_too(folder, hub):
    (folder / "no[tes].txt").write_text("mine")
    UploadModel(model=folder, target=KAGGLE, message="better").run()
    assert hub.calls["model_upload"] == {
        "handle": "someone/birds/keras/small",
        "folder": str(folder),
        "version_notes": "better",
        "ignore_patterns": ["no[[]tes].txt"],
    }


def test_a_dry_run_lists_and_sends_nothing(folder, hub, capsys):
    main("upload_model", [str(folder), HF, "--dry-run"])
    out = capsys.readouterr().out.splitlines()
    assert "      2.86 MiB  model.weights.h5" in out and out[-1].endswith(f"would go to {HF}")
    assert hub.calls == {}


def test_what_others_cannot_use_is_said(folder, hub, capsys):
    content = {"seen": [], "unseen": [], "query_source": "/home/me/bert", "templates": []}
    (folder / "classes.json").write_text(json.dumps(content))
    (folder / "notes.txt").write_text("mine")
    main("upload_model", [str(folder), HF, "--dry-run"])
    err = capsys.readouterr().err
    assert "not sent: notes.txt" in err and "names '/home/me/bert'" in err


@pytest.mark.parametrize(
    "target",
    ["someone/birds", "hf://birds", "hf://a/b/c", "hf://a/b@main", "kaggle://a/b", "s3://a/b", ""],
)
def test_other_targets_are_refused(target):
    with pytest.raises(UserError, match="is no place on a hub; give hf://owner/name or kaggle://"):
        parse_target(target)


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("README.md", None, "has no model card; write a README.md"),
        ("README.md", "\n", "has no model card"),
        ("model.weights.h5", None, "holds no weights; copy the model folder again"),
        ("config.json", None, "holds no config.json, so it is no model folder of kclip"),
        ("config.json", '{"epochs": 8}', "holds something else, not a kclip dual encoder"),
        ("preprocessor.json", '{"class_name": "os.system"}', "has no use for"),
    ],
)
def test_folders_that_are_no_whole_model_are_refused(folder, hub, file, text, sentence):
    (folder / file).unlink(missing_ok=True)
    if text is not None:
        (folder / file).write_text(text)
    with pytest.raises(UserError, match=sentence):
        UploadModel(model=folder, target=HF).run()
    assert hub.calls == {}


def test_no_login_is_a_sentence(folder, hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(UserError, match="no login for Hugging Face; run `hf auth login`"):
        UploadModel(model=folder, target=HF).run()
    monkeypatch.setattr("kagglehub.config.get_kaggle_credentials", lambda: None)
    with pytest.raises(UserError, match="no login for Kaggle; set KAGGLE_API_TOKEN"):
        UploadModel(model=folder, target=KAGGLE).run()
    assert hub.calls == {}


def test_offline_nothing_is_sent(folder, hub):
    with network(allowed=False), pytest.raises(UserError, match="--offline sends nothing"):
        UploadModel(model=folder, target=HF).run()
    with network(allowed=False):
        UploadModel(model=folder, target=HF, dry_run=True).run()
    assert hub.calls == {}


def test_what_is_public_already_does_not_get_what_should_be_private(folder, hub):
    hub.private = False
    with pytest.raises(UserError, match="is there already and is public"):
        UploadModel(model=folder, target=HF, private=True).run()
    assert "upload_folder" not in hub.calls


def of_hugging_face(status):
    request = httpx2.Request("POST", "https://huggingface.co/api")
    return HfHubHTTPError("no\nway", response=httpx2.Response(status, request=request))


def of_kaggle(status):
    response = requests.Response()
    response.status_code = status
    return KaggleApiHTTPError("no\nway", response=response)


@pytest.mark.parametrize(("target", "answer"), [(HF, of_hugging_face), (KAGGLE, of_kaggle)])
@pytest.mark.parametrize(
    ("status", "error_class", "sentence"),
    [
        (401, UserError, "does not accept your login; log in again"),
        (403, UserError, "does not let your login write there"),
        (404, UserError, "knows no such owner"),
        (500, KclipError, r"failed \(.*no way\); see the reason, or try again later"),
    ],
)
def test_answers_of_hubs(folder, hub, target, answer, status, error_class, sentence):
    hub.error = answer(status)
    with pytest.raises(KclipError, match=sentence) as caught:
        UploadModel(model=folder, target=target).run()
    assert type(caught.value) is error_class and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (HF, httpx2.ConnectError("no route to host")),
        (KAGGLE, requests.ConnectionError("no route to host")),
        (KAGGLE, ValueError("'keros' is not a valid ModelFramework")),
    ],
)
def test_no_answer_of_a_hub(folder, hub, target, error):
    hub.error = error
    with pytest.raises(KclipError, match="cannot be reached, or did not take the model"):
        UploadModel(model=folder, target=target).run()


def test_an_error_in_the_body_of_kaggle(folder, hub):
    hub.error = BackendError("permission", error_code=403)
    with pytest.raises(UserError, match="does not let your login write there"):
        UploadModel(model=folder, target=KAGGLE).run()
