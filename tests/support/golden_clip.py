"""A CLIP or SigLIP of transformers with the arrays of its training, and models with its weights."""

import json

import numpy as np

from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models.pretrained.huggingface_clip import fill, load_huggingface_clip
from kclip.training.common.optimizer import TowerAdamW


class Arrays:
    """Arrays by the names of transformers' parameters, to be filled into a model."""

    def __init__(self, arrays, prefix):
        self.arrays, self.prefix = arrays, prefix

    def read(self, name, shape):
        return self.arrays[self.prefix + name].reshape(shape)

    def read_scalar(self, name):
        return self.read(name, ())


class GoldenClip:
    """A folder, its arrays, and models with its weights."""

    def __init__(self, folder):
        self.folder = folder
        self.arrays = dict(np.load(folder / "io.npz"))
        self.meta = json.loads(str(self.arrays["meta"]))
        self.inputs = {
            "image": self.arrays["images_uint8"].astype("float32"),
            "token_ids": self.arrays["input_ids"],
        }
        self.ids = np.arange(len(self.inputs["image"]))

    def model(self):
        mean, std = (self.arrays[f"image_{name}"].tolist() for name in ("mean", "std"))
        return load_huggingface_clip(self.folder, mean=mean, std=std)

    def loss(self):
        siglip = "siglip" in self.folder.name
        return SigmoidLoss() if siglip else ContrastiveLoss("hard")

    def filled(self, prefix):
        """The weights of a model that holds the arrays behind a prefix."""
        model = self.model()
        model.logit_scale.log_scale.constraint = None  # gradients may be anything
        fill(model, Arrays(self.arrays, prefix))
        return [np.array(weight) for weight in model.trainable_variables]

    def optimizer(self):
        settings = self.meta["optimiser"]
        return TowerAdamW(
            settings["lr"],
            beta_1=settings["betas"][0],
            beta_2=settings["betas"][1],
            epsilon=settings["eps"],
            weight_decay=settings["weight_decay"],
        )
