"""The command that finds copies among the images of an index."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from kclip.config.checks import check_settings
from kclip.config.images import PixelLimit
from kclip.config.ranges import Range
from kclip.data.images.limits import within_limits


@dataclass(frozen=True, kw_only=True)
class FindDuplicates(PixelLimit):
    """Finds images that are there twice: equal, encoded anew, resized, cut a little, or mirrored.

      find_duplicates --index runs/index

    Embeddings of the index say which images may be copies, and only these are opened. Writes
    duplicates.csv, and a report with the groups as pictures. Nothing is deleted.
    """

    index: Path
    """Folder of an index of index_images."""
    min_cosine: Annotated[float, Range(0, 1)] = 0.9
    """Only images whose embeddings are this near to another one's are opened and compared."""
    workers: Annotated[int, Range(1, 1024)] = os.cpu_count() or 1
    """Images that are opened at once; the result does not depend on it."""
    output: Path = Path("runs/duplicates")
    """Folder that the results are written to."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Compares all images of the index.

        Returns:
            What `metrics.json` holds: `groups`, `images` in them, how many of these are
            `superfluous`, and how many images are `unreadable`.
        """
        check_settings(self)
        from kclip.reports.duplicates import write_duplicates_report
        from kclip.retrieval.duplicates import find_duplicates
        from kclip.retrieval.index import ImageIndex

        index = ImageIndex.open(self.index)
        found = find_duplicates(index, self.min_cosine, self.workers)
        about = {"index": f"{self.index}, {len(index):,} images", "compared": len(found.places)}
        results = write_duplicates_report(self.output, about, found)
        print(
            f"{results['images']:,} images are in {results['groups']:,} groups of copies; "
            f"{self.output / 'report.md'} shows them"
        )
        return results
