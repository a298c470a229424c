import io
import os
import tarfile

import pytest
from fake_embedder import write_color_images

from kclip.data.collections.collecting import collect
from kclip.data.images.opening import ImageError
from kclip.errors import UserError


@pytest.fixture
def images(tmp_path):
    write_color_images(tmp_path / "images", per_color=1)
    return tmp_path / "images"


@pytest.fixture
def tar(images, tmp_path):
    """As webdataset has them: images and what is known of them, in one plain tar."""
    with tarfile.open(tmp_path / "shard.tar", "w") as file:
        for path in sorted(images.iterdir()):
            file.add(path, f"000/{path.name}")
            text = tarfile.TarInfo(f"000/{path.stem}.txt")
            text.size = 3
            file.addfile(text, io.BytesIO(b"red"))
    return tmp_path / "shard.tar"


def test_a_folder_gives_what_the_files_say(images):
    places = collect([images]).places
    assert [place.name for place in places] == sorted(path.name for path in images.iterdir())
    for place in places:
        path = images / place.name
        status = path.stat()
        assert place.read() == path.read_bytes() and place.source == path
        assert (place.size, place.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_a_tar_gives_the_bytes_of_its_images_alone(images, tar):
    places = collect([tar]).places
    assert [place.name for place in places] == [f"000/{n}" for n in sorted(os.listdir(images))]
    for place in places:
        assert place.read() == place.source == (images / os.path.basename(place.name)).read_bytes()


def test_an_archive_that_has_changed_is_not_read_at_old_positions(tar):
    (place, *_) = collect([tar]).places
    os.utime(tar, ns=(1, 1))
    with pytest.raises(ImageError, match="has changed"):
        place.read()


def test_records_give_the_bytes_of_their_images(example_files):
    from kclip.data.records.reading import iterate_split

    places = collect(["tfrecords/synthetic"]).places
    records = [
        record
        for split in ("train", "validation")
        for record in iterate_split(example_files / "tfrecords/synthetic", split)
    ]
    assert {(place.name, place.read()) for place in places} == {
        (record.file_name, record.image) for record in records
    }
    assert len(places) == len(records) == 9


def test_a_list_names_files_from_its_own_folder(images, tmp_path):
    absolute = str(images / "blue_0.png")
    (tmp_path / "list.txt").write_text(f"images/red_0.png\n\n{absolute}\nimages/gone.png\n")
    found = collect([tmp_path / "list.txt"])
    assert [place.path for place in found.places] == [str(images / "red_0.png"), absolute]
    ((path, reason),) = found.left_out
    assert path == str(images / "gone.png") and reason.startswith("missing")


def test_an_image_of_two_sources_is_taken_once(images, tar, tmp_path):
    (tmp_path / "list.txt").write_text("images/red_0.png\n")
    places = collect([images, tmp_path / "list.txt", tar]).places
    assert len(places) == 12 and sum(place.name == "red_0.png" for place in places) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "nowhere is not a folder of images; give one"),
        ("images/red_0.png", "is not a folder of images"),
        ("empty.txt", "names no images that are there"),
        ("gone.txt", "no images that are there .the first: .*gone.png: missing"),
        ("broken.tar", "can't be read as a tar"),
        ("squeezed.tar", "can't be read as a tar .* not compressed"),
    ],
)
def test_sources_that_are_none(images, tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "gone.txt").write_text("gone.png")
    (tmp_path / "broken.tar").write_bytes(b"no tar")
    with tarfile.open(tmp_path / "squeezed.tar", "w:gz") as file:
        file.add(images, "images")
    with pytest.raises(UserError, match=message):
        collect([source])


def test_a_folder_in_another_is_refused(images, tmp_path):
    (images / "more").mkdir()
    for sources in ([images, images / "more"], [images / "more", images], [images, images]):
        with pytest.raises(UserError, match="lies in .* give one of them"):
            collect(sources)
