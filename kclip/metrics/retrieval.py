"""Ranks and recalls of cross-modal retrieval under the any-hit rule.

A caption's rank is that of its image; an image's rank is that of the best of its captions
(Karpathy and Fei-Fei, 2015, section 4.2). Ranks start at 1. Ties count against the model: every
wrong item that scores as high as the right one stands before it, so that a collapsed model, which
gives all pairs one score, is ranked last and not first.
"""

from collections.abc import Sequence

import numpy as np

from kclip.errors import KclipError
from kclip.metrics.similarity import l2_normalize, row_blocks


def text_to_image_ranks(
    image_embeddings: np.ndarray,
    text_embeddings: np.ndarray,
    text_to_image_index: np.ndarray,
    block_rows: int | None = None,
) -> np.ndarray:
    """Ranks each text's own image among all images by cosine similarity.

    Args:
        image_embeddings: (N, D) floats of any length.
        text_embeddings: (M, D) floats of any length.
        text_to_image_index: (M,) integers in [0, N), the image that each text describes.
        block_rows: texts compared at a time; by default what fits in 128 MiB.

    Returns:
        (M,) int64 in [1, N].

    Raises:
        KclipError: an embedding is not finite.
        ValueError: the shapes do not belong together.

    Example:
        The second text points at image 0 more than at its own image 1:

        >>> images = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> texts = np.array([[1.0, 0.1], [0.8, 0.6]])
        >>> text_to_image_ranks(images, texts, np.array([0, 1])).tolist()
        [1, 2]
    """
    images, texts, index = _checked(image_embeddings, text_embeddings, text_to_image_index)
    ranks = np.empty(len(texts), np.int64)
    for rows in row_blocks(len(texts), len(images), block_rows):
        scores = texts[rows] @ images.T
        own = np.take_along_axis(scores, index[rows, None], axis=1)
        ranks[rows] = np.count_nonzero(scores >= own, axis=1)  # the right image counts itself
    return ranks


def image_to_text_ranks(
    image_embeddings: np.ndarray,
    text_embeddings: np.ndarray,
    text_to_image_index: np.ndarray,
    block_rows: int | None = None,
) -> np.ndarray:
    """Ranks the best of each image's own texts among all texts by cosine similarity.

    Args:
        image_embeddings: (N, D) floats of any length.
        text_embeddings: (M, D) floats of any length.
        text_to_image_index: (M,) integers in [0, N); every image has a text.
        block_rows: images compared at a time; by default what fits in 128 MiB.

    Returns:
        (N,) int64 in [1, M].

    Raises:
        KclipError: an embedding is not finite.
        ValueError: the shapes do not belong together, or an image has no text.

    Example:
        >>> images = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> texts = np.array([[0.6, 0.8], [1.0, 0.1], [0.8, 0.6]])
        >>> image_to_text_ranks(images, texts, np.array([0, 0, 1])).tolist()
        [1, 2]
    """
    images, texts, index = _checked(image_embeddings, text_embeddings, text_to_image_index)
    if without := len(images) - len(np.unique(index)):
        raise ValueError(f"{without} of {len(images)} images have no text to be found")
    # With the texts sorted by image, the texts of a block of images are one run of columns.
    order = np.argsort(index, kind="stable")
    texts, index = texts[order], index[order]
    starts = np.searchsorted(index, np.arange(len(images) + 1))
    ranks = np.empty(len(images), np.int64)
    for rows in row_blocks(len(images), len(texts), block_rows):
        scores = images[rows] @ texts.T
        columns = slice(int(starts[rows.start]), int(starts[rows.stop]))
        first_own = starts[rows.start : rows.stop] - columns.start
        own_row = index[columns] - rows.start
        own = scores[own_row, np.arange(columns.start, columns.stop)]
        best = np.maximum.reduceat(own, first_own)
        own_at_best = np.add.reduceat(own >= best[own_row], first_own)
        ranks[rows] = np.count_nonzero(scores >= best[:, None], axis=1) - own_at_best + 1
    return ranks


def recall_at_k(ranks: np.ndarray, k: int) -> float:
    """Returns the fraction of ranks that are at most `k`, in [0, 1].

    Example:
        >>> recall_at_k(np.array([1, 3, 12, 2]), 3)
        0.75
    """
    return float(np.mean(np.asarray(ranks) <= k))


