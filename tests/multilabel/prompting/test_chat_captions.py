import json
import time
from threading import Event

import numpy as np
import pytest
from chat_server import ChatServer
from word_embedder import WordEmbedder, embedding_of

from kclip.errors import KclipError, UserError
from kclip.multilabel.prompting import ChatCaptions, TopAll, chat_captions

WANTED = [("dog",), ("dog", "cat"), ("cat", "dog"), ("red_car",)]
ASKED = {f"Please caption an image that contains {n}." for n in ("dog", "cat, dog", "red car")}


@pytest.fixture
def openai():
    return pytest.importorskip("openai", reason="captions from a server take the package openai")


def echo(prompt):
    return f"  Caption of: {prompt} "


def test_each_combination_is_asked_once_in_all_runs(openai, tmp_path):
    with ChatServer(echo) as server:
        captions = ChatCaptions(server.url, "qwen", tmp_path / "cache")(WANTED)
        assert ChatCaptions(server.url, "qwen", tmp_path / "cache")(WANTED) == captions
        assert len(server.requests) == 3
        assert set(server.prompts) == ASKED
    assert captions[0] == "Caption of: Please caption an image that contains dog."
    assert captions[1] == captions[2] != captions[3]


def test_another_model_is_asked_anew(openai, tmp_path):
    with ChatServer(echo) as server:
        for model in ("qwen", "llama"):
            ChatCaptions(server.url, model, tmp_path)([("dog",)])
        assert [body["model"] for _, _, body in server.requests] == ["qwen", "llama"]


def test_what_is_sent(openai, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with ChatServer(echo) as server:
        ChatCaptions(server.url, "qwen", tmp_path)([("dog",)])
    path, key, body = server.requests[0]
    assert (path, key) == ("/v1/chat/completions", "Bearer secret")
    assert body["temperature"] == 0
    assert len(body["messages"]) == 1


def test_a_cache_needs_no_server(openai, tmp_path):
    with ChatServer(echo) as server:
        captions = ChatCaptions(server.url, "qwen", tmp_path)(WANTED)
    assert ChatCaptions(server.url, "qwen", tmp_path)(WANTED) == captions


def test_a_server_that_fails_for_a_while_is_asked_again(openai, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the tries
    replies = iter([503, 500, "A dog."])
    with ChatServer(lambda _: next(replies)) as server:
        assert ChatCaptions(server.url, "qwen", tmp_path, retries=2)([("dog",)]) == ["A dog."]
        assert len(server.requests) == 3


def test_a_server_that_is_away(openai, tmp_path):
    with ChatServer(echo) as server:
        url = server.url
    with pytest.raises(KclipError, match=f"no answer from {url} .*start the server there"):
        ChatCaptions(url, "qwen", tmp_path, retries=0)([("dog",)])


def test_a_server_that_takes_too_long(openai, tmp_path):
    given_up = Event()
    with ChatServer(lambda prompt: given_up.wait() and echo(prompt)) as server:
        captions = ChatCaptions(server.url, "qwen", tmp_path, timeout=0.1, retries=0)
        with pytest.raises(KclipError, match=r"no answer .*timed out.* longer timeout"):
            captions([("dog",)])
        given_up.set()


def test_a_refusal_names_the_model_and_is_not_repeated(openai, tmp_path):
    with ChatServer(lambda _: 404) as server:
        with pytest.raises(KclipError, match="refused to caption with 'qwen': .*404"):
            ChatCaptions(server.url, "qwen", tmp_path)([("dog",)])
        assert len(server.requests) == 1


def test_what_was_answered_before_a_failure_is_kept(openai, tmp_path):
    with ChatServer(lambda prompt: 400 if "red" in prompt else echo(prompt)) as server:
        with pytest.raises(KclipError, match="refused"):
            ChatCaptions(server.url, "qwen", tmp_path, workers=1)(WANTED)
    kept = [json.loads(file.read_text())["prompt"] for file in tmp_path.iterdir()]
    assert set(kept) == {prompt for prompt in ASKED if "red" not in prompt}


def test_an_empty_answer_is_an_error_and_not_kept(openai, tmp_path):
    with ChatServer(lambda _: " ") as server:
        with pytest.raises(KclipError, match="'qwen' at .* with no text"):
            ChatCaptions(server.url, "qwen", tmp_path)([("dog",)])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_of_the_cache_is_named(openai, tmp_path):
    with ChatServer(echo) as server:
        ChatCaptions(server.url, "qwen", tmp_path)([("dog",)])
        (file,) = tmp_path.iterdir()
        file.write_text("{")
        with pytest.raises(UserError, match=f"{file.name} is damaged; delete it"):
            ChatCaptions(server.url, "qwen", tmp_path)([("dog",)])


def test_top_all_with_captions_compares_images_with_what_was_answered(openai, tmp_path):
    with ChatServer(lambda prompt: "both here" if "cat, dog" in prompt else "one here") as server:
        captions = ChatCaptions(server.url, "qwen", tmp_path)
        method = TopAll(WordEmbedder(), ["dog", "cat"], write_prompts=captions)
        images = np.stack([embedding_of("both here"), embedding_of("nothing")])
        labels = method.predict(images, progress=False).labels
    assert labels.tolist() == [[True, True], [False, False]]


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(chat_captions.importlib, "import_module", missing)
    with pytest.raises(UserError, match="pip install .keras-clip.llm.., or give a JSON file"):
        ChatCaptions("http://localhost:1/v1", "qwen", tmp_path)
