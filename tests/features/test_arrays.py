import errno
import os

import numpy as np
import pytest

from kclip.features.arrays import new_array


def test_its_room_on_the_disk_is_taken_at_once(tmp_path):
    array = new_array(tmp_path / "a.npy", (3, 10**5), np.float32)
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= array.nbytes == 1_200_000
    array[1] = 2
    array.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy").sum(axis=1), [0, 200_000, 0])


def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        new_array(tmp_path / "a.npy", (3,), np.float32)
