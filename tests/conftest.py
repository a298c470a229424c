"""Fixtures that several folders of tests share, and the one place that seeds them."""

import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
OWN_VARIABLES = ("KCLIP_", "KERAS_", "OPENAI_")


def pytest_sessionstart():
    """Features of frozen towers are kept for one session, not in the user's cache."""
    os.environ["KCLIP_FEATURES_DIR"] = tempfile.mkdtemp(prefix="kclip-features-")


def pytest_sessionfinish():
    shutil.rmtree(os.environ.pop("KCLIP_FEATURES_DIR", ""), ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Files with the most slow tests go first, so that no process waits for them at the end."""
    num_slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -num_slow[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup():
    """What a fixture makes is the same whichever test asks for it first."""
    _seed()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """A test finds the same random numbers whichever tests and fixtures ran before it."""
    _seed()


def _seed():
    if "keras" in sys.modules:  # else nothing has models, and TensorFlow is slow to import
        import keras

        keras.utils.set_random_seed(0)
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _global_state_is_left_as_it_was():
    before = _global_state()
    yield
    assert _global_state() == before


def _global_state():
    own = {name: value for name, value in os.environ.items() if name.startswith(OWN_VARIABLES)}
    return own | {"working directory": os.getcwd()} | _keras_state()


def _keras_state():
    if "keras" not in sys.modules:
        return {"dtype policy": "float32", "floatx": "float32", "data format": "channels_last"}
    from keras import config

    return {
        "dtype policy": config.dtype_policy().name,
        "floatx": config.floatx(),
        "data format": config.image_data_format(),
    }


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT / default))
    if not folder.is_dir():
        pytest.skip(f"{variable} names no folder ({folder}); see CONTRIBUTING.md")
    return folder


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Arrays computed by the original implementations; see the README there."""
    return _folder("KCLIP_GOLDENS", "tests/goldens")


@pytest.fixture(scope="session")
def kclip_data() -> Path:
    """Real photographs, captions and pretrained weights."""
    return _folder("KCLIP_DATA", "../shared/data")


@pytest.fixture(scope="session")
def _example_folder(goldens, tmp_path_factory) -> Path:
    from example_folder import write_example_folder

    return write_example_folder(tmp_path_factory.mktemp("examples"), goldens)


@pytest.fixture
def example_files(_example_folder, tmp_path, monkeypatch) -> Path:
    """A working directory with the files that examples read; what they write stays with them."""
    for path in _example_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
