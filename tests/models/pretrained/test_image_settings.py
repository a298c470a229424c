import json

import numpy as np
import pytest
from PIL import Image

from kclip.errors import UserError
from kclip.models import ClipPreprocessor
from kclip.models.pretrained.image_settings import read_image_settings

SIZE = 32
CLIP = {
    "image_processor_type": "CLIPImageProcessor",
    "do_center_crop": True,
    "crop_size": {"height": SIZE, "width": SIZE},
    "size": {"shortest_edge": SIZE},
    "resample": 3,
    "image_mean": [0.1, 0.2, 0.3],
    "image_std": [0.4, 0.5, 0.6],
    "rescale_factor": 0.00392156862745098,
}
SIGLIP = {
    "image_processor_type": "SiglipImageProcessor",
    "size": {"height": SIZE, "width": SIZE},
    "resample": 2,
}


def write(folder, name, settings):
    nested = name == "processor_config.json"
    (folder / name).write_text(json.dumps({"image_processor": settings} if nested else settings))


def read(folder, settings, kind="clip", name="preprocessor_config.json"):
    write(folder, name, settings)
    return read_image_settings(folder, kind, SIZE)


@pytest.mark.parametrize("name", ["processor_config.json", "preprocessor_config.json"])
def test_either_file_is_followed(tmp_path, name):
    normalization, images = read(tmp_path, CLIP | {"resample": 2}, name=name)
    assert normalization == {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    assert images == {
        "resize": "crop",
        "resize_size": SIZE,
        "interpolation": "bilinear",
        "crop_margin": "down",
    }


def test_without_a_file_images_are_prepared_as_the_architecture_was_trained(tmp_path):
    normalization, images = read_image_settings(tmp_path, "clip", SIZE)
    assert normalization["mean"][0] == pytest.approx(0.48145466)
    assert (images["resize"], images["interpolation"]) == ("crop", "bicubic")
    normalization, images = read_image_settings(tmp_path, "siglip", SIZE)
    assert normalization == {"mean": [0.5] * 3, "std": [0.5] * 3}
    assert (images["resize"], images["interpolation"]) == ("squash", "bicubic")


@pytest.mark.parametrize(
    ("kind", "settings", "resize", "resize_size"),
    [
        ("clip", CLIP | {"size": {"shortest_edge": 39}}, "crop", 39),
        ("clip", CLIP | {"size": 40, "crop_size": SIZE}, "crop", 40),  # files of old
        ("clip", CLIP | {"size": {"height": 37, "width": 37}}, "squash", 37),
        (
            "clip",
            CLIP | {"size": {"height": 32, "width": 32}, "do_center_crop": False},
            "squash",
            32,
        ),
        ("siglip", SIGLIP, "squash", SIZE),
        ("siglip", SIGLIP | {"do_center_crop": None}, "squash", SIZE),
        ("siglip", SIGLIP | {"do_center_crop": True, "crop_size": SIZE}, "squash", SIZE),
        # What a file of CLIP leaves out is 224, whatever the model.
        ("clip", {key: CLIP[key] for key in CLIP if key != "size"}, "crop", 224),
    ],
)
def test_how_images_come_to_which_size(tmp_path, kind, settings, resize, resize_size):
    _, images = read(tmp_path, settings, kind)
    assert (images["resize"], images["resize_size"]) == (resize, resize_size)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, lambda pixels: (pixels / 255 - [0.1, 0.2, 0.3]) / [0.4, 0.5, 0.6]),
        ({"do_normalize": False}, lambda pixels: pixels / 255),
        ({"do_rescale": False}, lambda pixels: (pixels - [0.1, 0.2, 0.3]) / [0.4, 0.5, 0.6]),
        ({"do_rescale": False, "do_normalize": False}, lambda pixels: pixels),
        ({"rescale_factor": 1 / 127.5}, lambda p: (p / 127.5 - [0.1, 0.2, 0.3]) / [0.4, 0.5, 0.6]),
    ],
)
def test_pixels_are_scaled_and_normalised_as_the_file_says(tmp_path, settings, expected):
    normalization, _ = read(tmp_path, CLIP | settings)
    pixels = np.array([[0.0, 128.0, 255.0], [3.0, 2.0, 1.0]])
    found = (pixels / 255 - normalization["mean"]) / normalization["std"]
    np.testing.assert_allclose(found, expected(pixels), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("clip", CLIP | {"do_resize": False}, "does not resize images .do_resize is false"),
        ("clip", CLIP | {"resample": 0}, "resizes by Pillow's method 0; kclip does 1"),
        (
            "clip",
            CLIP | {"crop_size": 64},
            "another size than the 32 pixels of its config.json .64",
        ),
        ("clip", CLIP | {"crop_size": {"height": 32, "width": 30}}, "says crop_size .*squares"),
        ("clip", CLIP | {"size": {"shortest_edge": 24}}, "fills them up to 32 with black"),
        ("siglip", SIGLIP | {"size": SIZE}, "leaves images in their own shape"),
        ("clip", CLIP | {"do_center_crop": False}, "leaves images in their own shape"),
        ("clip", CLIP | {"size": {"height": 40, "width": 44}}, "says size .*height and width"),
        ("clip", CLIP | {"size": {"shortest_edge": 32, "longest_edge": 99}}, "says size"),
        ("siglip", SIGLIP | {"size": {"height": 16, "width": 16}}, "another size than the 32"),
        ("siglip", {"image_processor_type": "Siglip2ImageProcessor"}, "another size|Siglip2"),
        (
            "clip",
            {"image_processor_type": "ViTImageProcessor"},
            "is of a ViTImageProcessor and leav",
        ),
        ("clip", CLIP | {"do_flip_channel_order": True}, "says do_flip_channel_order True, which"),
        ("clip", CLIP | {"image_processor_type": "X", "crop_pct": 0.9}, "of a X and says crop_pct"),
    ],
)
def test_what_kclip_does_not_do_is_refused_by_name(tmp_path, kind, settings, message):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, settings, kind)
    assert "preprocessor_config.json" in str(error.value) and "\n" not in str(error.value)


