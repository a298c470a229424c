"""The command that embeds images once, and later what is new among them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from kclip.config.checks import check_settings
from kclip.config.images import PixelLimit
from kclip.data.images.limits import within_limits
from kclip.errors import UserError
from kclip.retrieval.codes import CodeName


@dataclass(frozen=True)
class IndexImages(PixelLimit):
    """Makes an index of images for search_images, or brings it up to date.

    Sources are folders with their sub-folders, folders of TFRecords that build_tfrecords wrote,
    plain .tar files (webdataset), and .txt files with one image a line; give any number of them.

      index_images photos/ more/ --model runs/mine/model --output runs/index
      index_images --output runs/index

    The second call brings the index up to date with the sources that it was made of. Only new and
    changed images are embedded; those that were renamed or moved are known by their content, and
    those that are gone are found no more. What can't be read is named and left out. A run that is
    stopped goes on where it was.
    """

    sources: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PHOTOS...")]
    ] = ()
    """Where the images are; by default what the index was made of."""
    model: str | None = None
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset; by default the one that the index was made with."""
    output: Path = Path("runs/index")
    """Folder of the index."""
    codes: CodeName | None = None
    """How embeddings are stored: int16 (the default), or int8, which takes half of the disk and
    moves cosines by about 0.002."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Embeds what is new.

        Returns:
            `index`, its folder; `images`, how many it holds; `left_out`, how many can't be read.
        """
        check_settings(self)
        from kclip.data.collections.collecting import check_sources
        from kclip.retrieval.index import ImageIndex
        from kclip.retrieval.storage import MANIFEST

        before = ImageIndex.open(self.output).about if (self.output / MANIFEST).exists() else None
        sources = self.sources or (before.sources if before else ())
        model = self.model or (before.model if before else None)
        if not sources or model is None:
            raise UserError(
                f"{self.output} holds no index yet; give folders of images, and --model for them"
            )
        check_sources(sources)

        from kclip.inference.onnx_embedder import open_embedder

        codes = self.codes or (before.codes if before else "int16")
        embedder = open_embedder(model)
        index = ImageIndex.build(self.output, embedder, sources, codes, model)  # type: ignore[arg-type]
        print(f"{len(index):,} images are in {self.output}", end="")
        left_out = index.about.num_left_out
        print(f"; {left_out:,} can't be read" if left_out else "")
        return {
            "index": str(self.output),
            "images": len(index),
            "left_out": left_out,
        }
