from pathlib import Path

import pytest

from kclip.data.image_record import UNKNOWN, ImageRecord, Rejection
from kclip.data.sources.csv import read_csv_source
from kclip.data.sources.reading_options import ReadingOptions
from kclip.errors import UserError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).touch()  # readers never open images
    return folder


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def tags(tmp_path):
    return write(tmp_path / "tags.csv", "image,tags\na.jpg,dog snow\n./b.jpg,\n,lost\nc.jpg,cat\n")


def test_collects_the_captions_of_each_image(tmp_path, images):
    text = '\ufeffimage,caption\na.jpg," Two, in quotes "\nb.jpg,B\n./a.jpg,third\n'
    source = read_csv_source(images, write(tmp_path / "c.csv", text), None)
    assert source.records == [
        ImageRecord("a.jpg", "a.jpg", images / "a.jpg", ("Two, in quotes", "third")),
        ImageRecord("b.jpg", "b.jpg", images / "b.jpg", ("B",)),
    ]
    assert (source.rejections, source.notes) == ([], ())


def test_a_cell_that_is_a_list_is_several_captions(tmp_path, images):
    text = "image,caption\na.jpg,\"['A dog', 'Two, of them']\"\n" + 'b.jpg,"[""B"", """"]"\n'
    source = read_csv_source(images, write(tmp_path / "c.csv", text), None)
    assert [r.captions for r in source.records] == [("A dog", "Two, of them"), ("B",)]
    assert source.rejections == [Rejection("b.jpg", "empty caption")]


def test_names_every_bad_row(tmp_path, images):
    text = 'image,caption\na.jpg,good\na.jpg,  \nb.jpg\n,nameless\nc.jpg,NaN\nb.jpg,"open\n'
    source = read_csv_source(images, write(tmp_path / "c.csv", text), None)
    assert [(r.id, r.captions) for r in source.records] == [("a.jpg", ("good",))]
    assert sorted((r.file_name, r.reason) for r in source.rejections) == [
        ("a.jpg", "empty caption"),
        ("c.csv line 4", "too few cells: 1, expected 2"),
        ("c.csv line 5", "no file name"),
        ("c.csv line 7", 'a quote that is never closed: b.jpg,"open'),
        ("c.jpg", "empty caption: it says 'NaN'"),
    ]


def test_takes_only_listed_images_and_says_so(tmp_path, images):
    table = write(tmp_path / "c.csv", "image,caption\na.jpg,A\nb.jpg,B\nc.jpg,C\n")
    lists = {
        "train": write(tmp_path / "train.txt", "a\n\n"),
        "dev": write(tmp_path / "dev.txt", "b.jpg\na.jpg\nnew.jpg"),
    }
    source = read_csv_source(images, table, None, lists)
    assert [(r.id, r.split) for r in source.records] == [("a.jpg", "train"), ("b.jpg", "dev")]
    assert source.rejections == [
        Rejection("a.jpg", "duplicate id: listed for dev, but in train already"),
        Rejection("new.jpg", "no row: listed in dev.txt only"),
    ]
    assert source.notes == ("1 of 3 images of c.csv are in no list and were left aside",)


def test_a_column_of_splits(tmp_path, images):
    text = "image,caption,split,size\na.jpg,A,Train,1\nb.jpg,B,val,2\nb.jpg,B2,test,2\n"
    table = write(tmp_path / "c.csv", text)
    source = read_csv_source(images, table, None)
    assert [r.split for r in source.records] == ["train", "validation"]
    assert source.rejections == [
        Rejection("c.csv line 4", "duplicate id: b.jpg is in validation already")
    ]
    assert source.notes == ("c.csv: columns left aside: 'size'",)
    with pytest.raises(UserError, match="has a column of splits and --split-lists is given"):
        read_csv_source(images, table, None, {"train": write(tmp_path / "t.txt", "a.jpg")})


