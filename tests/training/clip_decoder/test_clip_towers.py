"""A decoder on the patches of a CLIP's or SigLIP's image transformer."""

import numpy as np
import pytest
from decoder_run import TOWER, config, write_labelled_records
from PIL import Image
from tiny_clip import write_tiny_clip

from kclip.models import CLIP, ClipImageEncoder, MultiLabelClassifier


@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_a_decoder_reads_a_clips_patches(tmp_path, architecture):
    records = write_labelled_records(tmp_path / "data")
    write_tiny_clip(tmp_path, architecture)
    run = tmp_path / "run"
    config(records, run, tmp_path, image=TOWER, log_to=()).run()
    model = MultiLabelClassifier.from_preset(run / "model")
    assert isinstance(model.image_encoder, ClipImageEncoder)
    start = CLIP.from_preset(tmp_path)
    for ours, theirs in zip(
        model.image_encoder.get_weights(), start.image_encoder.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    side = start.image_size // start.numbers["patch_size"]
    pixels = np.asarray(Image.new("RGB", (start.image_size,) * 2, "red"), "float32")[None]
    maps = model.attention_maps(pixels)
    assert maps.shape[-2:] == (side, side)
    np.testing.assert_allclose(maps.sum(axis=(3, 4)), 1, rtol=1e-5)
