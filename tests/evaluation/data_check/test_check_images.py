import numpy as np
from PIL import Image
from soft_images import encoded, soft_image

from kclip.data.copies.fingerprint import FINGERPRINT, fingerprint
from kclip.evaluation.data_check.images import check_images, size_statistics


def test_tiny_extreme_plain_and_unreadable_images():
    images = [
        soft_image(0),
        soft_image(1, 31, 60),
        soft_image(2, 201, 50),
        soft_image(3, 200, 50),
        Image.new("RGB", (64, 64), "#4080c0"),
    ]
    rows = np.stack([*(fingerprint(encoded(image)) for image in images), np.zeros((), FINGERPRINT)])
    findings = check_images(rows, {5: "truncated"}, ["a", "b", "c", "d", "e", "f"])
    assert {finding.kind: (finding.level, finding.examples) for finding in findings} == {
        "unreadable image": ("serious", ("f: truncated",)),
        "tiny image": ("warning", ("b: 31 x 60",)),
        "extreme shape": ("warning", ("c: 201 x 50",)),
        "one colour": ("warning", ("e",)),
    }


def test_one_of_many_unreadable_images_is_no_serious_thing():
    rows = np.stack([fingerprint(encoded(soft_image(0)))] * 100)
    (finding,) = check_images(rows, {7: "empty"}, [str(row) for row in range(100)])
    assert finding.level == "warning"


def test_sizes_leave_out_what_cannot_be_read():
    rows = np.zeros(4, FINGERPRINT)
    rows["height"], rows["width"] = (10, 20, 0, 60), (30, 50, 0, 40)
    assert size_statistics(rows) == {"height": [10, 20, 60], "width": [30, 40, 50]}
    assert size_statistics(rows[2:3]) == {"height": [0, 0, 0], "width": [0, 0, 0]}
