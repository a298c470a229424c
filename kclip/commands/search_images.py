"""The command that finds images by what they show."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from kclip.config.checks import check_settings
from kclip.config.images import PixelLimit
from kclip.config.ranges import Count, Form
from kclip.config.search import SearchFilters
from kclip.data.images.limits import within_limits
from kclip.errors import UserError
from kclip.retrieval.queries import ReadAs, parse_query

if TYPE_CHECKING:
    import numpy as np

    from kclip.inference.embedder import Embedder
    from kclip.retrieval.index import ImageIndex
    from kclip.retrieval.queries import Query

_STDIN = "-"


@dataclass(frozen=True)
class SearchImages(SearchFilters, PixelLimit):
    """Finds the images that a sentence describes, or that are like others.

    Prints a table of scores and files, and writes a grid of images for each query.

      search_images "a dog in the snow" --index runs/index
      search_images "a dog in the snow" --model runs/mine/model --images photos/

    The first asks an index that index_images has made, as it is (see --update). The second keeps
    an index of the images below the output folder, and brings it up to date first: images that are
    new or have changed are embedded.

    A query is a sentence, the path of an image, or a combination:

      search_images "dog + 0.5*pool.jpg - people" --read-as combination --index runs/index
      search_images street.jpg --crop 40,60,200,200 --index runs/index

    A query "-" reads one query a line from standard input and answers each at once. Without any
    query, in a terminal, it asks for them.
    """

    queries: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="QUERY...")
    ] = ()
    """What to search for, each in quotes."""
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
    read_as: ReadAs | None = None
    """What a query with " + " or " - " in it is: a sentence, or a combination of sentences and
    images."""
    crop: Annotated[str, Form(r"\d+,\d+,\d+,\d+", "x,y,width,height in pixels")] | None = None
    """The part x,y,width,height of a query's image that counts, in pixels from the upper left."""
    top_k: Count = 9
    """How many images to find for each query."""
    page: Count = 1
    """Which of the pages of so many images."""
    approximate: bool = False
    """Search only the part of the index that lies near a query (with faiss): for hundreds of
    thousands of images, many times faster, and a few of the nearest may be missed."""
    json: bool = False
    """Print one line of JSON for each query, and write no report."""
    csv: Path | None = None
    """A file for a line of CSV for each image that was found."""
    output: Path = Path("runs/search")
    """Folder that the figures and report.md are written to."""

    @within_limits
    def run(self) -> list[dict[str, Any]]:
        """Opens the index, finds the images, and shows them.

        Returns:
            One dictionary a query: `query`, and `hits` with `id`, `file_name`, `path` and `score`,
            best first.
        """
        queries = self._check()
        from kclip.reports.search_output import print_results, write_results_csv
        from kclip.retrieval.filters import allowed_rows

        embedder, index = self._opened()
        allowed = allowed_rows(index, self)
        if not queries:
            return list(self._asked_one_by_one(embedder, index, allowed))
        results = self._found(embedder, index, allowed, queries)
        print_results(results, self.json)
        if self.csv:
            write_results_csv(self.csv, results, (self.page - 1) * self.top_k + 1)
        if not self.json:
            self._report(index, results)
        return results

    def _found(
        self,
        embedder: "Embedder",
        index: "ImageIndex",
        allowed: "np.ndarray | None",
        queries: "Sequence[Query]",
    ) -> list[dict[str, Any]]:
        from kclip.retrieval.queries import embed_queries

        skip = (self.page - 1) * self.top_k
        rows = embed_queries(embedder, queries)
        found = index.search(rows, self.top_k, skip, allowed, self.approximate)
        return [
            {
                "query": query.shown,
                "hits": [asdict(hit) | {"path": index.place(hit.id).shown} for hit in hits],
            }
            for query, hits in zip(queries, found, strict=True)
        ]

    def _asked_one_by_one(
        self, embedder: "Embedder", index: "ImageIndex", allowed: "np.ndarray | None"
    ) -> Iterator[dict[str, Any]]:
        """Answers the lines of standard input as they come; a person may mistype one."""
        from kclip.reports.search_output import print_results

        prompts = not self.queries
        for line in _prompted() if prompts else sys.stdin:
            if not line.strip():
                continue
            try:
                results = self._found(embedder, index, allowed, [self._parsed(line.strip())])
            except UserError as error:
                if not prompts:
                    raise
                print(error)
                continue
            print_results(results, self.json)
            yield from results

    def _opened(self) -> "tuple[Embedder, ImageIndex]":
        from kclip.retrieval.index import ImageIndex
        from kclip.retrieval.searcher import check_model

        index = ImageIndex.open(self.index) if self.index else None
        model = self.model or (index.about.model if index else "")
        if not model:
            raise UserError("give --model, the one that the index was made with")

        from kclip.inference.onnx_embedder import open_embedder

        embedder = open_embedder(model)
        if index:
            check_model(embedder, index)
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
        if index.about.num_left_out:
            about["left out"] = f"{index.about.num_left_out:,} files that can't be read here"
        places = {hit["id"]: index.place(hit["id"]) for of in results for hit in of["hits"]}
        write_search_report(self.output, about, results, thumbnails(places))
        print(f"\nthe images are shown in {self.output / 'report.md'}")

    def _check(self) -> "list[Query]":
        """Looks at all flags; returns the queries, none where they come one by one."""
        from kclip.data.collections.collecting import check_sources
        from kclip.retrieval.approximate import check_faiss

        check_settings(self)
        if self.approximate:
            check_faiss()
        one_by_one = self.queries == (_STDIN,) or (not self.queries and sys.stdin.isatty())
        if not one_by_one and not self.queries:
            raise UserError("give at least one query of one word or more, such as 'a red circle'")
        queries = [] if one_by_one else [self._parsed(query) for query in self.queries]
        if one_by_one and self.csv:
            raise UserError("--csv is for queries on the command line; give --json for others")
        if bool(self.index) == bool(self.images):
            raise UserError("give --index, a folder of index_images, or --images; not both")
        if self.images and self.model is None:
            raise UserError("give --model, which --images are embedded with")
        if self.images and self.update:
            raise UserError("--update is for --index; with --images the index is always up to date")
        check_sources([self.images] if self.images else [])
        return queries

    def _parsed(self, query: str) -> "Query":
        crop = tuple(map(int, self.crop.split(","))) if self.crop else None
        return parse_query(query, self.read_as, crop)  # type: ignore[arg-type]


def _prompted() -> Iterator[str]:
    """What a person types, until the end of input or an interrupt."""
    while True:
        try:
            yield input("search for: ")
        except EOFError:
            print()
            return
