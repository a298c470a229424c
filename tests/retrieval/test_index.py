import os
import shutil
import subprocess
import sys
import tarfile
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.errors import UserError
from kclip.retrieval.index import ImageIndex
from kclip.retrieval.storage import write_manifest


@pytest.fixture
def images(tmp_path):
    write_color_images(tmp_path / "images")
    return tmp_path / "images"


@pytest.fixture
def index(images, tmp_path):
    return ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images])


def answers(index, top_k=30):
    """For each colour what is found, in its order."""
    queries = FakeEmbedder().embed_texts(["red", "blue", "grey"])
    found = index.search(queries, top_k)
    return [[(hit.file_name, round(hit.score, 5)) for hit in hits] for hits in found]


def assert_is_as_a_full_build(index, images, tmp_path):
    whole = ImageIndex.build(tmp_path / "whole", FakeEmbedder(), [images])
    assert answers(index) == answers(whole)
    assert len(index) == len(whole) == len(list(images.rglob("*.png")))
    shutil.rmtree(tmp_path / "whole")


def test_rows_belong_to_their_files(index, images):
    names = [place.name for _, place in index.places()]
    assert names == sorted(path.name for path in images.iterdir())
    for row, place in index.places():
        alone = FakeEmbedder().embed_images([images / place.name])
        np.testing.assert_allclose(index.embeddings([row]), alone, atol=2e-5)
        assert place.read() == (images / place.name).read_bytes()
        assert index.table[row]["width"] == index.table[row]["height"] == 24


def test_opening_reads_neither_images_nor_rows(index, images):
    shutil.rmtree(images)
    opened = ImageIndex.open(index.folder)
    assert isinstance(opened.codes, np.memmap) and isinstance(opened.table, np.memmap)
    assert len(opened) == 18 and answers(opened) == answers(index)
    assert opened.about.model_digest == "c0ffee" and opened.width == 6


def test_opening_ten_million_images_takes_no_memory(index):
    """Files with holes: nothing is written, and nothing may be read."""
    about = replace(index.about, num_rows=10_000_000, names_end=200_000_000)
    sizes = {name: 10_000_000 * dtype.itemsize for name, dtype in about.row_types.items()}
    for name, size in (sizes | {"names-1": about.names_end}).items():
        os.truncate(index.folder / f"{name}.bin", size)
    write_manifest(index.folder, about)
    tracemalloc.start()
    opened = ImageIndex.open(index.folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(opened) == 10_000_000 and opened.name(3) == index.name(3)
    assert peak < 100_000  # bytes


@pytest.mark.parametrize("at_once", [1, 5, 100])
def test_all_places_at_once_are_those_of_each_row(index, images, monkeypatch, at_once):
    monkeypatch.setattr("kclip.retrieval.row_places._ROWS_AT_ONCE", at_once)
    for name in ("blue_0.png", "red_1.png", "yellow_2.png"):
        (images / name).unlink()
    updated = index.update(FakeEmbedder())
    assert dict(updated.places()) == {row: updated.place(row) for row in updated.ids().tolist()}
    assert len(dict(updated.places())) == 15


@pytest.mark.parametrize("approximate", [False, True])
def test_copies_stand_in_the_order_of_their_paths_whenever_they_came(images, tmp_path, approximate):
    if approximate:
        pytest.importorskip("faiss")
    index = ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images])
    for number in (11, 3, 7, 25):
        for copy in range(number, number + 9):
            shutil.copy(images / "red_0.png", images / f"a{copy:02}.png")
        index = index.update(FakeEmbedder())
    query = FakeEmbedder().embed_texts(["red"])
    (copies,) = index.search(query, 31, approximate=approximate)
    names = sorted(name for name in os.listdir(images) if name[0] == "a")
    assert len(names) == 26
    assert [hit.file_name for hit in copies if hit.file_name in names] == names
    for top_k in (1, 2, 5, 12):
        (hits,) = index.search(query, top_k, approximate=approximate)
        assert hits == copies[:top_k]


def test_pages_are_parts_of_one_list(index):
    query = FakeEmbedder().embed_texts(["red"])
    (whole,) = index.search(query, 18)
    pages = [index.search(query, 7, skip=skip)[0] for skip in (0, 7, 14, 21)]
    assert sum(pages, ()) == whole


