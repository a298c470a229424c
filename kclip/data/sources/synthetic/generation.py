"""The generated default dataset: scenes of coloured shapes with captions, labels and splits.

It is written as a user's own data would lie: a folder of images, CSV files and class folders.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from kclip.console.progress import ProgressBar
from kclip.data.sources.synthetic.captions import describe_scene
from kclip.data.sources.synthetic.drawing import draw_scene
from kclip.data.sources.synthetic.scenes import NEVER_TRAINED, Scene, sample_scene, sample_single
from kclip.errors import UserError
from kclip.files import folder_when_done

_REQUEST_FILE = "request.json"
# To be raised with every change of what is drawn or written, so that old folders are not reused.
_GENERATOR_VERSION = 1


@dataclass(frozen=True)
class _Request:
    num_train: int
    num_dev: int
    zero_shot_per_class: int
    seed: int
    generator_version: int = _GENERATOR_VERSION


@dataclass(frozen=True)
class _SceneImage:
    """A scene, the file it goes to, and the random stream that draws and describes it."""

    file_name: str
    scene: Scene
    random: Random


def generate_scenes(
    directory: Path,
    num_train: int = 4000,
    num_dev: int = 500,
    zero_shot_per_class: int = 25,
    seed: int = 0,
) -> None:
    """Writes the generated dataset, or does nothing where the same one lies already.

    The folder holds ``images/*.png`` (96 x 96 RGB), ``captions.csv`` (header ``image,caption``,
    five rows an image), ``labels.csv`` (header ``image,labels``, labels joined by ``;``),
    ``train.txt`` and ``dev.txt`` (one file name a line), and ``zero_shot/<class name>/*.png``:
    single objects of the colour and shape pairs that no other image or caption holds.
    The same arguments give the same bytes; the folder appears under its name only when complete.

    Args:
        directory: where to write; must be absent, empty, or hold the result of this same call.
        num_train: training images, at least 1.
        num_dev: held-out images, at least 1.
        zero_shot_per_class: images in each class folder, at least 1.
        seed: changes every scene.

    Raises:
        UserError: for a count below 1, or a directory that holds anything else.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "shapes"
        >>> generate_scenes(folder, num_train=2, num_dev=1, zero_shot_per_class=1)
        >>> len(list(folder.glob("images/*.png"))), len(list(folder.glob("zero_shot/*/*.png")))
        (3, 8)
    """
    directory = Path(directory)
    request = _Request(num_train, num_dev, zero_shot_per_class, seed)
    _check_counts(request)
    if _holds(directory, request):
        return
    with folder_when_done(directory) as unfinished:
        _write(unfinished, request)


def _check_counts(request: _Request) -> None:
    for name in ("num_train", "num_dev", "zero_shot_per_class"):
        count = getattr(request, name)
        if count < 1:
            raise UserError(f"{name} is {count}, but at least 1 is needed: give a larger number.")


def _holds(directory: Path, request: _Request) -> bool:
    """Whether the request is met already; raises where writing would destroy something."""
    if directory.is_file():
        raise UserError(f"{directory} is a file, not a folder: choose another folder.")
    if not directory.exists() or not any(directory.iterdir()):
        return False
    request_file = directory / _REQUEST_FILE
    if not request_file.is_file():
        raise UserError(
            f"{directory} holds files that are not a generated dataset: choose another folder."
        )
    if request_file.read_text(encoding="utf-8") != _to_json(request):
        raise UserError(
            f"{directory} holds a dataset generated with other settings (see {request_file}), "
            f"not {asdict(request)}: choose another folder or delete this one."
        )
    return True


def _write(directory: Path, request: _Request) -> None:
    splits = {
        "train": _sample_split("train", request.num_train, request.seed),
        "dev": _sample_split("dev", request.num_dev, request.seed),
    }
    zero_shot = _sample_zero_shot(request.zero_shot_per_class, request.seed)
    images = [image for split in splits.values() for image in split]
    _draw(directory / "images", images, "Drawing scenes")
    _draw(directory / "zero_shot", zero_shot, "Drawing never-trained classes")
    captions = [
        (image.file_name, caption)
        for image in images
        for caption in describe_scene(image.scene, image.random)
    ]
    labels = [(image.file_name, ";".join(image.scene.labels)) for image in images]
    _write_csv(directory / "captions.csv", ("image", "caption"), captions)
    _write_csv(directory / "labels.csv", ("image", "labels"), labels)
    for split, members in splits.items():
        _write_text(directory / f"{split}.txt", "".join(f"{p.file_name}\n" for p in members))
    _write_text(directory / _REQUEST_FILE, _to_json(request))


def _sample_split(split: str, count: int, seed: int) -> list[_SceneImage]:
    """Each scene has a random stream of its own, so a larger request begins with a smaller one."""
    images = []
    for index in range(count):
        random = Random(f"{seed}/{split}/{index}")
        images.append(_SceneImage(f"{split}_{index:06d}.png", sample_scene(random), random))
    return images


def _sample_zero_shot(per_class: int, seed: int) -> list[_SceneImage]:
    images = []
    for colour, shape in NEVER_TRAINED:
        for index in range(per_class):
            random = Random(f"{seed}/zero_shot/{colour}/{shape}/{index}")
            scene = sample_single(random, colour, shape)
            file_name = f"{scene.labels[0]}/{index:04d}.png"
            images.append(_SceneImage(file_name, scene, random))
    return images


def _draw(directory: Path, images: Sequence[_SceneImage], description: str) -> None:
    for image in ProgressBar(images, desc=description, unit="image"):
        path = directory / image.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_scene(image.scene, image.random).save(path)


def _write_csv(path: Path, header: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
    # A fixed line end keeps the bytes equal on every system.
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _to_json(request: _Request) -> str:
    return json.dumps(asdict(request), indent=2) + "\n"
