import os

import pytest
from image_files import noise_png

from kclip.data.image_record import Rejection
from kclip.data.images import kinds
from kclip.data.images.listing import find_images, list_images
from kclip.errors import UserError

PNG = noise_png(0)


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PNG)


def names_of(folder):
    return [path.relative_to(folder).as_posix() for path in find_images(folder).paths]


def test_images_are_sorted_and_looked_for_in_all_folders(tmp_path):
    write(tmp_path, "b.JPG", "a/z.png", "a/notes.txt", "a.b/c.jpg/d.Jpeg")
    assert list_images(tmp_path) == [
        tmp_path / "a/z.png", tmp_path / "a.b/c.jpg/d.Jpeg", tmp_path / "b.JPG"
    ]  # fmt: skip


def test_a_folder_with_images_is_wanted(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        list_images(tmp_path / "none")
    with pytest.raises(UserError, match="holds no images; expected files such as .jpg"):
        list_images(tmp_path)


def test_what_systems_and_programs_leave_is_no_image_and_is_counted(tmp_path, caplog):
    caplog.set_level("INFO")
    write(tmp_path, "cat/1.jpg", "cat/._1.jpg", ".DS_Store", "Thumbs.db", ".thumbnails/1.jpg")
    write(tmp_path, "__MACOSX/cat/._1.jpg", "cat/@eaDir/1.jpg", ".ipynb_checkpoints/1.jpg")
    listing = find_images(tmp_path)
    assert names_of(tmp_path) == ["cat/1.jpg"]
    assert listing.hidden == (
        ".ipynb_checkpoints", ".thumbnails", "__MACOSX", "cat/._1.jpg", "cat/@eaDir"
    )  # fmt: skip
    list_images(tmp_path)
    assert "5 hidden or system files and folders are passed over" in caplog.text


def test_links_to_folders_are_followed(tmp_path):
    write(tmp_path, "store/a/1.jpg", "store/a/deep/2.jpg", "data/real/3.jpg")
    (tmp_path / "data/link").symlink_to("../store/a")
    (tmp_path / "data/file.jpg").symlink_to("../store/a/1.jpg")
    found = ["file.jpg", "link/1.jpg", "link/deep/2.jpg", "real/3.jpg"]
    assert names_of(tmp_path / "data") == found


def test_loops_end_and_no_folder_is_read_twice(tmp_path):
    write(tmp_path, "data/a/1.jpg", "store/b/2.jpg")
    data = tmp_path / "data"
    for name, target in (
        ("a/up", ".."), ("self", "."), ("twin", "a"), ("all", "/"), ("b", "../store/b"),
        ("b_too", "../store/b"), ("nothing", "gone"), ("gone.jpg", "gone"),
    ):  # fmt: skip
        (data / name).symlink_to(target)
    (tmp_path / "store/b/back").symlink_to("../../data")
    assert names_of(data) == ["a/1.jpg", "b/2.jpg"]
    assert find_images(data).left_out == tuple(
        Rejection(name, reason, loses_image=reason.startswith("missing"))
        for name, reason in (
            ("a/up", "a link to a folder that holds this one"),
            ("all", "a link to a folder that holds this one"),
            ("b/back", "a link to a folder that holds this one"),
            ("b_too", "a link to b, whose images are taken already"),
            ("gone.jpg", "missing: a link to nothing"),
            ("nothing", "missing: a link to nothing"),
            ("self", "a link to a folder that holds this one"),
            ("twin", "a link to a, whose images are taken already"),
        )
    )


def test_kinds_that_cannot_be_read_are_named_with_what_to_do(tmp_path, caplog, monkeypatch):
    suffixes = kinds.readable_suffixes() - {".heic"}
    monkeypatch.setattr(kinds, "readable_suffixes", lambda: suffixes)
    write(tmp_path, "1.jpg", "2.HEIC", "3.cr2", "4.jxl", "5.jp2", "6.tga", "7.pbm")
    (tmp_path / "8").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    assert list_images(tmp_path) == [
        tmp_path / name for name in ("1.jpg", "5.jp2", "6.tga", "7.pbm")
    ]
    assert caplog.messages == [
        "left out: 2.HEIC: unreadable kind: .heic needs pillow-heif; run: pip install pillow-heif",
        "left out: 3.cr2: unreadable kind: .cr2 is a camera's raw file; export it as .jpg",
        "left out: 4.jxl: unreadable kind: .jxl is of a kind that can't be read here; "
        "convert it to .jpg or .png",
        "left out: 8: unreadable kind: HEIC needs pillow-heif; run: pip install pillow-heif",
    ]


def test_a_folder_of_nothing_but_unreadable_kinds_says_so(tmp_path):
    write(tmp_path, "1.cr2", "2.CR2")
    with pytest.raises(UserError, match="no images but 2 that can't be read here .*raw file"):
        list_images(tmp_path)


@pytest.mark.parametrize("name", ["IMG_6", "photo.jpg_large", "image.png?w=640", "a.download"])
def test_an_image_whose_suffix_says_nothing_is_known_by_its_bytes(tmp_path, name):
    write(tmp_path, name, "7.jpg")
    (tmp_path / "README").write_text("BM and GIF are words here")
    (tmp_path / "labels.txt").write_bytes(PNG)
    assert names_of(tmp_path) == ["7.jpg", name]


def test_a_name_that_is_not_utf_8(tmp_path):
    write(tmp_path, os.fsdecode(b"caf\xe9.jpg"), "x.jpg")
    (tmp_path / os.fsdecode(b"caf\xe9")).symlink_to("gone")
    listing = find_images(tmp_path)
    assert len(listing.paths) == 2
    listing.left_out[0].file_name.encode("utf-8")  # can be written


def test_pipes_and_devices_are_left_out_and_named(tmp_path):
    write(tmp_path, "1.jpg")
    os.mkfifo(tmp_path / "2.jpg")
    (tmp_path / "3.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "notes")
    listing = find_images(tmp_path)
    assert [path.name for path in listing.paths] == ["1.jpg"]
    assert {(fault.file_name, fault.reason) for fault in listing.left_out} == {
        ("2.jpg", "not an image: a pipe, socket or device"),
        ("3.png", "not an image: a pipe, socket or device"),
    }
