import numpy as np
import pytest
from PIL import Image
from tiny_models import SIZE, tiny_preprocessor

from kclip.inputs.resizing import resized_in_floats


@pytest.mark.parametrize("resize", ["squash", "crop"])
@pytest.mark.parametrize("size", [(100, 71), (20, 33), (SIZE, 50), (SIZE, SIZE), (1, 300)])
def test_pillow_in_floats_resizes_as_the_models_preprocessor(resize, size):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype="uint8")
    image = Image.fromarray(pixels)
    expected = tiny_preprocessor(resize=resize).prepare(image).astype(int)
    found = resized_in_floats(image, SIZE, resize)
    assert found.dtype == np.uint8
    difference = np.abs(found - expected)
    assert difference.max() <= 1 and difference.mean() < 1e-3
