"""CLIP and SigLIP of a few thousand weights, with tokenizers of a few words."""

import io

import numpy as np

from kclip.models import CLIP, ClipPreprocessor, ClipTokenizer, SiglipTokenizer

SIZE = 32
LENGTH = 16
TEXTS = ["a red circle", "two blue squares", "a star", "the small green circle on a square"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'"
_MERGES = ["r e", "re d</w>", "b l", "u e</w>", "bl ue</w>", "s t", "a r</w>", "st ar</w>"]
_ENDS = ["<|startoftext|>", "<|endoftext|>"]


def tiny_clip(architecture="clip", activation="quick_gelu", dtype="float32", seed=0, **kwargs):
    """A model with weights that a default would not have, the same ones for the same seed."""
    tower = {"hidden_dim": 24, "num_layers": 2, "num_heads": 2, "intermediate_dim": 48}
    tower |= {"activation": activation, "epsilon": 1e-5}
    siglip = architecture == "siglip"
    settings = {"projection_dim": 24 if siglip else 12, "vocabulary_size": 120}
    settings |= {"end_token_id": None if siglip else vocabulary()[_ENDS[1]]}
    settings |= {"initial_bias": -3.0, "initial_scale": 10.0} if siglip else {}
    model = CLIP(
        architecture,
        tower,
        tower,
        image_size=SIZE,
        patch_size=8,
        sequence_length=LENGTH,
        dtype=dtype,
        **settings | kwargs,
    )
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if not weight.path.startswith("logit_scale"):
            weight.assign(rng.normal(float(weight.name == "gamma"), 0.2, weight.shape))
    return model


def vocabulary():
    words = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS)]
    words += [merge.replace(" ", "") for merge in _MERGES] + _ENDS
    return {word: number for number, word in enumerate(words)}


def tiny_clip_tokenizer():
    return ClipTokenizer(vocabulary(), list(_MERGES))


def tiny_siglip_tokenizer():
    return SiglipTokenizer(sentencepiece_model())


def sentencepiece_model(symbols=()):
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3),
        model_writer=written,
        vocab_size=40,
        hard_vocab_limit=False,
        pad_id=-1,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=list(symbols),
        minloglevel=2,
    )
    return written.getvalue()


def tiny_clip_preprocessor(architecture="clip", **kwargs):
    siglip = architecture == "siglip"
    tokenizer = tiny_siglip_tokenizer() if siglip else tiny_clip_tokenizer()
    settings = {"resize": "squash" if siglip else "crop"} | kwargs
    return ClipPreprocessor(tokenizer, SIZE, LENGTH, **settings)


def write_tiny_clip(folder, architecture="clip", **kwargs):
    """A kclip model folder; gives the model and its preprocessor."""
    model = tiny_clip(architecture, **kwargs)
    preprocessor = tiny_clip_preprocessor(architecture)
    model.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))
    return model, preprocessor
