import keras

from kclip.models.dual_encoder.contrastive_model import ContrastiveModel
from kclip.models.towers.tower_cut import TowerCuts


class CachedDualEncoder(ContrastiveModel, keras.Model):
    """A `DualEncoder` from what its frozen parts give on.

    What a frozen tower, or the frozen blocks of one, give for an image or a caption never changes,
    so it is computed once (`kclip.features`) and this model trains on the result. It shares the
    heads, the logit scale and what is trained of the towers with the dual encoder that it was made
    from.

    Args:
        dual_encoder: `DualEncoder` whose image tower is frozen or cut. Its text tower enters by
            features too if it is frozen, from its cut on if it has one, by tokens otherwise.
        cuts: `TowerCuts`, of towers whose last blocks are trained.

    Inputs: dict of `image_features` (B, F), and `text_features` (B, C) or the text tower's own; of
    a tower that is cut the inputs of its upper part, whose features are (B, L, C), say.
    Outputs: as the dual encoder's.

    Example:
    >>> model, _, _ = kclip.load("runs/demo/model")
    >>> model.image_encoder.trainable = model.text_encoder.trainable = False
    >>> cached = CachedDualEncoder(model)
    >>> cached.compile(keras.optimizers.AdamW(1e-3), loss=ContrastiveLoss())
    """

    def __init__(self, dual_encoder, cuts=None, **kwargs):
        cuts = cuts or TowerCuts()
        image, image_features = _entry("image", dual_encoder.image_encoder, cuts.image)
        text, text_features = _entry("text", dual_encoder.text_encoder, cuts.text)
        super().__init__(
            inputs={**image, **text},
            outputs=dual_encoder.project(image_features, text_features),
            **kwargs,
        )
        self.logit_scale = dual_encoder.logit_scale


def _entry(side, tower, cut):
    """Symbolic inputs of one side, and the tower's features that follow from them."""
    if cut is not None:
        inputs = cut.new_inputs()
        return inputs, cut.upper(inputs)
    if side == "text" and tower.trainable:
        inputs = tower.new_inputs()
        return inputs, tower(inputs)
    features = keras.Input((tower.feature_dim,), name=f"{side}_features")
    return {f"{side}_features": features}, features
