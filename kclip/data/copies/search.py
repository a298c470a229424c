"""Which of many images are the same or nearly the same, by their fingerprints.

Measured on 7,091 photographs of Flickr8k (25 million pairs, and as many with one image mirrored):
one pair is found, which is a true copy; of all other pairs the nearest differs in 74 bits. Of 203
of these photographs all are found again after JPEG of quality 20, WebP, half or a third of the
size, another aspect ratio, blur and mirroring; 97 to 99 % after more contrast or a change of
brightness by a fifth or a third; 97 % after 5 % of width and height were cut off. Mostly not found:
10 % cut off (8 %), colours taken away (50 %), a white label over 4 % of the image (22 %), a quarter
turn (0 %). Of 4,500 generated drawings of one shape on plain ground, 63 pairs are near enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from kclip.data.copies.near import near_pairs

MAX_BITS = 56  # of 256
# Hashes see grey values alone; a blue circle is no copy of a green one.
MIN_CORRELATION = 0.94
# Drawings and patches of colour have so few frequencies that other ones have the same hash. Of
# images with less detail than this the colours (0 to 255) must differ by no more than this mean.
MIN_DETAIL, MAX_DIFFERENCE = 0.1, 6.0
# Standard deviation of the colours (0 to 255) below which an image has nothing to be known by.
MIN_CONTRAST = 2.0
SAME_FILE, SAME_PIXELS, NEARLY, MIRRORED = "same file", "same pixels", "nearly equal", "mirrored"


@dataclass(frozen=True)
class CopyPair:
    """Two images that are copies of each other.

    Attributes:
        first: row of the earlier image.
        second: row of the later one.
        kind: `SAME_FILE` (byte for byte), `SAME_PIXELS`, `NEARLY` (encoded anew, resized, a little
            cut off) or `MIRRORED`.
        bits: how many of the 256 bits of their hashes differ; 0 for the first two kinds.
    """

    first: int
    second: int
    kind: str
    bits: int = 0


def find_copies(fingerprints: np.ndarray) -> list[CopyPair]:
    """Compares all images with each other.

    Of images that are the same file, or have the same pixels, each later one is paired with the
    first. Of nearly equal ones all pairs are found, up to a million; beyond, those that hold groups
    together. Time grows with the square of N: about 1 s for 10,000 images, 2 min for 100,000.

    Args:
        fingerprints: (N,) of the dtype `FINGERPRINT`. Rows of zeros (images that could not be read)
            have no copies.

    Returns:
        The pairs, sorted by first and second.

    Example:
        >>> from kclip.data.copies.fingerprint import FINGERPRINT
        >>> rows = np.zeros(3, FINGERPRINT)
        >>> rows["content"] = 7, 8, 7
        >>> find_copies(rows)
        [CopyPair(first=0, second=2, kind='same file', bits=0)]
    """
    rows = np.flatnonzero(fingerprints["content"])
    pairs: list[CopyPair] = []
    for field, kind in (("content", SAME_FILE), ("pixels", SAME_PIXELS)):
        values = fingerprints[field][rows]
        first_rows, of_value = np.unique(values, return_index=True, return_inverse=True)[1:]
        first = rows[first_rows[of_value]]
        later = first != rows
        if field == "pixels":
            later &= values != 0
        pairs += [
            CopyPair(int(a), int(b), kind) for a, b in zip(first[later], rows[later], strict=True)
        ]
        rows = rows[~later]
    pairs += _near_copies(fingerprints, rows)
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _near_copies(fingerprints: np.ndarray, rows: np.ndarray) -> Iterator[CopyPair]:
    colors = fingerprints["colors"][rows].astype(np.float32)
    textured = colors.std(axis=(1, 2, 3)) >= MIN_CONTRAST
    rows, colors = rows[textured], colors[textured]
    detailed = fingerprints["detail"][rows] >= MIN_DETAIL
    hashes, mirrored = fingerprints["hash"][rows], fingerprints["mirrored"][rows]
    taken = set()
    for kind, others, other_colors in (
        (NEARLY, hashes, colors),
        (MIRRORED, mirrored, colors[:, :, ::-1]),
    ):
        is_copy = partial(_same_colors, colors, other_colors, detailed)
        for a, b, bits in near_pairs(hashes, others, MAX_BITS, is_copy).T.tolist():
            if (a, b) not in taken:  # an image of two equal halves is its own mirror image
                taken.add((a, b))
                yield CopyPair(int(rows[a]), int(rows[b]), kind, bits)


def _same_colors(
    colors: np.ndarray, others: np.ndarray, detailed: np.ndarray, i: np.ndarray, j: np.ndarray
) -> np.ndarray:
    """Whether the colours of images i and others j are those of copies."""
    difference = np.abs(colors[i] - others[j]).mean(axis=(1, 2, 3))
    enough_detail = detailed[i] & detailed[j]
    alike = _correlations(colors[i], others[j]) >= MIN_CORRELATION
    return alike & (enough_detail | (difference <= MAX_DIFFERENCE))


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(P,) correlations of the colours of P pairs of images, (P, 8, 8, 3) each."""
    a, b = (colors.reshape(len(colors), 3 * 8 * 8) for colors in (a, b))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
