import keras

from kclip.models.dual_encoder.contrastive_model import ContrastiveModel


class CachedDualEncoder(ContrastiveModel, keras.Model):
    """A `DualEncoder` from its frozen towers' features on.

    A frozen tower's output for an image or a caption never changes, so it is computed once
    (`kclip.features`) and this model trains on the result. It shares the heads, the logit scale
    and, where it is trained, the text tower with the dual encoder that it was made from.

    Args:
        dual_encoder: `DualEncoder` whose image tower is frozen. Its text tower enters by
            features too if it is frozen, by tokens otherwise.

    Inputs: dict of `image_features` (B, F), and `text_features` (B, C) or the text tower's own.
    Outputs: as the dual encoder's.

    Example:
    >>> model, _, _ = kclip.load("runs/demo/model")
    >>> model.image_encoder.trainable = model.text_encoder.trainable = False
    >>> cached = CachedDualEncoder(model)
    >>> cached.compile(keras.optimizers.AdamW(1e-3), loss=ContrastiveLoss())
    """

    def __init__(self, dual_encoder, **kwargs):
        image = keras.Input((dual_encoder.image_encoder.feature_dim,), name="image_features")
        text_encoder = dual_encoder.text_encoder
        if text_encoder.trainable:
            text = text_encoder.new_inputs()
            text_features = text_encoder(text)
        else:
            text_features = keras.Input((text_encoder.feature_dim,), name="text_features")
            text = {"text_features": text_features}
        super().__init__(
            inputs={"image_features": image, **text},
            outputs=dual_encoder.project(image, text_features),
            **kwargs,
        )
        self.logit_scale = dual_encoder.logit_scale
