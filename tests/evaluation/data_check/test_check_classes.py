from kclip.evaluation.data_check.classes import check_classes, count_labels, similar_names

LABELS = [["dog"]] * 110 + [["cat"]] * 10 + [["cow", "dog"]] + [["Dog "], []]
SPLITS = ["train"] * 120 + ["test", "test", "train"]


def found(labels, splits):
    return {finding.kind: finding for finding in check_classes(labels, splits)}


def test_labels_are_counted_by_split():
    assert count_labels(LABELS, SPLITS) == {
        "Dog ": {"train": 0, "test": 1},
        "cat": {"train": 10, "test": 0},
        "cow": {"train": 0, "test": 1},
        "dog": {"train": 110, "test": 1},
    }


def test_spellings_of_one_name():
    assert similar_names(["T-shirt", "t shirt", "tshirt", "shirt"]) == [
        ["T-shirt", "t shirt", "tshirt"]
    ]
    assert similar_names(["naïve", "naive", "n", "+", "-"]) == [["naive", "naïve"]]


def test_findings_by_hand():
    findings = found(LABELS, SPLITS)
    assert findings["similar class names"].examples == ("Dog  / dog",)
    assert findings["similar class names"].level == "serious"
    imbalance = findings["class imbalance"]
    assert imbalance.message == "The largest class, dog, has 110 images, the smallest, cat, 10."
    assert "few images" not in findings
    absent = [f for f in check_classes(LABELS, SPLITS) if f.kind == "class without images"]
    assert [(f.level, f.examples) for f in absent] == [
        ("warning", ("Dog ", "cow")),  # none to train on
        ("note", ("cat",)),
    ]


def test_ten_times_as_many_images_and_ten_images_are_still_sound():
    assert found([["a"]] * 100 + [["b"]] * 10, ["train"] * 110) == {}
    findings = found([["a"]] * 100 + [["b"]] * 9, ["all"] * 109)
    assert set(findings) == {"class imbalance", "few images"}
    assert findings["few images"].examples == ("b: 9",)


def test_no_labels_at_all():
    assert found([[], []], ["train", "test"]) == {}
