from collections.abc import Sequence
from pathlib import Path

from kclip.data.sources.text_files import read_json
from kclip.errors import UserError
from kclip.multilabel.prompting.combinations import list_names


class CaptionFile:
    """Captions of combinations of classes, written beforehand, for `TopAll`.

    Args:
        path: a JSON object from the names of a combination, as `list_names` joins them, to its
            caption; the order of the names doesn't matter.

    Raises:
        UserError: the file can't be read, a value is no text, or two keys name one combination.

    Example:
        >>> import json, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "captions.json"
        >>> _ = path.write_text(json.dumps({"dog, cat": "A dog and a cat lie in the sun."}))
        >>> CaptionFile(path)([("cat", "dog")])
        ['A dog and a cat lie in the sun.']
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._captions: dict[frozenset[str], str] = {}
        for names, caption in read_json(self.path, []).items():
            key = frozenset(name.strip() for name in names.split(","))
            if not isinstance(caption, str) or not caption.strip():
                raise UserError(f"{path}: the caption of {names!r} is {caption!r}; give a sentence")
            if key in self._captions:
                raise UserError(f"{path}: {names!r} comes twice, in different order; keep one")
            self._captions[key] = caption.strip()

    def __call__(self, combinations: Sequence[Sequence[str]]) -> list[str]:
        """Looks the captions up.

        Raises:
            UserError: one is missing.
        """
        texts = list_names(combinations)
        keys = [frozenset(text.split(", ")) for text in texts]
        missing = [text for text, key in zip(texts, keys, strict=True) if key not in self._captions]
        if missing:
            raise UserError(
                f"{self.path} lacks the captions of {len(missing)} of {len(texts)} combinations, "
                f"the first being {missing[0]!r}; add them, or ask for shorter ones (most_labels)"
            )
        return [self._captions[key] for key in keys]
