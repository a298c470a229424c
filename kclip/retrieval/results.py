"""What a search finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hit:
    """An image that was found.

    Attributes:
        id: its row in the index, by which `ImageIndex.place` finds it.
        file_name: its name in its folder or archive.
        score: cosine similarity in [-1, 1].
    """

    id: int
    file_name: str
    score: float


@dataclass(frozen=True)
class SearchResult:
    """The images found for one query, best first."""

    query: str
    hits: tuple[Hit, ...]
