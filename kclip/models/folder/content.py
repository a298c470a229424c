"""The files of a model folder of kclip: all that is written, uploaded and fetched."""

import re

CARD_FILE = "README.md"
WEIGHTS_FILE = "model.weights.h5"
_NAMES = {
    CARD_FILE,
    WEIGHTS_FILE,
    "model.weights.json",  # the list of parts, where the weights are many
    "config.json",
    "metadata.json",
    "preprocessor.json",
    "tokenizer.json",
    # of a multi-label classifier
    "classes.json",
    "queries.npz",
    "thresholds.json",
    # of an image classifier
    "trained_on.txt",
}
_PATTERNS = re.compile(
    r"model_\d+\.weights\.h5"  # a part of the weights
    r"|assets/tokenizer/(vocabulary\.(txt|json|spm)|merges\.txt|tokenizer\.json)"
)


def is_model_file(name):
    """Whether a name, relative to its folder, is one that a model folder of kclip may have.

    Example:
    >>> [is_model_file(n) for n in ("config.json", "assets/tokenizer/vocabulary.txt", "run.py")]
    [True, True, False]
    """
    return name in _NAMES or _PATTERNS.fullmatch(name) is not None
