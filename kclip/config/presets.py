"""Named training configs; every value can be changed by its flag."""

import dataclasses
from typing import Any

from kclip.config.classifier import ClassifierSettings
from kclip.config.clip_decoder import DecoderHead, DecoderOptimization, JointObjective
from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.towers import ImageTower, TextTower

Preset = dict[str, Any]  # field of TrainDualEncoder -> value

# For weights that know much already: Wortsman et al. 2022 fine-tune CLIP at 1e-5 to 3e-5.
FINE_TUNING = Optimization(
    epochs=5,
    batch_size=64,
    learning_rate=1e-5,
    weight_decay=0.1,
    schedule="cosine",
    warmup=0.1,
    clip_norm=1.0,
    monitor="recall",
)

PRESETS: dict[str, Preset] = {
    # Learns the generated scenes in two and a half minutes on two cores.
    "tiny": {
        "image": ImageTower(backbone="small_cnn", size=64, pooling="flatten"),
        "text": TextTower(backbone="tiny", vocabulary_size=1024, dropout=0.0, sequence_length=24),
        "objective": Objective(projection_dim=128, loss="multi_positive"),
        "optimization": Optimization(epochs=8, batch_size=128, schedule="cosine"),
    },
    # Flickr8k on a CPU: frozen towers, wide heads, much noise on the features. The folders of the
    # towers are given by --image.backbone and --text.backbone.
    "flickr8k": {
        "image": ImageTower(backbone="tf_efficientnet_lite2.in1k", mirror=True, train="head"),
        "text": TextTower(backbone="all-MiniLM-L6-v2", pooling="mean", train="head"),
        "objective": Objective(
            projection_dim=896,
            dropout=0.1,
            image_feature_dropout=0.6,
            text_feature_dropout=0.2,
            standardize=True,
            loss="multi_positive",
        ),
        "optimization": Optimization(
            epochs=12,
            batch_size=500,
            captions="expand",
            augmentation="flip",
            schedule="cosine",
            early_stopping_patience=12,
            monitor="recall",
        ),
    },
    # A pretrained CLIP or SigLIP on captions of one's own (--model): small steps, few epochs.
    "fine_tune_clip": {
        "image": ImageTower(),
        "text": TextTower(),
        "objective": Objective(loss="multi_positive"),
        "optimization": FINE_TUNING,
    },
    "fine_tune_siglip": {
        "image": ImageTower(),
        "text": TextTower(),
        "objective": Objective(loss="sigmoid"),
        "optimization": FINE_TUNING,
    },
    # Zhai et al. 2022, "LiT": texts learn to find what a locked image side already tells apart.
    "locked_image": {
        "image": ImageTower(train="frozen"),
        "text": TextTower(),
        "objective": Objective(loss="multi_positive"),
        "optimization": FINE_TUNING,
    },
    # The images' last projection alone, kept near its start: for some tens or hundreds of images.
    "few_images": {
        "image": ImageTower(train="head"),
        "text": TextTower(train="frozen"),
        "objective": Objective(loss="multi_positive", stay_near=1.0),
        "optimization": dataclasses.replace(FINE_TUNING, epochs=50, learning_rate=1e-4),
    },
    # The Politecnico report to the letter (Section 3.2, Table 1): frozen BERT and Xception,
    # three captions an image, each pair in each epoch; CLIP's loss as in its Figure 1.
    "bert_xception": {
        "image": ImageTower(backbone="xception", size=299, weights="imagenet", train="head"),
        "text": TextTower(backbone="bert_base_en_uncased", pooling="cls", train="head"),
        "objective": Objective(projection_dim=256, dropout=0.1, loss="hard"),
        "optimization": Optimization(
            epochs=8,
            batch_size=256,
            captions="expand",
            learning_rate=1e-3,
            weight_decay=1e-3,
            schedule="plateau",
            plateau_patience=3,
            plateau_factor=0.2,
            early_stopping_patience=5,
        ),
    },
}


# name -> field of TrainClipDecoder -> its value
CLIP_DECODER_PRESETS = {
    # Small enough for generated scenes on a CPU.
    "tiny": {
        "image": ImageTower(),
        "head": DecoderHead(dim=64, num_heads=4, intermediate_dim=128),
        "objective": JointObjective(),
        "optimization": DecoderOptimization(epochs=8, batch_size=64, learning_rate=1e-3, ema=0.98),
    },
    # Flickr8k's tags on a CPU; --model, or --image.backbone and --queries, give the towers.
    "flickr8k": {
        # The best of 23 on training images that the dual encoder had not seen.
        "template": ["there is a {}"],
        "image": ImageTower(backbone="tf_efficientnet_lite2.in1k", mirror=True, train="head"),
        "head": DecoderHead(dim=128, intermediate_dim=256, trained_fraction=0.75),
        "objective": JointObjective(sentence="there is {}"),
        "optimization": DecoderOptimization(
            epochs=6,
            batch_size=100,
            optimizer="adamw",
            learning_rate=1e-3,
            ema=0.98,
            augmentation="flip",
        ),
    },
    # ML-Decoder's settings for zero-shot NUS-WIDE, with TResNet-M at 224 as CLIP-Decoder has it.
    "nus_wide": {
        "image": ImageTower(backbone="tresnet_m", size=224),
        "head": DecoderHead(),
        "objective": JointObjective(),
        "optimization": DecoderOptimization(augmentation="randaugment", dtype="mixed_float16"),
    },
}


# What the report says of these networks is that they are keras.applications' and fine-tuned
# (section 6.3); optimizer, decay, patiences and epochs are those of its Table 1, and each network
# sees the resolution that it was made for.
CLASSIFIER_PRESETS = {
    "tiny": ClassifierSettings(epochs=20),
    "xception": ClassifierSettings(backbone="xception", size=299, weights="imagenet"),
    "efficientnetb7": ClassifierSettings(
        backbone="efficientnetb7", size=600, weights="imagenet", batch_size=8
    ),
}
