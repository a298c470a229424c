import numpy as np
from soft_images import encoded, soft_image, write_soft_images

from kclip.data.copies import fingerprinting
from kclip.data.copies.fingerprint import FINGERPRINT, fingerprint
from kclip.data.copies.fingerprinting import Fingerprinter


def test_rows_are_in_order_and_faults_are_named(tmp_path):
    paths = write_soft_images(tmp_path, range(5))
    paths[2].write_bytes(b"no image")
    images = [*paths, tmp_path / "missing.png", encoded(soft_image(9))]
    rows, faults = Fingerprinter()(images, len(images))
    assert faults == {2: "not an image", 5: "missing"}
    for row, image in enumerate(images):
        expected = np.zeros((), FINGERPRINT) if row in faults else fingerprint(image)
        assert rows[row] == expected


def test_nothing_is_read_twice_but_what_has_changed(tmp_path, monkeypatch):
    paths = write_soft_images(tmp_path / "images", range(4))
    first, _ = Fingerprinter(tmp_path / "cache.npz")(paths, len(paths))
    paths[1].write_bytes(encoded(soft_image(7, 161)))
    read = []
    monkeypatch.setattr(
        fingerprinting, "fingerprint", lambda image, _: read.append(image) or fingerprint(image)
    )
    second, _ = Fingerprinter(tmp_path / "cache.npz")(paths, len(paths))
    assert read == [paths[1]]
    assert [row for row in range(4) if first[row] != second[row]] == [1]


def test_a_cache_of_another_version_is_not_used(tmp_path, monkeypatch):
    paths = write_soft_images(tmp_path / "images", range(1))
    np.savez(tmp_path / "cache.npz", keys=np.zeros(1, np.uint64), rows=np.zeros(1, np.uint64))
    rows, _ = Fingerprinter(tmp_path / "cache.npz")(paths, len(paths))
    assert rows[0] == fingerprint(paths[0])
    read = []
    monkeypatch.setattr(
        fingerprinting, "fingerprint", lambda image, _: read.append(image) or fingerprint(image)
    )
    Fingerprinter(tmp_path / "cache.npz")(paths, len(paths))
    assert not read
    monkeypatch.setattr(fingerprinting, "FINGERPRINT_VERSION", "another")
    Fingerprinter(tmp_path / "cache.npz")(paths, len(paths))
    assert read == paths


def test_an_image_seen_before_is_still_too_large_for_a_lower_limit(tmp_path):
    paths = write_soft_images(tmp_path, range(2))  # of 160 x 120 pixels
    Fingerprinter(tmp_path / "seen.npz")(paths, 2)
    rows, faults = Fingerprinter(tmp_path / "seen.npz", max_pixels=19_199)(paths, 2)
    assert not rows["content"].any() and "--max-pixels allows 19,199" in faults[0]
    assert Fingerprinter(tmp_path / "seen.npz", max_pixels=19_200)(paths, 2)[1] == {}