def test_another_processor_that_says_all_is_followed(tmp_path):
    settings = SIGLIP | {"image_processor_type": "ViTImageProcessor", "do_center_crop": False}
    settings |= {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    normalization, images = read(tmp_path, settings)
    assert (normalization["std"], images["resize"]) == ([0.25] * 3, "squash")


def test_two_files_may_agree_but_not_contradict_each_other(tmp_path):
    write(tmp_path, "processor_config.json", CLIP)
    # Said in other words, but the same.
    _, images = read(tmp_path, CLIP | {"size": SIZE, "do_resize": True})
    assert images["resize_size"] == SIZE
    with pytest.raises(UserError, match="in different ways; remove the one"):
        read(tmp_path, CLIP | {"resample": 2})


def test_a_processor_config_without_images_leaves_them_to_the_other_file(tmp_path):
    (tmp_path / "processor_config.json").write_text('{"processor_class": "CLIPProcessor"}')
    assert read(tmp_path, CLIP)[0]["mean"] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(("margin", "first"), [("even", 2), ("down", 1)])
def test_half_a_pixel_of_margin(margin, first):
    # 4 x 7 pixels: a margin of 1.5 on either side of the middle square.
    columns = np.tile(np.arange(7, dtype="uint8") * 10, (4, 1))
    image = Image.fromarray(np.stack([columns] * 3, axis=-1))
    preprocessor = ClipPreprocessor(None, 4, crop_margin=margin)
    expected = np.arange(first, first + 4) * 10
    np.testing.assert_array_equal(preprocessor.prepare(image)[0, :, 0], expected)
    by_tensors = np.asarray(preprocessor.resize(np.asarray(image)))
    np.testing.assert_array_equal(by_tensors[0, :, 0], expected)


def test_a_file_with_a_byte_order_mark(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(CLIP), encoding="utf-8-sig")
    assert read_image_settings(tmp_path, "clip", SIZE)[0]["mean"] == [0.1, 0.2, 0.3]
