"""`import kclip` is light, and gives every name that `__init__.pyi` lists."""

import subprocess
import sys
from pathlib import Path

import pytest

import kclip
from kclip.cli import COMMANDS


@pytest.mark.parametrize("name", sorted(kclip.__all__))
def test_a_public_name_is_there(name):
    assert getattr(kclip, name) is not None


def test_every_command_is_public():
    for class_name, _ in COMMANDS.values():
        assert getattr(kclip, class_name).__name__ == class_name


def test_public_things_say_what_they_are():
    for name in kclip.__all__:
        value = getattr(kclip, name)
        assert not callable(value) or value.__doc__, name


def test_the_import_loads_next_to_nothing():
    code = """
import sys, kclip
kclip.UserError
print(sorted(name for name in sys.modules if name.split(".")[0] == "kclip"))
print({"numpy", "tensorflow", "keras", "tyro"} & set(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "['kclip', 'kclip.errors']\nset()\n"


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No kclip attribute nonsense"):
        _ = kclip.nonsense


def test_types_travel_with_the_package():
    assert (Path(kclip.__file__).parent / "py.typed").is_file()
