"""The README.md of a folder for transformers: an example, and what is not as in kclip."""

from collections.abc import Sequence
from typing import Any

from kclip.export.huggingface.tokenizer import TokenizerFiles
from kclip.models import ClipPreprocessor

_PAGE = """---
library_name: transformers
pipeline_tag: zero-shot-image-classification
---

# {name}, for transformers

Exported by kclip from `{name}`. `pip install torch transformers pillow`, and in this folder, with
an image `photo.jpg`:

```python
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

model = AutoModel.from_pretrained(".").eval()
processor = AutoProcessor.from_pretrained(".")
texts = ["a photo of a dog.", "a photo of a cat."]
inputs = processor(
    text=texts,
    images=Image.open("photo.jpg").convert("RGB"),
    padding="max_length",
    truncation=True,
    return_tensors="pt",
)
with torch.no_grad():
    outputs = model(**inputs)
print(outputs.image_embeds.shape, outputs.text_embeds.shape)  # (1, {dim}), (2, {dim}), unit length
print({probabilities})  # {meaning}
```
{notes}"""

_NOTES = """
Pixels and token ids are kclip's own, with these exceptions:

{notes}
"""
_TORCHVISION = (
    "Where torchvision is installed, transformers resizes by it and not by Pillow. "
    '`AutoProcessor.from_pretrained(".", backend="pil")` resizes as kclip does.'
)
_MENDS = (
    "kclip mends HTML entities (`&amp;`), mojibake and full-width letters before it splits a text "
    "into tokens; a `tokenizer.json` cannot."
)
_PADS = (
    "These files fill short texts up with the end token, kclip with another; what follows a text's "
    "end changes nothing in its embedding."
)
_MARGIN = (
    "Where 3, 7, 11, ... pixels of an image's longer side are cut off, the middle square that "
    "transformers keeps lies one pixel further left, or up, than kclip's."
)


def readme(name: str, model: Any, notes: Sequence[str]) -> str:
    """Writes the page.

    Args:
        name: of the model.
        model: an `ImageTextModel`.
        notes: sentences about what is not as in kclip.
    """
    judges_pairs = model.logit_scale.bias is not None
    logits = "outputs.logits_per_image"
    return _PAGE.format(
        name=name,
        dim=model.projection_dim,
        probabilities=f"{logits}.sigmoid()" if judges_pairs else f"{logits}.softmax(dim=-1)",
        meaning="each text by itself" if judges_pairs else "of the texts",
        notes=_NOTES.format(notes="\n".join(f"- {note}" for note in [_TORCHVISION, *notes])),
    )


def clip_notes(preprocessor: ClipPreprocessor, tokenizer: TokenizerFiles) -> list[str]:
    """What of a CLIP's images and texts transformers prepares otherwise."""
    crops_evenly = preprocessor.numbers["crop_margin"] == "even"
    found = {
        _MARGIN: crops_evenly and preprocessor.numbers["resize"] == "crop",
        _MENDS: tokenizer.mends_texts,
        _PADS: tokenizer.pads_differently,
    }
    return [note for note, holds in found.items() if holds]
