import os
from datetime import datetime

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.config.search import SearchFilters
from kclip.errors import UserError
from kclip.retrieval.filters import allowed_rows
from kclip.retrieval.index import ImageIndex

TABLE = """image,labels,note
a/red_0.png,"['warm', 'wall']",x
blue_0.png,cold; sea,y
b/grey_0.png,wall,
gone.png,wall,
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """a/ has images of 24 pixels of 1 May, b/ of 8 pixels of 2 May; one of them is removed."""
    folder = tmp_path_factory.mktemp("filters")
    for name, size, day in (("a", 24, 1), ("b", 8, 2)):
        write_color_images(folder / "images" / name, per_color=1, size=size)
        for path in (folder / "images" / name).iterdir():
            os.utime(path, ns=(int(datetime(2024, 5, day, 12).timestamp()) * 10**9,) * 2)
    (folder / "images" / "b" / "blue_0.png").rename(folder / "images" / "b" / "azure.png")
    (folder / "table.csv").write_text(TABLE)
    built = ImageIndex.build(folder / "index", FakeEmbedder(), [folder / "images"])
    (folder / "images" / "b" / "azure.png").unlink()
    return built.update(FakeEmbedder())


def found(index, **filters):
    allowed = allowed_rows(index, SearchFilters(**filters))
    (hits,) = index.search(np.ones((1, 6)), 20, allowed=allowed)
    return sorted(hit.file_name for hit in hits)


def names(folder, *colors):
    return sorted(f"{folder}/{color}_0.png" for color in colors)


ALL = ("red", "green", "blue", "yellow", "purple", "grey")
WARM = ("red", "green", "yellow", "purple", "grey")


def test_without_filters_nothing_is_looked_up(index):
    assert allowed_rows(index, SearchFilters()) is None


def test_folders_days_and_sizes(index):
    root = index.folder.parent / "images"
    assert found(index, below=root / "a") == names("a", *ALL)
    assert found(index, below=root / "b") == names("b", *WARM)
    assert len(found(index, below=root)) == 11
    assert found(index, below=index.folder.parent / "imag") == []
    assert found(index, after="2024-05-02") == found(index, below=root / "b")
    assert found(index, before="2024-05-02") == found(index, below=root / "a")
    assert found(index, min_side=9) == names("a", *ALL)
    assert found(index, min_side=8, after="2024-05-02") == names("b", *WARM)


def test_columns_of_a_table(index, caplog):
    table = index.folder.parent / "table.csv"
    assert found(index, table=table) == ["a/blue_0.png", "a/red_0.png", "b/grey_0.png"]
    assert "1 images of" in caplog.text and "gone.png" in caplog.text
    assert found(index, table=table, where=("labels=wall",)) == ["a/red_0.png", "b/grey_0.png"]
    assert found(index, table=table, where=("labels=sea",)) == ["a/blue_0.png"]
    assert found(index, table=table, where=("labels=wall", "note=x")) == ["a/red_0.png"]
    assert found(index, table=table, where=("labels=nothing",)) == []


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (TABLE, "colour=red", "--where is 'colour=red'; give COLUMN=VALUE .* 'labels', 'note'"),
        (TABLE, "labels", "give COLUMN=VALUE"),
        ("file;x\nred_0.png;1\n", "x=1", "has no column of images; it has 'file', 'x'"),
        (
            "image,x\nred_0.png,1\n",
            "x=1",
            "names red_0.png, which are .*red_0.png and .*red_0.png; write",
        ),
    ],
)
def test_tables_that_do_not_say_it(index, tmp_path, text, where, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        found(index, table=tmp_path / "table.csv", where=(where,))


def test_days_that_do_not_exist_and_conditions_without_a_table(index):
    with pytest.raises(UserError, match="--after is '2024-02-30', a day that does not exist"):
        found(index, after="2024-02-30")
    with pytest.raises(UserError, match="give the table as --table"):
        found(index, where=("a=b",))
