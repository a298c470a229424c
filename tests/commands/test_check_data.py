import csv
import json
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from soft_images import encoded, soft_image, write_soft_images

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.commands.check_data import CheckData
from kclip.data.copies import fingerprinting
from kclip.errors import KclipError, UserError


@pytest.fixture(scope="module")
def mess(tmp_path_factory) -> Path:
    """Forty sound images and one of each kind of fault, with captions and labels."""
    folder = tmp_path_factory.mktemp("mess")
    photos = folder / "photos"
    write_soft_images(photos, range(40))
    files = {
        "copy_a.png": (photos / "000.png").read_bytes(),
        "copy_b.jpg": encoded(soft_image(1), "JPEG", quality=60),
        "copy_c.png": encoded(ImageOps.mirror(soft_image(2))),
        "tiny.png": encoded(soft_image(50, 20, 24)),
        "long.png": encoded(soft_image(51, 600, 90)),
        "plain.png": encoded(Image.new("RGB", (90, 60), "#446688")),
    }
    for name, data in files.items():
        (photos / name).write_bytes(data)
    names = sorted(path.name for path in photos.iterdir())
    rows = [f"{name},scene number {row}" for row, name in enumerate(names)]
    rows += ["001.png,scene number 1", "003.png,nan", "004.png," + 80 * "word "]
    rows += [f"{name},a photo" for name in names[:12]]
    (folder / "captions.csv").write_text("\n".join(["image,caption", *rows]))
    labels = [f"{name},{'cat' if row < 30 else 'dog'}" for row, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(["image,labels", *labels]))
    (folder / "test.txt").write_text("copy_a.png\ncopy_b.jpg\ncopy_c.png\n")
    (folder / "train.txt").write_text("\n".join(n for n in names if not n.startswith("copy")))
    return folder


def check(mess: Path, output: Path, **options) -> CheckData:
    lists = (f"train={mess}/train.txt", f"test={mess}/test.txt")
    tables = {"captions": mess / "captions.csv", "labels": mess / "labels.csv"}
    given = {**tables, "split_lists": lists, "output": output, "workers": 2} | options
    return CheckData(folder=mess / "photos", **given)


def found(output: Path) -> dict[str, str]:
    results = json.loads((output / "metrics.json").read_text())
    return {finding["kind"]: finding["level"] for finding in results["findings"]}


def test_everything_is_found_shown_and_listed(mess, tmp_path, capsys):
    output = tmp_path / "out"
    returned = check(mess, output).run()
    assert found(output) == {
        "copies across splits": "serious",
        "contradicting labels": "serious",
        "caption shared": "serious",
        "tiny image": "warning",
        "extreme shape": "warning",
        "one colour": "warning",
        "caption repeated": "warning",
        "left out": "warning",  # the caption "nan"
        "class without images": "note",
        "long text": "note",
    }
    results = json.loads((output / "metrics.json").read_text())
    assert json.loads(json.dumps(returned)) == results
    assert results["splits"]["test"] == {
        "images": 3,
        "captions": 3,
        "labels": 3,
        "unknown_labels": 0,
    }
    with (output / "copies.csv").open(newline="") as file:
        kinds = [(row["file_name"], row["copy_of"], row["kind"]) for row in csv.DictReader(file)]
    assert [kind for kind in kinds if kind[1]] == [
        ("copy_a.png", "000.png", "same file"),
        ("copy_b.jpg", "001.png", "nearly equal"),
        ("copy_c.png", "002.png", "mirrored"),
    ]
    report = (output / "report.md").read_text()
    for figure in ("copies", "examples", "classes", "captions"):
        assert f"({figure}.png)" in report
        with Image.open(output / f"{figure}.png") as image:
            image.load()
    assert "3 images of the 3 of test have copies in train." in capsys.readouterr().out


def test_a_second_run_opens_no_image_to_compare_it(mess, tmp_path, monkeypatch):
    check(mess, tmp_path / "out").run()
    first = (tmp_path / "out/metrics.json").read_text()
    monkeypatch.setattr(fingerprinting, "fingerprint", lambda *_: pytest.fail("opened again"))
    check(mess, tmp_path / "out").run()
    assert (tmp_path / "out/metrics.json").read_text() == first


def test_strict_ends_with_an_error_where_something_is_serious(mess, tmp_path):
    with pytest.raises(KclipError, match="serious findings .copies across splits,") as error:
        check(mess, tmp_path / "out", strict=True).run()
    assert error.value.exit_code == 1
    assert (tmp_path / "out/report.md").is_file()
    write_soft_images(tmp_path / "sound", range(3))
    CheckData(folder=tmp_path / "sound", output=tmp_path / "sound_out", strict=True).run()
    assert found(tmp_path / "sound_out") == {}
    assert "Nothing." in (tmp_path / "sound_out/report.md").read_text()


