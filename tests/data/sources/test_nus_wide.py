import pytest
from nus_wide_files import CONCEPTS, LABELS, SEEN, TRAIN, write_lines, write_nus_wide

from kclip.data.sources.nus_wide import NusWideClasses, read_nus_wide
from kclip.data.sources.text_files import read_list
from kclip.errors import UserError


@pytest.fixture
def root(tmp_path):
    return write_nus_wide(tmp_path / "NUS-WIDE")


@pytest.mark.real_data
def test_golden_lists_of_classes(kclip_data, goldens):
    classes = NusWideClasses.from_folder(kclip_data / "nus_wide")
    assert list(classes.seen) == read_list(goldens / "nus_wide/seen925.txt")
    assert list(classes.unseen) == read_list(goldens / "nus_wide/unseen81.txt")
    assert [*classes.seen, *classes.unseen] == read_list(goldens / "nus_wide/union1006.txt")
    assert (len(classes.seen), len(classes.unseen)) == (925, 81)


def test_each_image_has_its_seen_tags_and_its_concepts(root):
    source = read_nus_wide(root)
    assert {record.id: record.labels for record in source.records} == LABELS
    assert [record.file_name for record in source.records if record.split == "train"] == list(TRAIN)
    assert {record.split for record in source.records} == {"train", "test"}
    assert all(record.image == root / "Flickr" / record.id for record in source.records)
    assert source.rejections == []
    classes = NusWideClasses.from_folder(root)
    assert (list(classes.seen), list(classes.unseen)) == (SEEN, CONCEPTS)


def test_common_variants_of_the_layout(root, tmp_path):
    expected = read_nus_wide(root).records
    flat = write_nus_wide(tmp_path / "flat", truth="Groundtruth/TrainTestLabels", flat=True)
    (flat / "ConceptsList/Concepts81.txt").rename(flat / "Concepts81.txt")
    (flat / "Flickr").rename(flat / "images")
    records = read_nus_wide(flat).records
    assert [(r.id, r.labels, r.split) for r in records] == [
        (r.id, r.labels, r.split) for r in expected
    ]
    assert records[0].image == flat / "images/0001_11.jpg"
    (root / "Flickr").rename(tmp_path / "elsewhere")
    assert read_nus_wide(root, tmp_path / "elsewhere").records[5].image == (
        tmp_path / "elsewhere/zoo/0006_16.jpg"
    )


@pytest.mark.parametrize(
    "name",
    [
        "ImageList/TestImagelist.txt",
        "ConceptsList/Concepts81.txt",
        "NUS_WID_Tags/TagList1k.txt",
        "NUS_WID_Tags/All_Tags.txt",
        "TrainTestLabels/Labels_water_Test.txt",
    ],
)
def test_a_missing_file_is_named_with_where_to_get_it(root, name):
    (root / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing. NUS-WIDE is on lms.comp.nus.edu.sg"):
        read_nus_wide(root)


def test_missing_images_and_labels(root):
    (root / "Flickr").rename(root / "TrainTestLabels/Flickr")
    with pytest.raises(UserError, match="Flickr is missing. NUS-WIDE is on"):
        read_nus_wide(root)
    with pytest.raises(UserError, match="none of the 6 images"):
        read_nus_wide(root, root / "ImageList")
    (root / "TrainTestLabels").rename(root / "Labels")
    with pytest.raises(UserError, match="TrainTestLabels is missing"):
        read_nus_wide(root, root / "Labels/Flickr")


@pytest.mark.parametrize(("values", "found"), [("101", "3 lines with 0, 1"), ("1021", "0, 1, 2")])
def test_concepts_of_other_images(root, values, found):
    write_lines(root / "TrainTestLabels/Labels_fire_Train.txt", list(values))
    with pytest.raises(UserError, match=f"{found}; expected 0 or 1 for each of the 4 images"):
        read_nus_wide(root)


def test_tags_of_other_images(root):
    write_lines(root / "NUS_WID_Tags/All_Tags.txt", ["99 nature", ""])
    with pytest.raises(UserError, match="All_Tags.txt has none of the 6 images"):
        read_nus_wide(root)
