"""The embeddings of a folder of images, computed once and kept on disk.

An index is two files: `embeddings-KEY.npy`, (N, D) float32, opened memory-mapped, and `index.json`
with the model's digest and each image's name, size and time of change. KEY is the digest of that
JSON, and the JSON is written last, so a reader finds the old index or the new one, never a mix.
Where approximate search was asked for, `embeddings-KEY.faiss` lies beside it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kclip.data.images.listing import list_images
from kclip.errors import KclipError
from kclip.files import replaced_when_done
from kclip.inference.readable_images import ImageEmbedder, compute_readable
from kclip.retrieval.approximate import ApproximateIndex

FORMAT = 1


@dataclass(frozen=True)
class ImageStamp:
    """What shows that an image is still the one that was embedded: name, bytes, change time."""

    file_name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class EmbeddingIndex:
    """Embeddings of the images of one folder.

    Attributes:
        images_dir: the folder.
        file_names: N paths below it, in the order of the rows.
        embeddings: (N, D) float32, L2-normalised, memory-mapped.
        unreadable: the names of files below the folder that hold no readable image.
    """

    images_dir: Path
    file_names: tuple[str, ...]
    embeddings: np.ndarray
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.file_names)


def load_or_build_index(embedder: ImageEmbedder, images_dir: Path, root: Path) -> EmbeddingIndex:
    """Opens the index of a folder's images, and builds it first unless it is up to date.

    It is up to date when the model's digest and all images' names, sizes and times of change are
    those that it was built from. Files that hold no readable image are printed and left out.

    Args:
        embedder: the model.
        images_dir: the folder of images, searched recursively.
        root: where indexes are kept, each in a folder of its own for a model and a folder.

    Raises:
        UserError: the folder is missing or holds no image, or more than 1 % of the images can't
            be read.
    """
    paths = list_images(images_dir)
    names = [path.relative_to(images_dir).as_posix() for path in paths]
    expected = _description(embedder.digest, paths, names)
    owner = f"{expected['model_digest']}\n{images_dir.resolve()}"
    directory = root / hashlib.sha256(owner.encode()).hexdigest()[:12]
    index = _load(directory, images_dir, expected)
    if index is None:
        embeddings, readable = compute_readable(embedder.embed_images, paths, names)
        _save(directory, expected, embeddings, readable)
        index = _load(directory, images_dir, expected)
    if index is None:
        raise KclipError(f"the index in {directory} can't be read back; is its disk full?")
    return index


def load_or_build_approximate(index: EmbeddingIndex) -> ApproximateIndex:
    """Opens the lists of an index's embeddings, memory-mapped, and builds them first if need be.

    Args:
        index: of `load_or_build_index`, whose embeddings are a file.

    Raises:
        UserError: faiss is not installed.
    """
    assert isinstance(index.embeddings, np.memmap)
    path = Path(str(index.embeddings.filename)).with_suffix(".faiss")
    if path.exists():
        try:
            return ApproximateIndex.open(path)
        except RuntimeError:
            path.unlink()  # damaged: it is built again
    ApproximateIndex.build(np.asarray(index.embeddings)).save(path)
    return ApproximateIndex.open(path)


def _description(model_digest: str, paths: list[Path], names: list[str]) -> dict:
    stats = [path.stat() for path in paths]
    stamps = [
        asdict(ImageStamp(name, stat.st_size, stat.st_mtime_ns))
        for name, stat in zip(names, stats, strict=True)
    ]
    return {"format": FORMAT, "model_digest": model_digest, "images": stamps}


def _key(description: dict) -> str:
    return hashlib.sha256(json.dumps(description).encode()).hexdigest()[:16]


def _save(directory: Path, description: dict, embeddings: np.ndarray, readable: np.ndarray) -> None:
    array_path = directory / f"embeddings-{_key(description)}.npy"
    with replaced_when_done(array_path) as temporary:
        np.save(temporary, embeddings)
    names = [stamp["file_name"] for stamp in description["images"]]
    kept = set(readable.tolist())
    unreadable = [name for row, name in enumerate(names) if row not in kept]
    with replaced_when_done(directory / "index.json") as temporary:
        temporary.write_text(json.dumps(description | {"unreadable": unreadable}))
    for old in directory.glob("embeddings-*"):
        if old != array_path:
            old.unlink(missing_ok=True)


def _load(directory: Path, images_dir: Path, expected: dict) -> EmbeddingIndex | None:
    try:
        saved = json.loads((directory / "index.json").read_text())
        unreadable = set(saved.pop("unreadable"))
        embeddings = np.load(directory / f"embeddings-{_key(expected)}.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None  # absent or damaged: it is built again
    names = [stamp["file_name"] for stamp in expected["images"]]
    names = [name for name in names if name not in unreadable]
    if saved != expected or len(embeddings) != len(names):
        return None
    return EmbeddingIndex(images_dir, tuple(names), embeddings, tuple(sorted(unreadable)))