def random_recalls(
    text_to_image_index: np.ndarray, num_images: int, ks: Sequence[int] = (1, 5, 10)
) -> dict[str, dict[str, float]]:
    """Returns the recalls that a random ranking has on average.

    Args:
        text_to_image_index: (M,) integers in [0, N).
        num_images: N.
        ks: the cut-offs of the recalls.

    Returns:
        `{"text_to_image": {...}, "image_to_text": {...}}`, each with `recall@K` in [0, 1].

    Example:
        Two captions of each of two images: the first found is the image's own in half of the cases,
        and one of the first two in 1 - 1/2 * 1/3 of them.

        >>> chance = random_recalls(np.array([0, 0, 1, 1]), 2, ks=(1, 2))
        >>> chance["text_to_image"]
        {'recall@1': 0.5, 'recall@2': 1.0}
        >>> {name: round(value, 4) for name, value in chance["image_to_text"].items()}
        {'recall@1': 0.5, 'recall@2': 0.8333}
    """
    from scipy.stats import hypergeom

    texts = len(text_to_image_index)
    sizes, counts = np.unique(np.bincount(text_to_image_index), return_counts=True)
    recalls: dict[str, dict[str, float]] = {"text_to_image": {}, "image_to_text": {}}
    for k in ks:
        recalls["text_to_image"][f"recall@{k}"] = min(k, num_images) / num_images
        found = 1 - hypergeom.pmf(0, texts, sizes, min(k, texts))
        recalls["image_to_text"][f"recall@{k}"] = float(np.average(found, weights=counts))
    return recalls


def retrieval_metrics(
    image_embeddings: np.ndarray,
    text_embeddings: np.ndarray,
    text_to_image_index: np.ndarray,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, dict[str, float]]:
    """Measures retrieval in both directions.

    Args:
        image_embeddings: (N, D) floats of any length.
        text_embeddings: (M, D) floats of any length.
        text_to_image_index: (M,) integers in [0, N); every image has a text.
        ks: the cut-offs of the recalls.

    Returns:
        `{"text_to_image": {...}, "image_to_text": {...}}`, each with `recall@K` in [0, 1] for
        every K, `median_rank` and `mean_rank` (1 is best).

    Raises:
        KclipError: an embedding is not finite.
        ValueError: the shapes do not belong together, or an image has no text.

    Example:
        >>> images = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> texts = np.array([[1.0, 0.1], [0.8, 0.6]])
        >>> results = retrieval_metrics(images, texts, np.array([0, 1]), ks=(1,))
        >>> results["text_to_image"]
        {'recall@1': 0.5, 'median_rank': 1.5, 'mean_rank': 1.5}
    """
    arrays = image_embeddings, text_embeddings, text_to_image_index
    directions = {
        "text_to_image": text_to_image_ranks(*arrays),
        "image_to_text": image_to_text_ranks(*arrays),
    }
    return {
        direction: {f"recall@{k}": recall_at_k(ranks, k) for k in ks}
        | {"median_rank": float(np.median(ranks)), "mean_rank": float(np.mean(ranks))}
        for direction, ranks in directions.items()
    }


def _checked(
    image_embeddings: np.ndarray, text_embeddings: np.ndarray, text_to_image_index: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images, texts = np.asarray(image_embeddings), np.asarray(text_embeddings)
    index = np.asarray(text_to_image_index)
    if images.ndim != 2 or texts.ndim != 2 or images.shape[1:] != texts.shape[1:]:
        raise ValueError(f"expected (N, D) and (M, D), got {images.shape} and {texts.shape}")
    if not len(images) or not len(texts):
        raise ValueError(f"nothing to rank: {len(images)} images and {len(texts)} texts")
    if index.shape != texts.shape[:1] or index.min() < 0 or index.max() >= len(images):
        raise ValueError(
            f"text_to_image_index must be {len(texts)} integers in [0, {len(images)}), "
            f"got shape {index.shape} in [{index.min()}, {index.max()}]"
        )
    # Comparisons with NaN are false, so a model of NaN would be ranked first.
    for name, embeddings in (("image", images), ("text", texts)):
        if not np.isfinite(embeddings).all():
            raise KclipError(
                f"the {name} embeddings hold values that are not finite, so the model's weights "
                "are unusable; train it again, with a lower learning rate"
            )
    return l2_normalize(images), l2_normalize(texts), index
