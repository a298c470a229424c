"""The lists of approximate search that belong to an index: built once, opened by memory map."""

from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.retrieval.approximate import ApproximateIndex
from kclip.retrieval.index import ImageIndex
from kclip.retrieval.updating import index_lock

_MAX_OUTSIDE = 0.1  # fraction of rows that lie in no list and are compared one by one


def open_lists(index: ImageIndex) -> ApproximateIndex:
    """Opens what approximate search reads of an index, and builds it first if need be.

    Raises:
        UserError: faiss is not installed, or another process writes the index.
    """
    size = index.about.num_rows
    for path in _saved(index):
        if int(path.stem.rsplit("-", 1)[1]) >= (1 - _MAX_OUTSIDE) * size:
            try:
                return ApproximateIndex.open(path, index.codes)
            except RuntimeError:
                path.unlink()  # damaged: it is built again
    with index_lock(index.folder):
        LOGGER.info("building the lists of approximate search of %s images", f"{size:,}")
        path = index.folder / f"lists-{index.about.generation}-{size}.faiss"
        ApproximateIndex.build(index.codes).save(path)
        for other in _saved(index):
            if other != path:
                other.unlink(missing_ok=True)
    return ApproximateIndex.open(path, index.codes)


def _saved(index: ImageIndex) -> list[Path]:
    return list(index.folder.glob(f"lists-{index.about.generation}-*.faiss"))
