"""The command that finds images by what they show."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from kclip.config.checks import check_settings
from kclip.config.images import PixelLimit
from kclip.config.ranges import Count
from kclip.console.lines import one_line
from kclip.data.images.limits import within_limits
from kclip.errors import UserError

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder
    from kclip.retrieval.index import ImageIndex


@dataclass(frozen=True)
class SearchImages(PixelLimit):
    """Finds the images that a sentence describes.

    Prints a table of scores and files, and writes a grid of images for each query.

      search_images "a dog in the snow" --index runs/index
      search_images "a dog in the snow" --model runs/mine/model --images photos/

    The first asks an index that index_images has made, as it is (see --update). The second keeps
    an index of the images below the output folder, and brings it up to date first: images that are
    new or have changed are embedded.
    """

    queries: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="QUERY...")]
    """Sentences to search for, each in quotes."""
    index: Path | None = None
    """Folder of an index of index_images."""
    update: bool = False
    """Bring the index up to date first, with the sources that it was made of."""
    images: Path | None = None
    """Without --index: a folder of images, or another source that index_images takes."""
    model: str | None = None
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset, such as clip_vit_base_patch32; that of the index by default.
    """
    top_k: Count = 9
    """How many images to find for each query."""
    approximate: bool = False
    """Search only the part of the index that lies near a query (with faiss): for hundreds of
    thousands of images, many times faster, and a few of the nearest may be missed."""
    output: Path = Path("runs/search")
    """Folder that the figures and report.md are written to."""

    @within_limits
    def run(self) -> list[dict[str, Any]]:
        """Opens the index, finds the images, and shows them.

        Returns:
            One dictionary a query: `query`, and `hits` with `id`, `file_name` and `score`, best
            first.
        """
        self._check()
        from kclip.retrieval.searcher import search

        embedder, index = self._opened()
        found = search(embedder, index, self.queries, self.top_k, self.approximate)
        for result in found:
            print(f"\n{result.query}")
            for hit in result.hits:
                print(f"  {hit.score:6.3f}  {one_line(index.place(hit.id).shown)}")
        results = [asdict(result) for result in found]
        self._report(index, results)
        return results

    def _opened(self) -> "tuple[Embedder, ImageIndex]":
        from kclip.retrieval.index import ImageIndex

        index = ImageIndex.open(self.index) if self.index else None
        model = self.model or (index.about.model if index else "")
        if not model:
            raise UserError("give --model, the one that the index was made with")

        from kclip.inference.embedder import Embedder

        embedder = Embedder.from_name(model)
        if index:
            return embedder, index.update(embedder) if self.update else index
        assert self.images
        folder = self._own_folder(embedder, self.images)
        return embedder, ImageIndex.build(folder, embedder, [self.images], model=model)

    def _own_folder(self, embedder: "Embedder", images: Path) -> Path:
        """Where the index of the images is kept, one for each model and each folder."""
        owner = f"{embedder.digest}\n{images.resolve()}".encode("utf-8", "surrogateescape")
        return self.output / "index" / hashlib.sha256(owner).hexdigest()[:12]

    def _report(self, index: "ImageIndex", results: Sequence[dict[str, Any]]) -> None:
        from kclip.reports.search import thumbnails, write_search_report

        about = {
            "model": self.model or index.about.model,
            "images": f"{', '.join(index.about.sources)}; {len(index):,} files",
        }
        if index.left_out:
            about["left out"] = f"{len(index.left_out):,} files that can't be read here"
        places = {hit["id"]: index.place(hit["id"]) for of in results for hit in of["hits"]}
        write_search_report(self.output, about, results, thumbnails(places))
        print(f"\nthe images are shown in {self.output / 'report.md'}")

    def _check(self) -> None:
        from kclip.data.collections.collecting import check_sources
        from kclip.retrieval.approximate import check_faiss

        check_settings(self)
        if self.approximate:
            check_faiss()
        if not self.queries or not all(query.strip() for query in self.queries):
            raise UserError("give at least one query of one word or more, such as 'a red circle'")
        if bool(self.index) == bool(self.images):
            raise UserError("give --index, a folder of index_images, or --images; not both")
        if self.images and self.model is None:
            raise UserError("give --model, which --images are embedded with")
        if self.images and self.update:
            raise UserError("--update is for --index; with --images the index is always up to date")
        check_sources([self.images] if self.images else [])
