"""Retrieval, measured: a plain dict that reports are made of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.image_record import ImageRecord
from kclip.evaluation.remarks import retrieval_remarks, unknown_words_remarks
from kclip.inference.readable_images import compute_readable
from kclip.metrics.retrieval import random_recalls, retrieval_metrics
from kclip.retrieval.searcher import top_k_rows

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

NUM_EXAMPLES = 4
EXAMPLE_HITS = 5


def evaluate_retrieval(embedder: "Embedder", records: Sequence[ImageRecord]) -> dict[str, Any]:
    """Measures how well captions find their images and images their captions.

    Images that can't be read are left out with their captions and printed.

    Args:
        embedder: the model.
        records: images, each with a caption or more.

    Returns:
        What `retrieval_results` returns.

    Raises:
        UserError: more than 1 % of the images can't be read.
        KclipError: an embedding is not finite.
    """
    image_embeddings, kept = embed_records(embedder, records)
    captions = [caption for record in kept for caption in record.captions]
    counts = [len(record.captions) for record in kept]
    return retrieval_results(
        image_embeddings,
        embedder.embed_texts(captions),
        np.repeat(np.arange(len(kept)), counts),
        [record.file_name for record in kept],
        captions,
        embedder.preprocessor,
    )


def retrieval_results(
    image_embeddings: np.ndarray,
    text_embeddings: np.ndarray,
    text_to_image_index: np.ndarray,
    file_names: Sequence[str],
    captions: Sequence[str],
    preprocessor: Any = None,
) -> dict[str, Any]:
    """Measures retrieval on embeddings that are there already.

    Args:
        image_embeddings: (N, D) floats.
        text_embeddings: (M, D) floats.
        text_to_image_index: (M,) integers in [0, N), the image that each text describes.
        file_names: N names of the images.
        captions: M sentences.
        preprocessor: of the model, to see whether it knows their words; None to leave that out.

    Returns:
        `text_to_image` and `image_to_text` as `retrieval_metrics` gives them, `num_images`,
        `num_captions`, `chance`, the recalls of a random ranking, `remarks`, what a reader has to
        know, and `examples`: a few captions, spread evenly over the set so that none
        is picked for its result, each `{"query", "hits": [{"file_name", "score", "correct"}]}`.
    """
    metrics = retrieval_metrics(image_embeddings, text_embeddings, text_to_image_index)
    count = min(NUM_EXAMPLES, len(captions))
    chosen = (np.arange(count) * len(captions)) // count
    found, scores = top_k_rows(text_embeddings[chosen], image_embeddings, EXAMPLE_HITS)
    examples = [
        {
            "query": captions[text],
            "hits": [
                {
                    "file_name": file_names[row],
                    "score": round(float(score), 4),
                    "correct": bool(row == text_to_image_index[text]),
                }
                for row, score in zip(rows, values, strict=True)
            ],
        }
        for text, rows, values in zip(chosen.tolist(), found.tolist(), scores, strict=True)
    ]
    chance = random_recalls(text_to_image_index, len(file_names))
    sizes = {"num_images": len(file_names), "num_captions": len(captions)}
    results: dict[str, Any] = metrics | sizes | {"chance": chance}
    remarks = retrieval_remarks(results)
    remarks += unknown_words_remarks(preprocessor, captions, "the captions")
    return results | {"remarks": remarks, "examples": examples}


def embed_records(
    embedder: "Embedder", records: Sequence[ImageRecord]
) -> tuple[np.ndarray, list[ImageRecord]]:
    """Embeds the images that can be read, and returns their records beside the embeddings."""
    images, names = [r.image for r in records], [r.file_name for r in records]
    embeddings, readable = compute_readable(embedder.embed_images, images, names)
    return embeddings, [records[row] for row in readable]
