"""The command that finds images by what they show."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.config.ranges import Count
from kclip.data.images.limits import within_limits


@dataclass(frozen=True)
class SearchImages(ImageLimits):
    """Finds the images that a sentence describes.

    Prints a table of scores and files, and writes a grid of images for each query. The images'
    embeddings are kept below the output folder, and made again only when the model or an image
    has changed.
    """

    queries: Annotated[list[str], tyro.conf.Positional, tyro.conf.arg(metavar="QUERY...")]
    """Sentences to search for, each in quotes."""
    model: str
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset, such as clip_vit_base_patch32."""
    images: Path
    """Folder of the images, searched with its sub-folders."""
    top_k: Count = 9
    """How many images to find for each query."""
    approximate: bool = False
    """Search only the part of the index that lies near a query (with faiss): for hundreds of
    thousands of images, many times faster, and a few of the nearest may be missed."""
    output: Path = Path("runs/search")
    """Folder that the index, the figures and report.md are written to."""

    @within_limits
    def run(self) -> list[dict[str, Any]]:
        """Opens or builds the index, finds the images, and shows them.

        Returns:
            One dictionary a query: `query`, and `hits` with `file_name` and `score`, best first.
        """
        from kclip.console.lines import one_line
        from kclip.data.images.listing import find_images
        from kclip.reports.search import write_search_report
        from kclip.retrieval.index import load_or_build_approximate, load_or_build_index
        from kclip.retrieval.searcher import search

        self._check()
        left_out = len(find_images(self.images).left_out)

        from kclip.inference.embedder import Embedder

        embedder = Embedder.from_name(self.model)
        index = load_or_build_index(embedder, self.images, self.output / "index")
        near = load_or_build_approximate(index) if self.approximate else None
        found = search(embedder, index, self.queries, self.top_k, near)
        results = [asdict(result) for result in found]
        for result in results:
            print(f"\n{result['query']}")
            for hit in result["hits"]:
                print(f"  {hit['score']:6.3f}  {one_line(self.images / hit['file_name'])}")
        about = {"model": self.model, "images": f"{self.images}, {len(index):,} files"}
        left_out += len(index.unreadable)
        if left_out:
            about["left out"] = f"{left_out:,} files that can't be read here"
        paths = {name: self.images / name for name in index.file_names}
        write_search_report(self.output, about, results, paths)
        print(f"\nthe images are shown in {self.output / 'report.md'}")
        return results

    def _check(self) -> None:
        from kclip.errors import UserError
        from kclip.retrieval.approximate import check_faiss

        check_settings(self)
        if self.approximate:
            check_faiss()
        if not self.queries or not all(query.strip() for query in self.queries):
            raise UserError("give at least one query of one word or more, such as 'a red circle'")
