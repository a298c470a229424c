from pathlib import Path

import pytest

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.sources.selection import merge, select
from kclip.errors import UserError


def records(count, split="train"):
    return [
        ImageRecord(f"{split}{i}", f"{i}.jpg", b"", ("one", "two", "three"), (), split)
        for i in range(count)
    ]


def ids(split):
    return [record.id for record in split]


def test_the_order_depends_on_the_seed_alone():
    forward, backward = records(50), records(50)[::-1]
    assert select(forward, seed=1) == select(backward, seed=1)
    assert ids(select(forward, seed=1)["train"]) != ids(select(forward, seed=2)["train"])
    assert sorted(ids(select(forward, seed=1)["train"])) == sorted(ids(forward))


def test_limits_are_per_split_and_keep_the_beginning():
    everything = records(9) + records(9, "validation")
    whole = select(everything, seed=0)
    cut = select(everything, seed=0, max_images={"": 5, "validation": 2})
    assert cut["train"] == whole["train"][:5]
    assert cut["validation"] == whole["validation"][:2]
    with pytest.raises(UserError, match="no split 'dev'; the splits are train, validation"):
        select(everything, seed=0, max_images={"dev": 1})


def test_first_captions_are_kept():
    assert select(records(1), seed=0, captions_per_image=2)["train"][0].captions == ("one", "two")


def test_a_validation_fraction_divides_the_training_images():
    splits = select(records(10), seed=0, validation_fraction=0.3)
    assert (len(splits["train"]), len(splits["validation"])) == (7, 3)
    assert sorted(ids(splits["train"]) + ids(splits["validation"])) == sorted(ids(records(10)))
    assert {record.split for record in splits["validation"]} == {"validation"}


def test_a_validation_fraction_must_make_sense():
    with pytest.raises(UserError, match="is 0;"):
        select(records(3), seed=0, validation_fraction=0.1)
    with pytest.raises(UserError, match="has a split 'validation' already"):
        select(records(9) + records(1, "validation"), seed=0, validation_fraction=0.5)


def test_copies_stay_on_one_side_of_a_sampled_split():
    # Forty images, of which 0 and 1, 2 and 3, ... are copies of each other.
    def pairs(asked):
        return [int(record.id.removeprefix("train")) // 2 for record in asked]

    splits = select(records(40), seed=0, validation_fraction=0.2, group_copies=pairs)
    sides = {split: {int(id[5:]) // 2 for id in ids(own)} for split, own in splits.items()}
    assert not sides["train"] & sides["validation"]
    assert {split: len(own) for split, own in splits.items()} == {"train": 32, "validation": 8}
    again = select(records(40)[::-1], seed=0, validation_fraction=0.2, group_copies=pairs)
    assert again == splits


def test_without_copies_the_sample_is_what_it_was():
    plain = select(records(30), seed=3, validation_fraction=0.3)
    grouped = select(records(30), seed=3, validation_fraction=0.3, group_copies=lambda a: range(30))
    assert plain == grouped


def test_only_images_that_are_built_are_compared():
    asked = []

    def group(pool):
        asked.extend(pool)
        return range(len(pool))

    limits = {"train": 4, "validation": 2}
    select(records(50), seed=0, validation_fraction=0.2, max_images=limits, group_copies=group)
    assert len(asked) == 6
    asked.clear()
    select(records(5) + records(5, "validation"), seed=0, group_copies=group)
    assert not asked


def test_a_fraction_smaller_than_any_group_of_copies():
    with pytest.raises(UserError, match="is 1, but each has copies, .* of copies has 3 images"):
        select(records(9), seed=0, validation_fraction=0.1, group_copies=lambda a: [0, 1, 2] * 3)


def source(*found):
    return Source(
        [ImageRecord(id_, name, Path(name), split=split) for id_, name, split in found], []
    )


def test_merge_rejects_later_records_of_one_id_or_one_file():
    first = source(("0", "a.jpg", "train"), ("0", "b.jpg", "train"))
    second = source(("9", "a.jpg", "validation"))
    merged = merge([first, Source(second.records, [Rejection("x", "y")])])
    assert [record.file_name for record in merged.records] == ["a.jpg"]
    assert merged.rejections == [
        Rejection("x", "y"),
        Rejection("b.jpg", "duplicate id: 0 is in train already"),
        Rejection("a.jpg", "duplicate id: a.jpg is in train already"),
    ]


def test_splits_that_number_their_images_alike_keep_them_all():
    found = [(str(n), f"train/{n}.jpg", "train") for n in range(3)]
    found += [(str(n), f"valid/{n}.jpg", "validation") for n in range(2, 5)]
    merged = merge([source(*found[:3]), source(*found[3:])])
    assert [record.id for record in merged.records] == [
        "0", "1", "2", "validation/2", "validation/3", "validation/4",
    ]  # fmt: skip
    assert merged.rejections == []
    assert "ids of the split 'validation'" in merged.notes[0]