def test_rows_may_be_ruled_out(index):
    query = FakeEmbedder().embed_texts(["red"])
    (hits,) = index.search(query, 18, allowed=np.arange(18) < 3)
    assert {hit.file_name for hit in hits} == {f"blue_{n}.png" for n in range(3)}


@pytest.mark.parametrize("codes", ["int16", "int8"])
@pytest.mark.parametrize(
    ("change", "embedded"),
    [("nothing", 0), ("added", 2), ("removed", 0), ("rewritten", 1), ("renamed", 0)]
    + [("moved", 0), ("touched", 0), ("copied", 0), ("all of it", 2)],
)
def test_what_has_changed_is_embedded_and_nothing_else(images, tmp_path, change, embedded, codes):
    index = ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images], codes)
    first, fresh = images / "blue_0.png", write_color_images(tmp_path / "new", 2, size=16)
    if change in ("added", "all of it"):
        fresh[0].rename(images / "new.png")
    if change == "added":
        (images / "sub").mkdir()
        fresh[1].rename(images / "sub" / "red_0.png")
    if change == "removed":
        first.unlink()
    if change in ("rewritten", "all of it"):
        first.write_bytes(fresh[2].read_bytes())
    if change in ("renamed", "all of it"):
        (images / "red_1.png").rename(images / "renamed.png")
        (images / "red_2.png").rename(images / "red_1.png")
    if change == "moved":
        (images / "sub").mkdir()
        first.rename(images / "sub" / "blue_0.png")
    if change == "touched":
        os.utime(first, ns=(1, 1))
    if change in ("copied", "all of it"):
        shutil.copy(images / "grey_0.png", images / "twin.png")
    embedder = FakeEmbedder()
    updated = index.update(embedder)
    assert embedder.num_embedded == embedded
    if codes == "int16":
        assert_is_as_a_full_build(updated, images, tmp_path)
    again = FakeEmbedder()
    assert answers(updated.update(again)) == answers(updated) and again.num_embedded == 0


def test_what_is_gone_leaves_the_disk_once_it_is_half_of_all(index, images, tmp_path):
    for path in sorted(images.iterdir())[2:12]:
        path.unlink()
    embedder = FakeEmbedder()
    updated = index.update(embedder)
    assert embedder.num_embedded == 0
    assert updated.about.num_rows == len(updated) == 8 and updated.about.generation == 2
    assert {path.name for path in index.folder.iterdir()} == {
        "index.json", "lock", "codes-2.bin", "rows-2.bin", "names-2.bin"
    }  # fmt: skip
    assert_is_as_a_full_build(updated, images, tmp_path)
    assert len(answers(index)[0]) == 18  # what was opened before is as it was


def test_an_image_that_comes_back_is_known(index, images):
    path = images / "blue_0.png"
    data = path.read_bytes()
    path.unlink()
    index.update(FakeEmbedder())
    path.write_bytes(data)
    embedder = FakeEmbedder()
    assert len(index.update(embedder)) == 18 and embedder.num_embedded == 0


def test_what_cannot_be_read_is_left_out_named_and_never_fatal(index, images, caplog):
    for number in range(30):
        (images / f"broken_{number}.png").write_bytes(b"not a picture")
    data = (images / "blue_0.png").read_bytes()
    (images / "blue_0.png").write_bytes(data[:200])  # its header can be read, its pixels not
    updated = index.update(FakeEmbedder())
    assert "broken_0.png: not an image" in caplog.text
    assert len(updated) == 17 and len(updated.left_out) == updated.about.num_left_out == 31
    assert dict(updated.left_out)[str(images / "blue_0.png")].startswith("truncated")
    (images / "blue_0.png").write_bytes(data)
    embedder = FakeEmbedder()
    assert len(updated.update(embedder)) == 18 and embedder.num_embedded == 0


