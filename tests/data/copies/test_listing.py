from kclip.data.copies.listing import count_shared, describe_copies, list_copies, write_copies
from kclip.data.copies.search import MIRRORED, NEARLY, SAME_FILE, CopyPair

NAMES = ["a", "b", "c", "d", "e", "f"]
SPLITS = ["train", "train", "train", "validation", "validation", "test"]
# a and b; c and d, d and f, hence c and f
PAIRS = [
    CopyPair(0, 1, NEARLY, 30),
    CopyPair(2, 3, SAME_FILE),
    CopyPair(2, 5, NEARLY, 40),
    CopyPair(3, 5, MIRRORED, 12),
]


def test_groups_across_splits_come_first_and_name_the_nearest_copy():
    listed = list_copies(NAMES, SPLITS, PAIRS)
    assert [
        (copy.group, copy.shared, copy.split, copy.file_name, copy.copy_of, copy.kind)
        for copy in listed
    ] == [
        (1, True, "train", "c", "", ""),
        (1, True, "validation", "d", "c", SAME_FILE),
        (1, True, "test", "f", "d", MIRRORED),
        (2, False, "train", "a", "", ""),
        (2, False, "train", "b", "a", NEARLY),
    ]


def test_shared_images_are_counted_by_group():
    counts = count_shared(list_copies(NAMES, SPLITS, PAIRS))
    assert counts[("validation", "train")] == counts[("test", "train")] == 1
    assert counts[("test", "validation")] == 1
    assert ("train", "train") not in counts


def test_the_summary_says_what_is_measured_on_training_images():
    assert describe_copies(list_copies(NAMES, SPLITS, PAIRS)) == (
        "5 images in 2 groups; 1 image of test has a copy in train; "
        "1 image of test has a copy in validation; 1 image of validation has a copy in train"
    )
    assert describe_copies([]) == "none"


def test_the_file_has_a_line_for_each_image(tmp_path):
    path = write_copies(tmp_path, list_copies(NAMES, SPLITS, PAIRS))
    assert path.name == "copies.csv"
    lines = path.read_text().splitlines()
    assert lines[0] == "group,across_splits,split,file_name,copy_of,kind"
    assert lines[2] == "1,yes,validation,d,c,same file"
    assert len(lines) == 6
