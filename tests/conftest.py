"""Fixtures that several folders of tests share."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

ROOT = Path(__file__).parents[1]


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT / default))
    if not folder.is_dir():
        pytest.skip(f"{variable} names no folder ({folder}); see CONTRIBUTING.md")
    return folder


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Arrays computed by the original implementations."""
    return _folder("KCLIP_GOLDENS", "../shared/goldens")


@pytest.fixture(scope="session")
def kclip_data() -> Path:
    """Real photographs, captions and pretrained weights."""
    return _folder("KCLIP_DATA", "../shared/data")
