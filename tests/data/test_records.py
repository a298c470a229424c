from kclip.data.image_record import ImageRecord


def test_digests_know_ignored_labels_only_where_there_are_some():
    record = ImageRecord("7", "7.png", b"", ("a dot",), ("dog",), "train")
    assert record.texts == ["7", "7.png", ("a dot",), ("dog",)]  # as before they existed
    unsure = ImageRecord("7", "7.png", b"", ("a dot",), ("dog",), "train", ("cat",))
    assert unsure.texts == ["7", "7.png", ("a dot",), ("dog",), ("cat",)]
