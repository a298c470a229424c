"""The heads that bring a tower's features into the space that images and texts share."""

import keras

from kclip.errors import UserError
from kclip.layers.projection_head import ProjectionHead

HEADS = ("mlp", "linear", "affine", "none")


def make_head(kind, tower, projection_dim, name, dtype=None, **options):
    """A head for the features of a tower.

    Args:
        kind: "mlp", a `ProjectionHead`; "linear", a product with a matrix (CLIP); "affine", the
            same with a bias (SigLIP's texts); "none", the features as they are (SigLIP's images).
        tower: an image or text tower.
        projection_dim: int. Width of the shared space.
        name: of the layer.
        dtype: dtype policy.
        **options: of the `ProjectionHead`; other kinds have none.

    Raises:
        UserError: there is no such kind, or features without a head have another width.

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> make_head("linear", tower, 16, "image_projection")(keras.ops.ones((2, 192))).shape
    TensorShape([2, 16])
    """
    if kind == "mlp":
        return ProjectionHead(projection_dim, **options, dtype=dtype, name=name)
    if kind in ("linear", "affine"):
        return keras.layers.Dense(projection_dim, use_bias=kind == "affine", dtype=dtype, name=name)
    if kind != "none":
        raise UserError(f"there is no head {kind!r}; choose one of {', '.join(HEADS)}")
    if tower.feature_dim != projection_dim:
        raise UserError(
            f"{name} is left out, but the tower's features have the width {tower.feature_dim} and "
            f"the shared space {projection_dim}; choose another head"
        )
    return keras.layers.Identity(dtype=dtype, name=name)