def test_flickr30k_as_it_is_published(tmp_path, images):
    text = "image_name| comment_number| comment\na.jpg| 0| A dog, running .\na.jpg| 1   A cat\n"
    source = read_csv_source(images, write(tmp_path / "results.csv", text), None)
    assert [r.captions for r in source.records] == [("A dog, running .",)]
    assert source.rejections == [
        Rejection("results.csv line 3", "too few cells: 2, expected 3")  # an error of the original
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,words\na.jpg,A\n", "'file', 'words'; expected 'image', 'caption'"),
        ("a.jpg,A\nb.jpg,B\n", "'a.jpg', 'A'; expected 'image', 'caption' .* --image-column"),
        ("", "nothing; expected"),
        ("image,caption\nz.jpg,A\n", "none of the 1 images .* z.jpg"),
        ("image,caption\n", "leads to no image"),
        ("image,caption,text\na.jpg,A,B\n", "'caption', 'text'; say which one by --caption-column"),
    ],
)
def test_errors_say_what_to_do(tmp_path, images, text, message):
    with pytest.raises(UserError, match=message):
        read_csv_source(images, write(tmp_path / "c.csv", text), None)


def test_missing_inputs(tmp_path, images):
    table = write(tmp_path / "c.csv", "image,caption\na.jpg,A\n")
    with pytest.raises(UserError, match="no such file"):
        read_csv_source(images, tmp_path / "none.csv", None)
    with pytest.raises(UserError, match="is not a folder"):
        read_csv_source(tmp_path / "none", table, None)
    with pytest.raises(UserError, match="neither captions nor labels are given"):
        read_csv_source(images, None, None)


def test_labels_alone(images, tags):
    source = read_csv_source(images, None, tags)
    assert source.records == [
        ImageRecord("a.jpg", "a.jpg", images / "a.jpg", (), ("dog", "snow")),
        ImageRecord("b.jpg", "b.jpg", images / "b.jpg", (), ()),
        ImageRecord("c.jpg", "c.jpg", images / "c.jpg", (), ("cat",)),
    ]
    assert source.rejections == [Rejection("tags.csv line 4", "no file name")]


def test_labels_with_lists(images, tags, tmp_path):
    lists = {
        "train": write(tmp_path / "train.txt", "a.jpg\n"),
        "dev": write(tmp_path / "dev.txt", "c.jpg\nz.jpg\n"),
    }
    source = read_csv_source(images, None, tags, lists)
    assert [(r.id, r.split) for r in source.records] == [("a.jpg", "train"), ("c.jpg", "dev")]
    assert Rejection("z.jpg", "no row: listed in dev.txt only") in source.rejections


def test_images_without_a_row_of_labels_are_unknown(tmp_path, images):
    captions = write(tmp_path / "c.csv", "image,caption\na.jpg,A\nb.jpg,B\nc.jpg,C\n")
    labels = write(tmp_path / "l.csv", "image,labels\nimages/a.JPG,cat\nb.jpg,\ngone.jpg,dog\n")
    source = read_csv_source(images, captions, labels)
    assert [(r.labels, r.ignored_labels) for r in source.records] == [
        (("cat",), ()),
        ((), ()),  # an empty cell: it shows none of the classes
        ((), (UNKNOWN,)),  # no row: nobody knows
    ]
    assert source.rejections == [
        Rejection("gone.jpg", "labels for an unknown image: l.csv", loses_image=False)
    ]
    assert "no labels for 1 of 3 images (such as c.jpg)" in source.notes[0]
    assert "without captions: 1 (such as gone.jpg)" in source.notes[1]
    with pytest.raises(UserError, match="labels for none of the 3 images"):
        read_csv_source(images, captions, write(labels, "image,labels\ngone.jpg,dog\n"))


def test_labels_of_captioned_images_in_no_list_are_no_strangers(tmp_path, images, tags):
    captions = write(tmp_path / "c.csv", "image,caption\na.jpg,A\nb.jpg,B\nc.jpg,C\n")
    lists = {"train": write(tmp_path / "train.txt", "a.jpg\n")}
    source = read_csv_source(images, captions, tags, lists)
    assert [item.file_name for item in source.rejections] == ["tags.csv line 4"]


def test_options_reach_both_tables(tmp_path, images):
    captions = write(tmp_path / "c.csv", "file;note\na.jpg;A\n")
    labels = write(tmp_path / "l.csv", "file;class\na.jpg;x, y\n")
    options = ReadingOptions(
        image_column="file",
        caption_column="note",
        labels_column="class",
        separator="semicolon",
        label_separator="comma",
    )
    (record,) = read_csv_source(images, captions, labels, {}, options).records
    assert (record.captions, record.labels) == (("A",), ("x", "y"))
