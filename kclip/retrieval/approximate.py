"""Approximate nearest rows: only the lists of embeddings that lie near a query are compared.

An inverted file of faiss (Johnson et al. 2017, "Billion-scale similarity search with GPUs"):
k-means divides the embeddings into lists, and a query reads the few whose centres are nearest.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from kclip.console.command_line import install_command
from kclip.errors import UserError
from kclip.files import replaced_when_done
from kclip.retrieval.exact import nearest_rows

# k-means learns from so many embeddings of a list; faiss' default of 256 takes six times as long.
POINTS_PER_LIST = 40
# The fraction of the exact ten nearest that must be found for embeddings of the index, ...
WANTED_RECALL = 0.99
TUNING_QUERIES = 256
# ... with this many times fewer lists than are then read: texts lie farther from images than
# images do from each other.
SPARE = 2


def check_faiss() -> None:
    """Raises a `UserError` with pip's command where faiss is not installed."""
    if find_spec("faiss") is None:
        raise UserError(
            "approximate search takes faiss, which this Python does not have; run: "
            + install_command("search")
        )


@dataclass(frozen=True)
class ApproximateIndex:
    """Embeddings in lists, in memory or in a memory-mapped file.

    Attributes:
        lists: a `faiss.IndexIVFFlat`, which remembers how many lists a query reads.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> embeddings = rng.normal(size=(1000, 8)).astype("float32")
        >>> index = ApproximateIndex.build(embeddings)
        >>> index.nearest_rows(embeddings[:1], top_k=3)[0].shape
        (1, 3)
    """

    lists: Any

    @classmethod
    def build(cls, embeddings: np.ndarray, seed: int = 0) -> "ApproximateIndex":
        """Divides embeddings into lists, and measures how many of these a query has to read.

        Args:
            embeddings: (N, D) float32, L2-normalised, N at least 1.
            seed: of k-means and of the embeddings sampled for the measurement.

        Raises:
            UserError: faiss is not installed.
        """
        check_faiss()
        import faiss

        size, width = embeddings.shape
        num_lists = max(1, int(min(4 * math.sqrt(size), size / POINTS_PER_LIST)))
        metric = faiss.METRIC_INNER_PRODUCT
        lists = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, num_lists, metric)
        lists.cp.seed, lists.cp.spherical, lists.cp.niter = seed, True, 10
        lists.cp.min_points_per_centroid = 1  # below, faiss warns
        lists.cp.max_points_per_centroid = POINTS_PER_LIST
        lists.train(embeddings)
        lists.add(embeddings)
        index = cls(lists)
        index._tune(embeddings, np.random.default_rng(seed))
        return index

    @classmethod
    def open(cls, path: Path) -> "ApproximateIndex":
        """Memory-maps a file: of its lists, only those are read that queries ask for.

        Raises:
            RuntimeError: the file is missing or damaged.
            UserError: faiss is not installed.
        """
        check_faiss()
        import faiss

        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY))

    def save(self, path: Path) -> None:
        """Writes a file for `open`, as large as the embeddings."""
        import faiss

        with replaced_when_done(path) as temporary:
            faiss.write_index(self.lists, str(temporary))

    def nearest_rows(self, queries: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds rows with a large dot product with each query.

        Args:
            queries: (Q, D) float32.
            top_k: rows wanted for each query.

        Returns:
            rows: (Q, top_k) int64, best first, and -1 where the lists that were read hold fewer.
            scores: (Q, top_k) float32.
        """
        # Waking a second thread takes longer than one query does: 4 ms instead of 0.2.
        with _threads(1) if len(queries) == 1 else nullcontext():
            scores, rows = self.lists.search(queries, top_k)
        return rows, scores

    def _tune(self, embeddings: np.ndarray, rng: np.random.Generator) -> None:
        size, top_k = len(embeddings), min(10, len(embeddings))
        sampled = np.sort(rng.choice(size, min(TUNING_QUERIES, size), replace=False))
        queries = np.ascontiguousarray(embeddings[sampled])
        exact = nearest_rows(queries, embeddings, top_k)[0]
        self.lists.nprobe = 1
        while self.lists.nprobe < self.lists.nlist:
            if _recall(self.nearest_rows(queries, top_k)[0], exact) >= WANTED_RECALL:
                break
            self.lists.nprobe *= 2
        self.lists.nprobe = min(SPARE * self.lists.nprobe, self.lists.nlist)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Limits faiss' threads for a while."""
    import faiss

    usual = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(usual)


def _recall(found: np.ndarray, exact: np.ndarray) -> float:
    """The fraction of the exact rows that was found."""
    return float(np.mean([np.isin(*pair).mean() for pair in zip(exact, found, strict=True)]))
