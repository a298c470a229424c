"""The contenders of `zero_shot_speed.py`, each served by a process of its own.

All have the weights of one Hugging Face folder and answer one question: from uint8 pixels
(B, S, S, 3) of the model's size to the probabilities (B, C) of classes whose embeddings are
computed beforehand.
"""

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

WARM_UP = 2  # calls before a turn is measured


def kclip_classifier(folder: Path, token_ids: np.ndarray, source: str = "model") -> Callable:
    import kclip
    from kclip.zero_shot.classifier import ZeroShotClassifier

    model = kclip.load(folder / source)[0]
    embeddings = model.encode_text({"token_ids": token_ids})
    names = tuple(str(number) for number in range(len(embeddings)))
    classifier = ZeroShotClassifier(names, embeddings, float(model.logit_scale.scale))
    return lambda images: classifier.predict_probabilities(model.encode_image(images))


def transformers_classifier(folder: Path, token_ids: np.ndarray) -> Callable:
    import torch
    from transformers import CLIPModel
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    model = CLIPModel.from_pretrained(folder / "model").eval()
    mean, std = torch.tensor(OPENAI_CLIP_MEAN), torch.tensor(OPENAI_CLIP_STD)
    unit = torch.nn.functional.normalize

    @torch.inference_mode()
    def probabilities(images: np.ndarray) -> np.ndarray:
        pixels = (torch.from_numpy(images) * (1 / (255 * std)) - mean / std).permute(0, 3, 1, 2)
        image_embeddings = unit(model.get_image_features(pixel_values=pixels).pooler_output)
        logits = model.logit_scale.exp() * image_embeddings @ class_embeddings.T
        return logits.softmax(dim=-1).numpy()

    with torch.inference_mode():
        ids = torch.from_numpy(token_ids.astype("int64"))
        class_embeddings = unit(model.get_text_features(input_ids=ids).pooler_output)
    return probabilities


def write_untrained_model(folder: Path) -> None:
    """Writes a ViT-B/32 with random weights, as transformers saves it, and a small tokenizer."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    CLIPModel(CLIPConfig()).save_pretrained(folder)
    words = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words += [f"{letter}</w>" for letter in words] + ["<|startoftext|>", "<|endoftext|>", "ab</w>"]
    numbers = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(numbers))
    (folder / "merges.txt").write_text("#version: 0.2\na b</w>\n")


def export(folder: Path) -> None:
    """Writes the model in `folder` as ONNX, as `export_model --format onnx` does."""
    from kclip.export.folder import export_model
    from kclip.inference.embedder import Embedder

    export_model(Embedder.from_name(folder / "model"), folder / "export", ["onnx"], "ViT-B/32")


METHODS = {
    "kclip": (kclip_classifier, ["tensorflow", "keras"]),
    "kclip_onnx": (partial(kclip_classifier, source="export"), ["onnxruntime"]),
    "transformers": (transformers_classifier, ["torch", "transformers"]),
}


def serve(name: str, folder: Path) -> None:
    """Answers each line "FILE CALLS" by the seconds of so many calls on the images in FILE.

    The first line is answered by the versions. The probabilities of the last call lie beside
    the file, named after the contender.
    """
    make, packages = METHODS[name]
    classify = make(folder, np.load(folder / "token_ids.npy"))
    versions = {package: importlib.metadata.version(package) for package in packages}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        file, calls = line.split()
        images, seconds = np.load(folder / file), []
        for _ in range(WARM_UP + int(calls)):
            started = time.perf_counter()
            probabilities = classify(images)
            seconds.append(time.perf_counter() - started)
        np.save(folder / f"{name}_{file}", probabilities)
        print(json.dumps(seconds[WARM_UP:]), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_untrained_model(Path(sys.argv[2]) / "model")
    elif sys.argv[1] == "export":
        export(Path(sys.argv[2]))
    else:
        serve(sys.argv[1], Path(sys.argv[2]))
