import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.data.images.opening import ImageError
from kclip.inference.embedding_cache import CachedEmbedder


@pytest.fixture
def paths(tmp_path):
    return write_color_images(tmp_path / "images")


def cached(tmp_path, digest="c0ffee"):
    return CachedEmbedder(FakeEmbedder(digest), tmp_path / "cache")


def test_each_image_is_embedded_once_whatever_it_is_called(paths, tmp_path):
    first = cached(tmp_path)
    expected = FakeEmbedder().embed_images(paths)
    np.testing.assert_array_equal(first.embed_images(paths[:7]), expected[:7])
    paths[2] = paths[2].rename(tmp_path / "moved.png")
    again = cached(tmp_path)
    np.testing.assert_array_equal(again.embed_images([*paths, paths[0]])[:-1], expected)
    assert (first.embedder.num_embedded, again.embedder.num_embedded) == (7, 11)


def test_an_image_that_has_changed_is_embedded_again(paths, tmp_path):
    cached(tmp_path).embed_images(paths)
    paths[0].write_bytes(paths[5].read_bytes())  # of another colour
    found = cached(tmp_path).embed_images(paths[:1])
    np.testing.assert_array_equal(found, FakeEmbedder().embed_images([paths[5]]))


def test_models_do_not_share(paths, tmp_path):
    cached(tmp_path, "one").embed_images(paths)
    other = cached(tmp_path, "two")
    other.embed_images(paths)
    assert other.embedder.num_embedded == 18


@pytest.mark.parametrize("damage", [b"", b"PK", b"no archive"])
def test_a_damaged_file_is_written_again(paths, tmp_path, damage):
    first = cached(tmp_path)
    first.embed_images(paths)
    first.path.write_bytes(damage)
    again = cached(tmp_path)
    again.embed_images(paths)
    assert again.embedder.num_embedded == 18
    assert len(np.load(first.path)["digests"]) == 18


def test_an_unreadable_image_is_an_error_and_is_not_kept(paths, tmp_path):
    paths[3].write_bytes(b"no image")
    embedder = cached(tmp_path)
    with pytest.raises(ImageError, match="not an image"):
        embedder.embed_images(paths)
    assert not embedder.path.exists()
