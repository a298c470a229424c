"""What is searched for: a sentence, an image, a part of one, or several of these with weights."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from PIL import Image

from kclip.data.images.kinds import readable_suffixes
from kclip.data.images.opening import ImageError, load_image
from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize
from kclip.retrieval.searcher import TextEmbedder

ReadAs = Literal["sentence", "combination"]
_SIGN, _FIRST_SIGN = re.compile(r"\s+([+-])\s+"), re.compile(r"[+-]\s")
_WEIGHT = re.compile(r"(\d+\.?\d*|\.\d+)\s*\*\s*")


class QueryEmbedder(TextEmbedder, Protocol):
    """What a search by images takes of a model; `kclip.Embedder` has it."""

    def embed_images(
        self, images: Sequence[Image.Image], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Embeds N images: float32 (N, D)."""
        ...


@dataclass(frozen=True)
class Term:
    """A part of a query.

    Attributes:
        weight: below 0 for what is not wanted.
        content: a sentence, or the file of an image.
    """

    weight: float
    content: str | Path


@dataclass(frozen=True)
class Query:
    """Something to search for.

    Attributes:
        shown: as it was typed.
        terms: what is added up, each of length 1 before its weight.
        crop: x, y, width and height of the part of its one image that counts, in pixels.
    """

    shown: str
    terms: tuple[Term, ...]
    crop: tuple[int, int, int, int] | None = None


def parse_query(
    text: str, read_as: ReadAs | None = None, crop: tuple[int, int, int, int] | None = None
) -> Query:
    """Reads a query as it is typed.

    Args:
        text: a sentence; the path of an image; or several of them, joined by " + " and " - ", each
            with a weight in front if need be: `dog + 0.5*pool.jpg - fruit`.
        read_as: settles what a text with " + " or " - " is.
        crop: x, y, width and height of the part of its image that counts, in pixels.

    Raises:
        UserError: the text can be read in two ways, an image is missing, or there is not the one
            image that `crop` is for.

    Example:
        >>> [(term.weight, str(term.content)) for term in
        ...  parse_query("sea + 0.5*beach.jpg - people", "combination").terms]
        [(1.0, 'sea'), (0.5, 'beach.jpg'), (-1.0, 'people')]
    """
    text = text.strip()
    if not text:
        raise UserError("give at least one query of one word or more, such as 'a red circle'")
    # With a sign in front of each term: "", sign, term, sign, term, ...
    parts = _SIGN.split(f" {text}" if _FIRST_SIGN.match(text) else f" + {text}")
    signed = len(parts) > 3 or parts[1] == "-"
    if signed and read_as is None:
        raise UserError(
            f"{text!r} may be a sentence, or a combination of sentences and images; give "
            "--read-as sentence or --read-as combination"
        )
    if read_as == "combination":
        terms = tuple(_term(*pair) for pair in zip(parts[1::2], parts[2::2], strict=True))
    else:
        terms = (Term(1.0, text if read_as == "sentence" else _image_or_sentence(text)),)
    images = [term for term in terms if isinstance(term.content, Path)]
    if crop and len(images) != 1:
        raise UserError(f"--crop is a part of one image, but {text!r} names {len(images)}")
    return Query(text, terms, crop)


def _term(sign: str, text: str) -> Term:
    found = _WEIGHT.match(text)
    weight = float(found[1]) if found else 1.0
    content = text[found.end() :] if found else text
    content = content.strip().strip("\"'")
    return Term(weight if sign == "+" else -weight, _image_or_sentence(content))


def _image_or_sentence(content: str) -> str | Path:
    path = Path(content)
    is_image = path.suffix.lower() in readable_suffixes()
    # A file without such a name needs a folder in front: "dog" is a word, "./dog" may be a file.
    if (is_image or "/" in content) and _is_file(path):
        return path
    if is_image:
        raise UserError(f"there is no image {content!r}; give the path of one, or a sentence")
    return content


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # longer than a name may be
        return False


def embed_queries(embedder: QueryEmbedder, queries: Sequence[Query]) -> np.ndarray:
    """Embeds queries: the sum of their terms, each of length 1 times its weight.

    Args:
        embedder: the model of the index.
        queries: Q of them.

    Returns:
        float32 (Q, D), L2-normalised.

    Raises:
        UserError: an image can't be read, the part to crop lies outside of it, or the terms of a
            query add up to nothing.
    """
    terms = [term.content for query in queries for term in query.terms]
    sentences = list(dict.fromkeys(term for term in terms if isinstance(term, str)))
    embedded: dict[object, np.ndarray] = {}
    if sentences:
        embedded |= zip(sentences, l2_normalize(embedder.embed_texts(sentences)), strict=True)
    images = {
        (term.content, query.crop): _loaded(term.content, query.crop)
        for query in queries
        for term in query.terms
        if isinstance(term.content, Path)
    }
    if images:
        rows = embedder.embed_images(list(images.values()), progress=False)
        embedded |= zip(images, l2_normalize(rows), strict=True)
    return np.stack([_added_up(query, embedded) for query in queries])


def _loaded(path: Path, crop: tuple[int, int, int, int] | None) -> Image.Image:
    try:
        image = load_image(path)
    except ImageError as error:
        raise UserError(f"{path}: {error.reason}; give an image that can be read") from None
    if crop is None:
        return image
    x, y, width, height = crop
    if not (width and height and x + width <= image.width and y + height <= image.height):
        raise UserError(
            f"--crop {x},{y},{width},{height} is no part of {path}, which is {image.width} x "
            f"{image.height} pixels; give x,y,width,height"
        )
    return image.crop((x, y, x + width, y + height))


def _added_up(query: Query, embedded: dict[object, np.ndarray]) -> np.ndarray:
    keys = [
        (term.content, query.crop) if isinstance(term.content, Path) else term.content
        for term in query.terms
    ]
    weights = np.array([term.weight for term in query.terms])
    total = weights @ np.stack([embedded[key] for key in keys])
    if np.linalg.norm(total) < 1e-6:
        raise UserError(f"the terms of {query.shown!r} add up to nothing; change their weights")
    return l2_normalize(total)
