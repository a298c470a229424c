"""Every example in a docstring of kclip runs and prints what it says."""

import doctest
import importlib
import random
from pathlib import Path

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

import kclip
from kclip import layers, losses, models

PACKAGE = Path(kclip.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if ">>>" in path.read_text(encoding="utf-8"))
# What a reader is taken to have imported besides the names of the module itself.
IMPORTED = {
    "kclip": kclip,
    "keras": keras,
    "keras_hub": keras_hub,
    "np": np,
    "tf": tf,
    "Path": Path,
    "Random": random.Random,
} | {
    name: getattr(package, name) for package in (layers, losses, models) for name in package.__all__
}
# Examples that cannot run from what is in the repository, with the reason.
EXCEPTIONS = {
    "kclip.models.clip.clip_tokenizer.ClipTokenizer": "CLIP's own merges",
    "kclip.models.clip.clip_preprocessor.ClipPreprocessor": "CLIP's own merges",
    "kclip.models.towers.tresnet_weights.load_tresnet_weights": "timm's weights of 117 MB",
}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def examples(path):
    module = importlib.import_module(module_name(path))
    found = doctest.DocTestFinder().find(module, extraglobs=IMPORTED | vars(module))
    return [test for test in found if test.examples]


def run(test):
    """What differs from what the example says."""
    written = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=written.append)
    return "".join(written)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_examples_say_what_happens(path, example_files):
    tests = [test for test in examples(path) if test.name not in EXCEPTIONS]
    differences = "\n".join(filter(None, map(run, tests)))
    assert not differences, differences


@pytest.mark.real_data
def test_clips_tokenizer_gives_the_ids_of_its_example(kclip_data, example_files):
    merges = "bpe_simple_vocab_16e6.txt.gz"
    (example_files / merges).symlink_to(kclip_data / "weights" / merges)
    for name in ("clip_tokenizer", "clip_preprocessor"):
        tests = examples(PACKAGE / f"models/clip/{name}.py")
        assert tests and not "".join(map(run, tests))


def test_exceptions_are_few_and_there():
    assert len(EXCEPTIONS) <= 3
    for name in EXCEPTIONS:
        module, _, thing = name.rpartition(".")
        assert ">>>" in getattr(importlib.import_module(module), thing).__doc__
