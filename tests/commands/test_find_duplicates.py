import csv
import shutil

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from PIL import Image, ImageOps

from kclip.cli import main
from kclip.retrieval.duplicates import likely_copies
from kclip.retrieval.index import ImageIndex


def photograph(seed):
    """Soft blobs, which have low frequencies to be known by."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture
def index(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for number in range(5):
        photograph(number).save(f"images/{number}.png")
    shutil.copy("images/0.png", "images/twin.png")
    photograph(1).save("images/small.jpg", quality=60)
    ImageOps.mirror(photograph(2)).save("images/turned.png")
    return ImageIndex.build("index", FakeEmbedder(), ["images"])


def test_groups_with_their_kinds(index, capsys):
    main("find_duplicates", ["--index", "index", "--output", "out", "--min-cosine", "0.5"])
    assert "6 images are in 3 groups of copies" in capsys.readouterr().out
    with open("out/duplicates.csv", newline="") as file:
        found = {
            tuple(sorted((row["file"], row["copy_of"]))): row["kind"]
            for row in csv.DictReader(file)
        }
    pairs = {pair: kind for pair, kind in found.items() if kind}
    assert pairs == {
        ("images/0.png", "images/twin.png"): "same file",
        ("images/1.png", "images/small.jpg"): "nearly equal",
        ("images/2.png", "images/turned.png"): "mirrored",
    }
    assert {path.name for path in index.folder.parent.joinpath("out").iterdir()} == {
        "metrics.json", "report.md", "duplicates.csv", "groups_01.png"
    }  # fmt: skip
    assert len(list(index.folder.parent.joinpath("images").iterdir())) == 8


@pytest.mark.parametrize("blocks", [(1024, 8192), (3, 2), (2, 5)])
def test_likely_copies_are_those_with_a_near_neighbour(index, monkeypatch, blocks):
    monkeypatch.setattr("kclip.retrieval.duplicates._ROWS", blocks[0])
    monkeypatch.setattr("kclip.retrieval.duplicates._COLUMNS", blocks[1])
    rows = index.embeddings(index.ids())
    for cosine in (0.99, 0.999, 0.99999):
        expected = [
            i for i in range(8) if any(rows[i] @ rows[j] >= cosine for j in range(8) if i != j)
        ]
        assert likely_copies(index, cosine).tolist() == expected
    assert likely_copies(index, 0.99999).tolist() != []


def test_images_that_are_gone_are_counted(index, capsys):
    for name in ("0.png", "twin.png"):
        (index.folder.parent / "images" / name).unlink(missing_ok=True)
        shutil.rmtree("out", ignore_errors=True)
    main("find_duplicates", ["--index", "index", "--output", "out", "--min-cosine", "0.5"])
    assert "4 images are in 2 groups" in capsys.readouterr().out
