"""Published figures of zero-shot multi-label recognition on NUS-WIDE, and when they belong beside.

The papers: LESA (Huynh and Elhamifar 2020), BiAM (Narayan et al. 2021), SDL (Ben-Cohen et al.
2021), ML-Decoder (Ridnik et al. 2023), CLIP-Decoder (2024), whose Table 2 they are taken from.
There are 107,859 test images; F1 is over all of them, and so is BiAM's mAP, while ML-Decoder's own
code leaves out the images without one of the classes.
"""

import hashlib
from collections.abc import Collection

# (system, mAP, F1@3, F1@5), percent.
PUBLISHED_ZSL = (
    ("LESA", 19.4, 31.6, 28.7),
    ("BiAM", 26.3, 33.1, 30.7),
    ("SDL", 25.9, 30.5, 21.0),
    ("ML-Decoder", 31.1, 34.1, 30.8),
    ("CLIP-Decoder", 33.4, 34.8, 31.1),
)
PUBLISHED_GZSL = (
    ("LESA", 5.6, 14.4, 16.8),
    ("BiAM", 9.3, 16.1, 19.0),
    ("SDL", 12.1, 18.5, 27.8),
    ("ML-Decoder", 19.9, 23.3, 26.1),
    ("CLIP-Decoder", 23.8, 24.87, 27.54),
)

# Digests of the 925 and the 81 names: figures on other classes, however many, do not compare.
_SEEN, _UNSEEN = "64661e1df4e869f1", "454b648677332111"


def is_nus_wide(seen: Collection[str], unseen: Collection[str]) -> bool:
    """Says whether classes are the 925 seen and 81 unseen ones of NUS-WIDE, in whatever order.

    Example:
        >>> is_nus_wide(["dog"], ["yak"])
        False
    """
    return (_digest(seen), _digest(unseen)) == (_SEEN, _UNSEEN)


def _digest(names: Collection[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]