def test_a_build_is_checked_as_the_folder_it_was_built_from(mess, tmp_path):
    lists = (f"train={mess}/train.txt", f"test={mess}/test.txt")
    BuildTFRecords(
        source="csv",
        images=mess / "photos",
        captions=mess / "captions.csv",
        labels=mess / "labels.csv",
        split_lists=lists,
        output=tmp_path / "records",
        max_rejected=0.5,
        workers=1,
    ).run()
    CheckData(folder=tmp_path / "records", output=tmp_path / "of_build", workers=1).run()
    check(mess, tmp_path / "of_folder").run()
    assert found(tmp_path / "of_build") == {
        kind: level for kind, level in found(tmp_path / "of_folder").items() if kind != "left out"
    }
    assert (tmp_path / "of_build/copies.png").is_file()


def test_tables_that_lie_beside_the_images_are_taken_and_named(tmp_path, caplog):
    write_soft_images(tmp_path / "data/images", range(3))
    (tmp_path / "data/captions.csv").write_text("image,caption\n000.png,a\n001.png,b\n")
    with caplog.at_level("INFO", "kclip"):
        results = CheckData(folder=tmp_path / "data", output=tmp_path / "out").run()
    assert results["splits"] == {
        "train": {"images": 2, "captions": 2, "labels": 0, "unknown_labels": 0}
    }
    assert "took captions.csv for the captions of the images in" in caplog.text


def test_images_without_a_row_of_labels_are_counted_and_named(tmp_path, capsys):
    write_soft_images(tmp_path / "data", range(4))
    captions = ["image,caption", *(f"00{n}.png,a picture of {n}" for n in range(4))]
    (tmp_path / "captions.csv").write_text("\n".join(captions))
    (tmp_path / "labels.csv").write_text("image,labels\n000.png,cat\n001.png,\n003.png,dog\n")
    tables = {"captions": tmp_path / "captions.csv", "labels": tmp_path / "labels.csv"}
    results = CheckData(folder=tmp_path / "data", output=tmp_path / "out", **tables).run()
    assert results["splits"]["train"]["unknown_labels"] == 1  # an empty cell says "none"
    (found,) = [one for one in results["findings"] if one["kind"] == "unknown labels"]
    assert found["examples"] == ["002.png"]
    assert "| split | images | captions | labels | unknown labels |" in capsys.readouterr().out


def test_plain_images_in_folders_of_splits(tmp_path):
    write_soft_images(tmp_path / "data/train", range(5))
    write_soft_images(tmp_path / "data/valid/images", range(4, 6))
    results = CheckData(folder=tmp_path / "data", output=tmp_path / "out").run()
    assert {split: own["images"] for split, own in results["splits"].items()} == {
        "train": 5,
        "validation": 2,
    }
    assert found(tmp_path / "out") == {"copies across splits": "serious"}


def test_class_folders_and_spellings(tmp_path):
    for name, seeds in (("train/Dog", range(12)), ("train/dog ", range(20, 32))):
        write_soft_images(tmp_path / "data" / name, seeds)
    write_soft_images(tmp_path / "data/test/Dog", range(40, 43))
    CheckData(folder=tmp_path / "data", output=tmp_path / "out").run()
    assert found(tmp_path / "out")["similar class names"] == "serious"


def test_options_that_have_no_meaning(mess, tmp_path):
    with pytest.raises(UserError, match="is not a folder; give TFRecords"):
        CheckData(folder=tmp_path / "nowhere").run()
    with pytest.raises(UserError, match="--year has no meaning for images without captions"):
        CheckData(folder=mess / "photos", year=2012, output=tmp_path / "out").run()
    with pytest.raises(UserError, match="--split-lists has no meaning with --source folders"):
        check(mess, tmp_path / "out", source="folders", captions=None, labels=None).run()
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    from tiny_models import tiny_dual_encoder, tiny_preprocessor

    folder = tmp_path_factory.mktemp("model") / "model"
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    return folder


def test_a_models_tokenizer_reads_the_texts(tmp_path, model):
    for name, seeds in (("red dog", range(12)), ("Red Dog", range(20, 32))):
        write_soft_images(tmp_path / "data" / name, seeds)
    CheckData(folder=tmp_path / "data", model=str(model), output=tmp_path / "out").run()
    assert found(tmp_path / "out")["equal tokens"] == "serious"
