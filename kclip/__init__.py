"""CLIP-style image-text models for Keras 3 and TensorFlow.

The public names are listed in `__init__.pyi` and nowhere else. Each is imported when it is first
used, so that `import kclip` loads no TensorFlow.

Example:
    >>> import kclip
    >>> "TrainDualEncoder" in dir(kclip)
    True
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
