"""No damage to any file makes a reader fail otherwise than by one sentence.

`make fuzz` runs the same with many more examples.
"""

import os

import pytest
from damage import damaged
from hypothesis import HealthCheck, given, settings
from readers import all_readers

from kclip.errors import KclipError

EXAMPLES = int(os.environ.get("KCLIP_FUZZ", "12"))


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return all_readers(tmp_path_factory.mktemp("readers"))


def test_sound_files_are_read(readers):
    for _, read in readers.values():
        read()


def test_damaged_files_are_one_sentence(readers, subtests):
    for name, (path, read) in readers.items():
        with subtests.test(name):
            # Each reading of it is a process.
            _fuzz(path, read, EXAMPLES if name != "meta.mat" else 2)


def _fuzz(path, read, examples):
    whole = path.read_bytes()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=EXAMPLES <= 12,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=damaged(whole))
    def one_example(data):
        path.write_bytes(data)
        try:
            read()
        except KclipError as error:
            assert "\n" not in str(error)

    try:
        one_example()
    finally:
        path.write_bytes(whole)