def test_nothing_that_can_be_read_is_an_error(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.png").write_bytes(b"no")
    with pytest.raises(UserError, match="none of the 1 images .*broken.png: not an image"):
        ImageIndex.build(tmp_path / "index", FakeEmbedder(), [tmp_path / "images"])
    with pytest.raises(UserError, match="holds no index"):
        ImageIndex.open(tmp_path / "index")


def test_a_tar_that_was_packed_anew_costs_its_new_images(images, tmp_path):
    def packed(names):
        with tarfile.open(tmp_path / "shard.tar", "w") as tar:
            for name in names:
                tar.add(images / name, name)

    names = sorted(path.name for path in images.iterdir())
    packed(names[:-1])
    first = FakeEmbedder()
    index = ImageIndex.build(tmp_path / "index", first, [tmp_path / "shard.tar"])
    assert first.num_embedded == len(index) == 17
    packed(names[::-1][:-1])  # one more, one less, all others elsewhere
    second = FakeEmbedder()
    index = index.update(second)
    assert second.num_embedded == 1 and len(index) == 17
    assert {place.name for _, place in index.places()} == set(names[1:])
    assert all(place.read() == (images / place.name).read_bytes() for _, place in index.places())


def test_names_of_any_bytes(images, tmp_path):
    (images / "red_0.png").rename(images / os.fsdecode(b"caf\xe9.png"))
    (images / "red_1.png").rename(images / "naïve 雪\n.png")
    index = ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images])
    assert {index.name(row) for row in range(18)} == set(os.listdir(images))
    assert all(place.read() for _, place in ImageIndex.open(index.folder).places())


def test_other_models_other_codes_and_other_files_are_refused(index, images, tmp_path):
    with pytest.raises(UserError, match="is the index of another model .c0ffee"):
        ImageIndex.build(index.folder, FakeEmbedder("other"), [images])
    with pytest.raises(UserError, match="holds int16 codes, but int8 was asked for"):
        ImageIndex.build(index.folder, FakeEmbedder(), [images], "int8")
    with pytest.raises(UserError, match="holds other files .such as blue_0.png"):
        ImageIndex.build(images, FakeEmbedder(), [images])
    with pytest.raises(UserError, match="have 3 values each, the index 6"):
        index.search(np.ones((1, 3)), 1)


def test_two_at_once(index, images):
    class Second(FakeEmbedder):
        def embed_images(self, *args, **kwargs):
            index.update(FakeEmbedder())
            return super().embed_images(*args, **kwargs)

    write_color_images(images / "more", 1, size=16)
    with pytest.raises(UserError, match="another process writes the index"):
        index.update(Second())


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"format": 2}', '{"format": 3, "rows": 1}'])
def test_a_damaged_manifest_is_named(index, damage):
    (index.folder / "index.json").write_text(damage)
    with pytest.raises(UserError, match="index.json is not of an index of this kclip; delete"):
        ImageIndex.open(index.folder)


def test_missing_and_cut_files_are_named(index):
    codes = index.folder / "codes-1.bin"
    codes.write_bytes(codes.read_bytes()[:-1])
    with pytest.raises(UserError, match="codes-1.bin is damaged or cut off"):
        ImageIndex.open(index.folder)
    codes.unlink()
    with pytest.raises(UserError, match="codes-1.bin is missing"):
        ImageIndex.open(index.folder)


def test_approximate_search_follows_the_index(index, images, tmp_path):
    pytest.importorskip("faiss")
    query = FakeEmbedder().embed_texts(["red"])
    for change in (
        lambda: None,
        (images / "red_0.png").unlink,
        lambda: write_color_images(images / "x", 2, 16),
    ):
        change()
        index = index.update(FakeEmbedder())
        near, exact = (index.search(query, 5, approximate=near)[0] for near in (True, False))
        assert [hit.id for hit in near] == [hit.id for hit in exact]
    (lists,) = index.folder.glob("lists-*")
    assert lists.name == f"lists-1-{index.about.num_rows}.faiss"
    lists.write_bytes(b"damaged")
    assert ImageIndex.open(index.folder).search(query, 5, approximate=True)[0] == near


def test_few_rows_that_are_allowed_are_found_wherever_they_lie(index):
    pytest.importorskip("faiss")
    query = FakeEmbedder().embed_texts(["red"])
    allowed = np.arange(18) < 3  # blue ones
    (hits,) = index.search(query, 5, allowed=allowed, approximate=True)
    assert sorted(hit.id for hit in hits) == [0, 1, 2]


def test_a_reader_takes_neither_tensorflow_nor_keras(index):
    code = f"""
import sys, numpy as np
import kclip.retrieval.filters, kclip.retrieval.lists, kclip.retrieval.queries
from kclip import ImageIndex
hits = ImageIndex.open({str(index.folder)!r}).search(np.eye(1, 6), 3)[0]
loaded = {{name.split(".")[0] for name in sys.modules}}
print(len(hits), sorted(loaded & {{"tensorflow", "keras", "scipy", "sklearn", "matplotlib"}}))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "3 []\n", result.stderr
