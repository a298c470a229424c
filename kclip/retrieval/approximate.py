"""Approximate nearest rows: only the lists of embeddings that lie near a query are compared.

An inverted file of faiss (Johnson et al. 2017, "Billion-scale similarity search with GPUs"):
k-means divides the embeddings into lists, and a query reads the few whose centres are nearest.
Lists hold 4 bits a value, which fit the memory; the best of them are then compared again by the
codes of the index, which lie on the disk.
"""

import math
import mmap
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
from kclip.retrieval.codes import decode
from kclip.retrieval.exact import nearest_rows

# k-means learns from so many embeddings of a list; faiss' default of 256 takes six times as long.
POINTS_PER_LIST = 40
MAX_LISTS = 2048  # more take hours to fill with ten million embeddings
ROWS_AT_ONCE = 65_536
# So many times the rows that are wanted, and no fewer than so many, are compared again.
RESCORED, MIN_RESCORED = 4, 100
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
    """The codes of an index, and lists of the first rows of them.

    Attributes:
        lists: a `faiss.IndexIVFScalarQuantizer` of the first M rows, in memory or memory-mapped;
            it remembers how many lists a query reads.
        codes: (N,) rows of `kclip.retrieval.codes`, N at least M; the others are compared one by
            one.

    Example:
        >>> from kclip.retrieval.codes import encode
        >>> rng = np.random.default_rng(0)
        >>> embeddings = rng.normal(size=(1000, 8)).astype("float32")
        >>> index = ApproximateIndex.build(encode(embeddings, "int16"))
        >>> index.nearest_rows(embeddings[:1], top_k=3)[0].shape
        (1, 3)
    """

    lists: Any
    codes: np.ndarray

    @classmethod
    def build(cls, codes: np.ndarray, seed: int = 0) -> "ApproximateIndex":
        """Divides embeddings into lists, and measures how many of these a query has to read.

        Args:
            codes: (N,) rows of `kclip.retrieval.codes`, N at least 1.
            seed: of k-means and of the embeddings sampled for it and for the measurement.

        Raises:
            UserError: faiss is not installed.
        """
        check_faiss()
        import faiss

        size, width = len(codes), codes["numbers"].shape[1]
        num_lists = max(1, int(min(4 * math.sqrt(size), size / POINTS_PER_LIST, MAX_LISTS)))
        bits, metric = faiss.ScalarQuantizer.QT_4bit, faiss.METRIC_INNER_PRODUCT
        centres = faiss.IndexFlatIP(width)
        lists = faiss.IndexIVFScalarQuantizer(centres, width, num_lists, bits, metric)
        lists.cp.seed, lists.cp.spherical, lists.cp.niter = seed, True, 10
        lists.cp.min_points_per_centroid = 1  # below, faiss warns
        lists.cp.max_points_per_centroid = POINTS_PER_LIST
        rng = np.random.default_rng(seed)
        lists.train(_sampled(codes, num_lists * POINTS_PER_LIST, rng))
        for start in range(0, size, ROWS_AT_ONCE):
            lists.add(decode(np.asarray(codes[start : start + ROWS_AT_ONCE])))
        index = cls(lists, codes)
        index._tune(rng)
        return index

    @classmethod
    def open(cls, path: Path, codes: np.ndarray) -> "ApproximateIndex":
        """Memory-maps a file: of its lists, only those are read that queries ask for.

        Args:
            path: that `save` wrote.
            codes: that the lists were built of, and perhaps more behind them.

        Raises:
            RuntimeError: the file is missing or damaged.
            UserError: faiss is not installed.
        """
        check_faiss()
        import faiss

        flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY
        return cls(faiss.read_index(str(path), flags), codes)

    def save(self, path: Path) -> None:
        """Writes the lists to a file for `open`, about half a byte a value."""
        import faiss

        with replaced_when_done(path) as temporary:
            faiss.write_index(self.lists, str(temporary))

    def nearest_rows(
        self, queries: np.ndarray, top_k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds rows with a large dot product with each query.

        Args:
            queries: (Q, D) float32.
            top_k: rows wanted for each query.
            allowed: (N,) bool, rows that may be found; all by default.

        Returns:
            rows: (Q, top_k) int64, best first, and -1 where the lists that were read hold fewer.
            scores: (Q, top_k) float32, -inf there.
        """
        listed = self.lists.ntotal
        rows = self._candidates(queries, max(RESCORED * top_k, MIN_RESCORED), allowed)
        if listed < len(self.codes):
            others = None if allowed is None else allowed[listed:]
            later, _ = nearest_rows(queries, self.codes[listed:], top_k, allowed=others)
            rows = np.concatenate([rows, np.where(later < 0, -1, later + listed)], axis=1)
        found = [self._rescored(*pair, top_k) for pair in zip(queries, rows, strict=True)]
        rows, scores = zip(*found, strict=True)
        return np.stack(rows), np.stack(scores)

    def _candidates(
        self, queries: np.ndarray, count: int, allowed: np.ndarray | None
    ) -> np.ndarray:
        import faiss

        settings: dict[str, Any] = {"nprobe": self.lists.nprobe}
        if allowed is not None:
            make_selector: Any = faiss.IDSelectorBitmap  # its types are those of C++
            bits = np.packbits(allowed[: self.lists.ntotal], bitorder="little")
            settings["sel"] = make_selector(bits)
        # Waking a second thread takes longer than one query does: 4 ms instead of 0.2.
        with _threads(1) if len(queries) == 1 else nullcontext():
            params = faiss.SearchParametersIVF(**settings)
            return self.lists.search(queries, count, params=params)[1]

    def _rescored(
        self, query: np.ndarray, rows: np.ndarray, top_k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best of some rows by their whole codes, filled up with -1."""
        rows = np.sort(rows[rows >= 0])
        scores = np.vecdot(decode(np.asarray(self.codes)[rows]), query)
        _leave_memory(self.codes)
        order = np.argsort(-scores, kind="stable")[:top_k]
        missing = (0, top_k - len(order))
        return (
            np.pad(rows[order], missing, constant_values=-1),
            np.pad(scores[order], missing, constant_values=-np.inf),
        )

    def _tune(self, rng: np.random.Generator) -> None:
        queries = _sampled(self.codes, TUNING_QUERIES, rng)
        top_k = min(10, len(self.codes))
        exact = nearest_rows(queries, self.codes, top_k)[0]
        self.lists.nprobe = 1
        while self.lists.nprobe < self.lists.nlist:
            if _recall(self.nearest_rows(queries, top_k)[0], exact) >= WANTED_RECALL:
                break
            self.lists.nprobe *= 2
        self.lists.nprobe = min(SPARE * self.lists.nprobe, self.lists.nlist)


def _leave_memory(array: np.ndarray) -> None:
    """Has a memory map take no memory of this process until it is read again.

    With each row that is read Linux maps 16 pages: 64 KiB for half of one. The system goes on
    keeping them as long as nothing else needs the memory.
    """
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)


def _sampled(codes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to so many of the embeddings, float32."""
    rows = rng.choice(len(codes), min(count, len(codes)), replace=False)
    return decode(codes[np.sort(rows)])


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
