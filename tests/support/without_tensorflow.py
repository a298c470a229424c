"""The start of a program in which TensorFlow cannot be imported."""

PRELUDE = """
import sys

class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_text"):
            raise ImportError(name)

sys.meta_path.insert(0, NoTensorFlow())
"""
