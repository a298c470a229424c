import json
import os

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.errors import KclipError, UserError
from kclip.retrieval.index import load_or_build_approximate, load_or_build_index


@pytest.fixture
def images(tmp_path):
    write_color_images(tmp_path / "images")
    return tmp_path / "images"


def test_rows_belong_to_their_files(images, tmp_path):
    index = load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    assert list(index.file_names) == sorted(path.name for path in images.iterdir())
    alone = FakeEmbedder().embed_images([images / index.file_names[4]])
    np.testing.assert_array_equal(index.embeddings[4], alone[0])


def test_it_is_memory_mapped_and_reused(images, tmp_path):
    load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    embedder = FakeEmbedder()
    index = load_or_build_index(embedder, images, tmp_path / "index")
    assert embedder.num_embedded == 0
    assert isinstance(index.embeddings, np.memmap)
    assert len(index) == 18


@pytest.mark.parametrize("change", ["added", "removed", "rewritten", "renamed", "touched"])
def test_it_is_rebuilt_when_an_image_has_changed(images, tmp_path, change):
    load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    first = images / "blue_0.png"
    if change == "added":
        (images / "new.png").write_bytes(first.read_bytes())
    elif change == "removed":
        first.unlink()
    elif change == "rewritten":
        first.write_bytes((images / "red_0.png").read_bytes())
    elif change == "renamed":
        first.rename(images / "renamed.png")
    else:
        os.utime(first, ns=(1, 1))
    embedder = FakeEmbedder()
    index = load_or_build_index(embedder, images, tmp_path / "index")
    assert embedder.num_embedded == len(list(images.iterdir())) == len(index)
    (folder,) = (tmp_path / "index").iterdir()
    assert len(list(folder.glob("*.npy"))) == 1  # the old embeddings are gone


def test_each_model_and_folder_has_its_own(images, tmp_path):
    write_color_images(tmp_path / "others", per_color=1)
    load_or_build_index(FakeEmbedder("one"), images, tmp_path / "index")
    load_or_build_index(FakeEmbedder("two"), images, tmp_path / "index")
    load_or_build_index(FakeEmbedder("one"), tmp_path / "others", tmp_path / "index")
    again = FakeEmbedder("one")
    assert len(load_or_build_index(again, images, tmp_path / "index")) == 18
    assert again.num_embedded == 0


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"unreadable": 3}'])
def test_a_damaged_description_is_rebuilt(images, tmp_path, damage):
    load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    next((tmp_path / "index").glob("*/index.json")).write_text(damage)
    embedder = FakeEmbedder()
    load_or_build_index(embedder, images, tmp_path / "index")
    assert embedder.num_embedded == 18


def test_damaged_embeddings_are_rebuilt(images, tmp_path):
    load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    next((tmp_path / "index").glob("*/*.npy")).write_bytes(b"\x93NUMPY")
    embedder = FakeEmbedder()
    load_or_build_index(embedder, images, tmp_path / "index")
    assert embedder.num_embedded == 18


def test_a_build_that_dies_leaves_no_index(images, tmp_path, monkeypatch):
    def die(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "save", die)
    with pytest.raises(OSError, match="no space"):
        load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    assert [p for p in (tmp_path / "index").rglob("*") if p.is_file()] == []


def test_a_few_unreadable_images_are_left_out_and_named(tmp_path, caplog):
    images = tmp_path / "images"
    write_color_images(images, per_color=20)
    (images / "broken.png").write_bytes(b"not a picture")
    index = load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    assert "left out: broken.png: not an image" in caplog.text
    assert len(index) == len(index.embeddings) == 120
    assert index.unreadable == ("broken.png",)
    again = FakeEmbedder()
    assert load_or_build_index(again, images, tmp_path / "index").file_names == index.file_names
    assert again.num_embedded == 0


def test_many_unreadable_images_are_an_error(images, tmp_path):
    for number in range(4):
        (images / f"broken_{number}.png").write_bytes(b"")
    with pytest.raises(UserError, match="4 of 22 images can't be used.*broken_0.png: empty"):
        load_or_build_index(FakeEmbedder(), images, tmp_path / "index")


def test_an_index_that_cannot_be_read_back_is_an_error(images, tmp_path, monkeypatch):
    monkeypatch.setattr(json, "loads", lambda _: None)
    with pytest.raises(KclipError, match="can't be read back"):
        load_or_build_index(FakeEmbedder(), images, tmp_path / "index")


def test_the_lists_of_approximate_search_are_built_once_and_go_with_the_embeddings(
    images, tmp_path
):
    pytest.importorskip("faiss")
    index = load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    query = FakeEmbedder().embed_texts(["red"])
    rows, _ = load_or_build_approximate(index).nearest_rows(query, 3)
    assert {index.file_names[row] for row in rows[0]} == {f"red_{n}.png" for n in range(3)}
    (path,) = (tmp_path / "index").glob("*/embeddings-*.faiss")
    before = path.stat().st_mtime_ns
    load_or_build_approximate(index)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"damaged")
    again, _ = load_or_build_approximate(index).nearest_rows(query, 3)
    np.testing.assert_array_equal(again, rows)
    (images / "blue_0.png").unlink()
    load_or_build_index(FakeEmbedder(), images, tmp_path / "index")
    assert not path.exists()
