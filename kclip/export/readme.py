"""The README.md of a folder of exports: how to call each, in code that runs."""

from collections.abc import Sequence
from typing import Any

_HEAD = """# {model}, exported by kclip

Embeddings are float32 of shape (N, {dim}) and unit length, so a dot product is a cosine
similarity. Logits are `{scale:.9g} * cosine{bias}`, and their softmax over the texts gives
probabilities{sigmoid}.
The code below runs in this folder, with an image `photo.jpg` beside this file.

`preprocessor/` holds the preprocessing: {size} x {size} pixels and {length} tokens a text; the
vocabulary is in `preprocessor/assets/tokenizer/`. `export.json` holds the numbers of this page.
"""

_SAVED_MODEL = """## SavedModel

`saved_model/` takes encoded images (JPEG or PNG, as `bytes`) and strings; decoding, resizing and
tokenization are inside. It needs TensorFlow and, for the operations of the tokenizer,
tensorflow_text of the same version, imported before the model is loaded. EXIF's orientation is not
applied: turn photographs of phones upright first.
{clip_note}

```python
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # registers the tokenizer's operations

model = tf.saved_model.load("saved_model")
images = tf.constant([Path("photo.jpg").read_bytes()])
texts = tf.constant(["a photo of a dog.", "a photo of a cat."])
image_embeddings = model.embed_images(images)  # (1, {dim})
text_embeddings = model.embed_texts(texts)  # (2, {dim})
logits = model.logits_per_image(images, texts)  # (1, 2)
print(tf.nn.softmax(logits).numpy())
```

Each of the three is a signature for TensorFlow Serving too, with the inputs `images` and `texts`.
"""

_CLIP_NOTE = """
Two more things differ a little from kclip's own results: images of another size than the model's
are resized by TensorFlow, not by Pillow (after normalisation pixels differ by 0.005 on average),
and HTML entities and mojibake in texts stay.
"""
_SIGMOID = "; this model was trained to judge each pair by itself, by the sigmoid"

_PREPROCESSING = """import numpy as np
from PIL import Image

from kclip.models import {preprocessor}

preprocessor = {preprocessor}.from_preset("preprocessor")
photo = preprocessor.prepare(Image.open("photo.jpg").convert("RGB"))
image = np.asarray(photo, np.float32)[None]  # (1, {size}, {size}, 3)
tokens = preprocessor.tokenize(["a photo of a dog.", "a photo of a cat."])
tokens = {{name: np.asarray(tokens[name], np.int32) for name in {inputs}}}  # (2, {length}) each"""

_LOGITS = """logits = {scale:.9g} * image_embeddings @ text_embeddings.T{bias}  # (1, 2)
print(np.exp(logits) / np.exp(logits).sum())"""

_WITHOUT_KCLIP = """\
The files themselves need no kclip, only what goes into them: `image`, float32
(N, {size}, {size}, 3), RGB in [0, 255], resized by antialiased {interpolation} interpolation
({resize}); and int32 (N, {length}) {names}, as the preprocessor makes them.
"""

_ONNX = """## ONNX

`onnx/image_tower.onnx` and `onnx/text_tower.onnx`, for any batch size; `pip install onnxruntime`.
In kclip, `kclip.load` takes this folder and onnxruntime does the work, and so does `--model` of the
commands that search, classify and evaluate. Searching and `kclip.OnnxEmbedder` import no TensorFlow
where `tokenizer.json` is here; its ids are the model's after the `cleaning` of `export.json`
(`kclip.inputs.text_cleaning`).
{without_kclip}
```python
import onnxruntime
{preprocessing}

def embed(name, inputs):
    return onnxruntime.InferenceSession(f"onnx/{{name}}.onnx").run(None, inputs)[0]

image_embeddings = embed("image_tower", {{"image": image}})
text_embeddings = embed("text_tower", tokens)
{logits}
```
"""

_LITERT = """## LiteRT

`litert/image_tower.tflite` and `litert/text_tower.tflite`, for any batch size;
`pip install ai-edge-litert`.
{without_kclip}
```python
from ai_edge_litert.interpreter import Interpreter
{preprocessing}

def embed(name, inputs):
    run = Interpreter(f"litert/{{name}}.tflite").get_signature_runner()
    return run(**inputs)["output_0"]

image_embeddings = embed("image_tower", {{"image": image}})
text_embeddings = embed("text_tower", tokens)
{logits}
```
"""

_SECTIONS = {"saved_model": _SAVED_MODEL, "onnx": _ONNX, "litert": _LITERT}
_RESIZE = {
    "squash": "both sides to {resize_size} pixels, whatever the image's shape",
    "crop": "the shorter side to {resize_size} pixels",
}
_CROP = ", and the middle {size} x {size} pixels cut out"


def readme(settings: dict[str, Any], formats: Sequence[str]) -> str:
    """Writes the page.

    Args:
        settings: of `kclip.export.folder.settings`.
        formats: the exports in the folder.
    """
    bias = settings["logit_bias"]
    values = {
        "model": settings["model"],
        "dim": settings["projection_dim"],
        "size": settings["image_size"],
        "length": settings["sequence_length"],
        "scale": settings["logit_scale"],
        "bias": "" if bias is None else f" + {bias:.9g}".replace("+ -", "- "),
        "preprocessor": settings["preprocessor"],
        "clip_note": _CLIP_NOTE if settings["preprocessor"] == "ClipPreprocessor" else "",
        "sigmoid": "" if bias is None else _SIGMOID,
        "interpolation": settings["interpolation"],
        "inputs": settings["text_inputs"],
        "names": ", ".join(f"`{name}`" for name in settings["text_inputs"]),
    }
    values["resize_size"] = settings["resize_size"]
    cut = settings["resize"] == "crop" or settings["resize_size"] != settings["image_size"]
    resize = _RESIZE[settings["resize"]] + (_CROP if cut else "")
    values["resize"] = resize.format(**values)
    values["without_kclip"] = _WITHOUT_KCLIP.format(**values)
    values["preprocessing"] = _PREPROCESSING.format(**values)
    values["logits"] = _LOGITS.format(**values)
    sections = [_HEAD, *(_SECTIONS[name] for name in formats)]
    return "\n".join(section.format(**values) for section in sections)
