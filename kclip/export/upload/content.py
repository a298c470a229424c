"""What of a folder is sent to a hub: the files of a model of kclip, and no others."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kclip.data.sources.text_files import read_json
from kclip.errors import UserError
from kclip.models.folder.checks import MODEL_CLASSES, check_model_folder, kind_of_model
from kclip.models.folder.content import CARD_FILE, OTHERS, WEIGHTS, named_by
from kclip.multilabel.recognition.recognizer import CLASSES_FILE


@dataclass(frozen=True)
class Content:
    """A model folder, looked through.

    Attributes:
        folder: its path.
        sizes: name of a file that is sent -> bytes.
        left_out: names of files that are not sent.
        warnings: what the user should know before it is.
    """

    folder: Path
    sizes: dict[str, int]
    left_out: list[str]
    warnings: list[str]

    @property
    def num_bytes(self) -> int:
        """All that is sent."""
        return sum(self.sizes.values())


def read_content(folder: Path) -> Content:
    """Looks through a model folder before it is sent.

    Raises:
        UserError: it is no whole model folder of kclip, or has no card.

    Example:
        >>> read_content(Path("runs/mine"))
        Traceback (most recent call last):
        ...
        kclip.errors.UserError: 'runs/mine' holds no config.json, so it is no model folder of \
kclip; give the model/ folder that train_dual_encoder wrote
    """
    kind = kind_of_model(folder)
    # Of what is no model of kclip, this says what it is and what was expected.
    check_model_folder(folder, kind if kind in MODEL_CLASSES else "kclip>DualEncoder")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    sent = named_by(WEIGHTS + OTHERS, names)
    if not named_by(WEIGHTS, sent):
        raise UserError(f"{str(folder)!r} holds no weights; copy the model folder again, whole")
    if CARD_FILE not in sent or not (folder / CARD_FILE).read_text(encoding="utf-8").strip():
        raise UserError(
            f"{str(folder)!r} has no model card; write a {CARD_FILE} there that says what the "
            "model is and what it was trained on, as today's trainings do"
        )
    sizes = {name: (folder / name).stat().st_size for name in sorted(sent)}
    left_out = sorted(names - sent)
    return Content(folder, sizes, left_out, list(_warnings(folder, left_out)))


def _warnings(folder: Path, left_out: list[str]) -> Iterator[str]:
    if left_out:
        yield f"no files of a model, so not sent: {', '.join(left_out)}"
    if (folder / CLASSES_FILE).is_file():
        source = read_json(folder / CLASSES_FILE, ("query_source",))["query_source"]
        if source is not None and (Path(source).exists() or Path(source).is_absolute()):
            yield (
                f"{CLASSES_FILE} names {source!r} as what embeds other classes, which others do "
                "not have: elsewhere the model scores its own classes alone"
            )
