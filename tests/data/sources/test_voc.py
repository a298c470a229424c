import pytest
from voc_files import CLASSES, IGNORED, LABELS, TEST, TRAINVAL, write_voc

from kclip.data.sources.voc import read_voc, voc_splits
from kclip.errors import UserError


def remove_test_labels(root):
    for name in CLASSES:
        (root / f"VOC2007/ImageSets/Main/{name}_test.txt").unlink()
    for id_ in TEST:
        (root / f"VOC2007/Annotations/{id_}.xml").unlink()


@pytest.mark.parametrize(
    "kinds", [{}, {"annotations": False}, {"class_lists": False}], ids=["both", "lists", "XML"]
)
def test_labels_from_lists_and_from_annotations(tmp_path, kinds):
    source = read_voc(write_voc(tmp_path, **kinds))
    assert {r.file_name: list(r.labels) for r in source.records} == LABELS
    assert {r.file_name: list(r.ignored_labels) for r in source.records if r.ignored_labels} == (
        IGNORED
    )
    expected = [*((id_, "train") for id_ in TRAINVAL), *((id_, "test") for id_ in TEST)]
    assert [(r.id, r.split) for r in source.records] == expected
    assert all(r.image == tmp_path / f"VOC2007/JPEGImages/{r.id}.jpg" for r in source.records)


def test_the_folder_of_the_year_may_lie_deeper_or_be_given_itself(tmp_path):
    write_voc(tmp_path / "VOCdevkit")
    assert len(read_voc(tmp_path).records) == 5
    assert len(read_voc(tmp_path / "VOCdevkit/VOC2007").records) == 5
    with pytest.raises(UserError, match="VOC2012 is missing"):
        read_voc(tmp_path, 2012)


def test_without_labels_of_test_there_are_train_and_validation(tmp_path):
    root = write_voc(tmp_path)
    remove_test_labels(root)
    assert voc_splits(root, 2007) == {"train": "train", "val": "validation"}
    splits = {record.id: record.split for record in read_voc(root).records}
    assert splits == {"000005": "train", "000009": "train", "000007": "validation"}
    (root / "VOC2007/ImageSets/Main/test.txt").unlink()
    assert voc_splits(root, 2007) == {"train": "train", "val": "validation"}


def test_damaged_files_are_named(tmp_path):
    root = write_voc(tmp_path)
    main = root / "VOC2007/ImageSets/Main"
    good = (main / "dog_trainval.txt").read_text()
    (main / "dog_trainval.txt").write_text(good.replace("000005  0", "000005  2"))
    with pytest.raises(UserError, match=r"dog_trainval.txt has the line '000005  2'; expected"):
        read_voc(root)
    (main / "dog_trainval.txt").write_text(good.replace("000005", "000006"))
    with pytest.raises(UserError, match="expected the same ones in both"):
        read_voc(root)
    (main / "trainval.txt").unlink()
    with pytest.raises(UserError, match="trainval.txt is missing. VOC is on"):
        read_voc(root)


def test_damaged_annotations_are_named(tmp_path):
    root = write_voc(tmp_path, class_lists=False)
    path = root / "VOC2007/Annotations/000007.xml"
    path.write_text("<annotation>")
    with pytest.raises(UserError, match="000007.xml is not XML"):
        read_voc(root)
    path.write_text("<annotation><object/></annotation>")
    with pytest.raises(UserError, match="000007.xml has an object without a name"):
        read_voc(root)
    path.unlink()
    with pytest.raises(UserError, match="000007.xml is missing"):
        read_voc(root)


def test_lists_name_no_files_elsewhere(tmp_path):
    root = write_voc(tmp_path)
    for path in (root / "VOC2007/ImageSets/Main").glob("*trainval.txt"):
        path.write_text(path.read_text().replace(min(TRAINVAL), "../../secret"))
    with pytest.raises(UserError, match="'../../secret.jpg' leads outside of"):
        read_voc(root)
