from kclip.data.copies.listing import list_copies
from kclip.data.copies.search import NEARLY, SAME_FILE, CopyPair
from kclip.evaluation.data_check.leaks import check_copies, contradicting_copies

NAMES = ["a", "b", "c", "d", "e"]
SPLITS = ["train", "train", "train", "test", "test"]
LISTED = list_copies(NAMES, SPLITS, [CopyPair(0, 3, NEARLY, 9), CopyPair(1, 2, SAME_FILE)])
LABELS = [["dog"], ["dog"], ["cat"], ["cat"], []]


def test_leaks_contradictions_and_copies_in_a_split():
    findings = {f.kind: f for f in check_copies(LISTED, {"train": 3, "test": 2}, LABELS)}
    leak = findings["copies across splits"]
    assert leak.level == "serious"
    assert leak.message == "1 image of the 2 of test has a copy in train."
    assert leak.examples == ("d (test) and a: nearly equal",) and leak.rows == (0, 3)
    assert findings["contradicting labels"].rows == (1, 2)
    assert findings["contradicting labels"].level == "serious"
    assert findings["contradicting labels"].examples == ("c: cat; b: dog",)
    within = findings["copies within a split"]
    assert within.message == "1 image of 5 is a copy of another in the same split."


def test_a_few_copies_in_a_large_split_are_a_warning():
    findings = check_copies(LISTED, {"train": 3, "test": 100}, [[]] * 5)
    assert [f.level for f in findings if f.kind == "copies across splits"] == ["warning"]


def test_one_contradiction_among_many_images_is_a_warning():
    labels = [*LABELS, *([["dog"]] * 200)]
    findings = check_copies(LISTED, {"train": 3, "test": 2}, labels)
    assert [f.level for f in findings if f.kind == "contradicting labels"] == ["warning"]


def test_nearly_equal_images_and_unlabelled_ones_contradict_nobody():
    assert [copy.file_name for copy in contradicting_copies(LISTED, LABELS)] == ["c"]
    assert contradicting_copies(LISTED, [["dog"], ["dog"], [], ["cat"], []]) == []


def test_no_copies_no_findings():
    assert check_copies([], {"train": 3}, LABELS) == []
