import os
import subprocess
import sys

import pytest

from kclip.console.tensorflow_logs import hushed_stderr


def test_what_is_written_meanwhile_is_gone(capfd):
    with hushed_stderr():
        os.write(2, b"a line of C++\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_after_a_failure_it_is_shown(capfd):
    with pytest.raises(ImportError), hushed_stderr():
        os.write(2, b"cannot load library\n")
        raise ImportError
    assert capfd.readouterr().err == "cannot load library\n"


@pytest.mark.slow
def test_tensorflow_starts_without_a_line():
    code = """
from kclip.console.tensorflow_logs import hush_tensorflow
hush_tensorflow()
import tensorflow as tf
import keras_hub
@tf.function
def traced_again(x):
    return x
for number in range(20):
    traced_again(number)
import absl.logging
absl.logging.warning("of Keras")
print(float(tf.function(lambda x: x + 1, jit_compile=True)(1.0)), tf.__spec__.loader)
"""
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("2.0 <_frozen_importlib_external.SourceFileLoader")
    assert run.stderr == ""
