from kclip.data.image_record import ImageRecord


def test_digests_know_all_texts():
    record = ImageRecord("7", "7.png", b"", ("a dot",), ("dog",), "train", ("cat",))
    assert record.texts == ["7", "7.png", ("a dot",), ("dog",), ("cat",)]
