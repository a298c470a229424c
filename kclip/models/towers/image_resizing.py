import keras


def image_resizing(image_size, resize):
    """The layer that brings an image of any size to that of a model's input.

    Args:
        image_size: int. Height and width of the input in pixels.
        resize: "squash" fits the whole image into the square; "crop" cuts out the middle.
    """
    return _SeparableResizing(
        image_size,
        image_size,
        interpolation="bicubic",
        crop_to_aspect_ratio=resize == "crop",
        antialias=True,  # without it small differences in size move probabilities by points
        dtype="float32",
        name="resizing",
    )


class _SeparableResizing(keras.layers.Resizing):
    """`keras.layers.Resizing` to a square, to the last bit, in a third of TensorFlow's time.

    TensorFlow's kernel adds up pixel by pixel, three numbers at a time, which leaves a processor's
    vectors empty. Given rows of a whole image's width instead, first along one axis and, with
    the image turned, along the other, it adds the same numbers in the same order.
    """

    def transform_single_image(self, image, transformation, training=True):
        if self.backend.name != "tensorflow":
            return super().transform_single_image(image, transformation, training)
        ops = self.backend
        if self.crop_to_aspect_ratio:
            image = self._middle_square(image)
        height, width, channels = ops.shape(image)
        resized = ops.cond(
            (height == self.height) & (width == self.width),
            lambda: ops.cast(image, "float32"),
            lambda: self._resized(image),
        )
        resized = ops.numpy.reshape(resized, (self.height, self.width, channels))
        if keras.backend.is_int_dtype(image.dtype):
            resized = ops.numpy.clip(ops.numpy.round(resized), 0, 255)
        return ops.cast(resized, image.dtype)

    def _middle_square(self, image):
        height, width, _ = self.backend.shape(image)
        side = self.backend.numpy.minimum(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return image[top : top + side, left : left + side]

    def _resized(self, image):
        """From (H, W, C) to float32 (S, S * C)."""
        ops = self.backend
        height, width, channels = ops.shape(image)
        rows = self._fewer_rows(ops.numpy.reshape(image, (height, width * channels)))
        turned = ops.numpy.reshape(ops.numpy.transpose(rows), (width, channels * self.height))
        columns = ops.numpy.reshape(self._fewer_rows(turned), (-1, self.height))
        return ops.numpy.transpose(columns)

    def _fewer_rows(self, matrix):
        """Resizes the first of two axes: from (H, N) to float32 (S, N)."""
        ops = self.backend
        resized = ops.cond(
            ops.shape(matrix)[0] == self.height,
            lambda: ops.cast(matrix, "float32"),
            lambda: ops.image.resize(
                matrix[:, None, :],
                (self.height, 1),
                interpolation=self.interpolation,
                antialias=self.antialias,
            ),
        )
        return ops.numpy.reshape(resized, (self.height, -1))
