import io

import numpy as np
import pytest
import tensorflow as tf
from exported import encoded
from PIL import Image

from kclip.data.images.opening import load_image
from kclip.export.saved_model import decode


@pytest.mark.parametrize(
    "image",
    [
        encoded(),
        encoded(mode="L"),
        encoded(mode="RGBA"),
        encoded(mode="LA"),
        encoded("JPEG"),
        encoded("JPEG", mode="L"),
        encoded("JPEG", quality=95, subsampling=0),
        encoded("JPEG", size=(41, 33), progressive=True),
    ],
)
def test_images_are_decoded_as_elsewhere(image):
    expected = np.asarray(load_image(image), int)
    np.testing.assert_allclose(decode(tf.constant(image)), expected, atol=1)


def test_a_transparent_image_is_white():
    buffer = io.BytesIO()
    Image.new("RGBA", (3, 2), (200, 0, 0, 0)).save(buffer, "PNG")
    np.testing.assert_array_equal(decode(tf.constant(buffer.getvalue())), 255)
