"""Table 2 of the Politecnico report (section 6.4), measured on the report's own images."""

from typing import Literal

PublishedSet = Literal["everyday", "animals10"]

TITLES = {
    "everyday": "ten everyday classes, 9,300 images",
    "animals10": "Animals-10, 28,000 images",
}

# (model, accuracy, precision, recall, F1), percent; None where the report gives no figure.
PUBLISHED: dict[str, tuple[tuple[str, float, float | None, float | None, float | None], ...]] = {
    "everyday": (
        ("the report's dual encoder, zero-shot", 85.75, 89.63, 86.41, 86.66),
        ("pretrained CLIP, zero-shot", 99.09, 99.15, 99.07, 99.10),
    ),
    "animals10": (
        ("Xception, fine-tuned", 44.22, None, None, None),
        ("EfficientNetB7, fine-tuned", 97.47, None, None, None),
        ("the report's dual encoder, zero-shot", 59.02, 62.49, 62.30, 55.86),
        ("pretrained CLIP, zero-shot", 98.73, 98.41, 98.72, 98.56),
    ),
}
