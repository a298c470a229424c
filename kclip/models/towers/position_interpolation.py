"""Transformers on images of another size than they were trained with."""

import numpy as np

_A = -0.75  # of PyTorch's bicubic kernel, with which published models are resized


def resized(tower, image_size):
    """An image tower for another size of its input, with the same weights.

    A transformer's position embeddings are interpolated as transformers does (bicubic, corners not
    aligned, no antialias); a convolutional network has none.

    Args:
        tower: an `ImageTowerModel`.
        image_size: int or None. Height and width of the new input in pixels; None: the tower's.

    Example:
    >>> numbers = dict(hidden_dim=8, num_layers=1, num_heads=2, intermediate_dim=16)
    >>> numbers |= dict(activation="gelu", epsilon=1e-5)
    >>> resized(ClipImageEncoder("vit", numbers, image_size=32, patch_size=8), 48).image_size
    48
    """
    if image_size in (None, tower.image_size):
        return tower
    larger = type(tower).from_config({**tower.get_config(), "image_size": image_size})
    grids = [(side, side) for side in (_side(tower), _side(larger))]
    weights = []
    for old, new in zip(tower.weights, larger.weights, strict=True):
        values = np.array(old)
        if old.shape != new.shape:  # (L, C), or KerasHub's (1, L, C)
            rows = values.reshape(-1, values.shape[-1])
            values = interpolate_positions(rows, *grids).reshape(new.shape)
        weights.append(values)
    larger.set_weights(weights)
    larger.trainable = tower.trainable
    return larger


def interpolate_positions(rows, grid, new_grid):
    """Interpolates position embeddings on a grid.

    Args:
        rows: float (P + H * W, C), of P tokens that stand before the patches, which are kept.
        grid: H and W.
        new_grid: those of the result.

    Example:
    >>> interpolate_positions(np.float32([[7], [1], [1], [1], [1]]), (2, 2), (3, 1)).tolist()
    [[7.0], [1.0], [1.0], [1.0]]
    """
    num_patches = grid[0] * grid[1]
    first, patches = np.split(rows, [len(rows) - num_patches])
    patches = patches.reshape(*grid, -1).astype(np.float64)
    for axis, length in enumerate(new_grid):
        matrix = _bicubic(grid[axis], length)
        patches = np.moveaxis(np.tensordot(matrix, patches, axes=(1, axis)), 0, axis)
    patches = patches.reshape(new_grid[0] * new_grid[1], -1).astype(rows.dtype)
    return np.concatenate([first, patches])


def _bicubic(length, new_length):
    """The matrix (new_length, length) that interpolates along one axis."""
    matrix = np.zeros((new_length, length))
    for row in range(new_length):
        position = (row + 0.5) * length / new_length - 0.5
        start = int(np.floor(position))
        for tap in range(start - 1, start + 3):
            # Beyond the edges the outermost values are repeated.
            matrix[row, np.clip(tap, 0, length - 1)] += _kernel(abs(position - tap))
    return matrix


def _kernel(x):
    if x <= 1:
        return (_A + 2) * x**3 - (_A + 3) * x**2 + 1
    return _A * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def _side(tower):
    return tower.spatial_output.shape[1]
