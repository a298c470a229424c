from kclip.errors import UserError
from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models.compiled_again import CompiledAgain
from kclip.models.dual_encoder.image_text_model import ImageTextModel
from kclip.models.replicas import refuse_replicas


class ContrastiveModel(CompiledAgain, ImageTextModel):
    """What a model with a contrastive objective adds to `keras.Model`; mix it in before that.

    `compile(optimizer, loss)` takes a loss of `kclip.losses`. The model's outputs are a dict of
    `image_embeddings` and `text_embeddings`, (B, D) each; its targets are ids, int (B,), equal
    for rows whose texts fit each other's images. The (B, B) logits exist in `compute_loss` alone,
    so that `predict` works on any batch, and `train_step` stays Keras' own: a custom one that
    forgets `optimizer.scale_loss` trains wrongly in float16 and says nothing.
    """

    def compile(self, optimizer, loss, **kwargs):
        """Configures training.

        Args:
            optimizer: a Keras optimizer, or its name, such as "adamw".
            loss: `kclip.losses.ContrastiveLoss` or `SigmoidLoss`; or "contrastive", CLIP's loss,
                "multi_positive", by which captions of one image are not negatives of each other,
                or "sigmoid", SigLIP's.
            **kwargs: further arguments of `keras.Model.compile`.

        Raises:
            UserError: the model is under a `tf.distribute` strategy of several replicas, each of
                which would take its own part of the batch for all negatives; or there is no loss
                of that name.
        """
        refuse_replicas(self)
        super().compile(optimizer=optimizer, **kwargs)
        self.own_loss = _named_loss(loss) if isinstance(loss, str) else loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The contrastive loss of one batch, plus the layers' regularisation."""
        loss = self.own_loss(
            y_pred["image_embeddings"], y_pred["text_embeddings"], self.logit_scale, ids=y
        )
        return sum(self.losses, start=loss)


def _named_loss(name):
    losses = {
        "contrastive": ContrastiveLoss("hard"),
        "multi_positive": ContrastiveLoss("multi_positive"),
        "sigmoid": SigmoidLoss(),
    }
    if name not in losses:
        raise UserError(f"there is no loss {name!r}; give one of {', '.join(losses)}, or a loss")
    return losses[name]
