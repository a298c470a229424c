import dataclasses

import numpy as np
import pytest
from decoder_run import HEAD, SEEN, TOWER, write_dual_encoder

from kclip.training.clip_decoder.towers import build_classifier, interpolate_alignment, open_towers


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    folder = write_dual_encoder(tmp_path_factory.mktemp("models") / "dual")
    return open_towers(str(folder), TOWER, None, ["a {}"], "float32")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_alignment_goes_that_share_of_its_way(towers, share):
    model = build_classifier(towers, SEEN, HEAD, align=True, dtype="float32")
    start = model.alignment.get_weights()
    model.alignment.set_weights([weight + 4.0 for weight in start])
    interpolate_alignment(model, towers, share)
    for ours, weight in zip(model.alignment.get_weights(), start, strict=True):
        np.testing.assert_allclose(ours, weight + 4.0 * share, atol=1e-5)


def test_without_a_dual_encoder_the_trained_weights_stay(towers):
    model = build_classifier(towers, SEEN, HEAD, align=True, dtype="float32")
    trained = [weight + 1.0 for weight in model.alignment.get_weights()]
    model.alignment.set_weights(trained)
    interpolate_alignment(model, dataclasses.replace(towers, dual_encoder=None), 0.0)
    for ours, weight in zip(model.alignment.get_weights(), trained, strict=True):
        np.testing.assert_array_equal(ours, weight)
