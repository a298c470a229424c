import numpy as np
import pytest

from kclip.data.pipeline.augmentation import shrunk
from kclip.features.frozen_outputs import image_views

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 40, 40, 3)).astype(np.float32)
MIRRORED = IMAGES[:, :, ::-1]


@pytest.mark.parametrize(
    ("mirror", "shrink", "expected"),
    [
        (False, False, [IMAGES]),
        (True, False, [IMAGES, MIRRORED]),
        (False, True, [IMAGES, shrunk(IMAGES)]),
        (True, True, [IMAGES, MIRRORED, shrunk(IMAGES), shrunk(MIRRORED)]),
    ],
)
def test_views_come_in_order(mirror, shrink, expected):
    views = image_views(mirror, shrink)
    for view, images in zip(views, expected, strict=True):
        np.testing.assert_array_equal(view(IMAGES), images)
