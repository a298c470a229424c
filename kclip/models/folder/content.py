"""The files of a model folder of kclip: what trainings write, and all that is sent or fetched."""

from fnmatch import fnmatchcase

CARD_FILE = "README.md"
WEIGHTS_FILE = "model.weights.h5"
# Weights in parts and the list of the parts: Keras writes them where there are many.
WEIGHTS = (WEIGHTS_FILE, "model_[0-9][0-9][0-9][0-9][0-9].weights.h5")
OTHERS = (
    CARD_FILE,
    "config.json",
    "checksums.json",
    "metadata.json",
    "model.weights.json",
    "preprocessor.json",
    "tokenizer.json",
    "assets/tokenizer/merges.txt",
    "assets/tokenizer/tokenizer.json",
    "assets/tokenizer/vocabulary.json",
    "assets/tokenizer/vocabulary.spm",
    "assets/tokenizer/vocabulary.txt",
    # of a multi-label classifier
    "classes.json",
    "queries.npz",
    "thresholds.json",
    # of an image classifier
    "trained_on.txt",
)


def named_by(patterns, names):
    """The set of those names, relative to their folder, that one of the patterns describes.

    Example:
    >>> sorted(named_by(OTHERS, ["config.json", "assets/tokenizer/vocabulary.txt", "run.py"]))
    ['assets/tokenizer/vocabulary.txt', 'config.json']
    """
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}
