import pytest

from kclip.data.sources.split_folders import split_names, split_of


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (
            "train",
            "train Train TRAINING training_set train2017 train_images trainset Train-Data",
        ),
        ("validation", "val valid Validation val2014 validation_images dev development"),
        ("test", "test Test testing test1 test_set TestImages seg_test holdout evaluation"),
        (None, "dog trains test_tube freight_train train_test steam_train contest valley devil"),
    ],
)
def test_the_split_that_a_name_stands_for(split, names):
    assert {name: split_of(name) for name in names.split()} == dict.fromkeys(names.split(), split)


def test_folders_with_the_same_other_words():
    names = ["asl_alphabet_train", "asl_alphabet_test"]
    assert split_names(names) == dict(zip(names, ("train", "test"), strict=True))
    assert split_names([*names, "docs"]) == {}
    assert split_names(["freight_train", "passenger_train"]) == {}


def test_two_folders_of_one_split_keep_their_names():
    assert split_names(["train", "Dev", "val", "test"]) == {
        "train": "train", "Dev": "dev", "val": "val", "test": "test",
    }  # fmt: skip
