import keras


def picture_resizing(image_size, resize):
    """The layer that brings a picture of any size to that of a model's input.

    Args:
        image_size: int. Height and width of the input in pixels.
        resize: "squash" fits the whole picture into the square; "crop" cuts out the middle.
    """
    return keras.layers.Resizing(
        image_size,
        image_size,
        interpolation="bicubic",
        crop_to_aspect_ratio=resize == "crop",
        antialias=True,  # without it small differences in size move probabilities by points
        dtype="float32",
        name="resizing",
    )
