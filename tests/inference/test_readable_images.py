import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.config.images import ImageLimits
from kclip.data.images.faults import report_left_out
from kclip.data.images.limits import limited_by
from kclip.errors import UserError
from kclip.inference.readable_images import compute_readable


def test_sound_images_are_embedded_in_order(tmp_path):
    paths = write_color_images(tmp_path)
    embeddings, readable = compute_readable(
        FakeEmbedder().embed_images, paths, [p.name for p in paths]
    )
    np.testing.assert_array_equal(embeddings, FakeEmbedder().embed_images(paths))
    assert readable.tolist() == list(range(18))


def test_a_missing_image_is_named_and_left_out(tmp_path, caplog):
    paths = write_color_images(tmp_path, per_color=20)
    paths.insert(7, tmp_path / "gone.png")
    embeddings, readable = compute_readable(
        FakeEmbedder().embed_images, paths, [p.name for p in paths]
    )
    assert caplog.messages == ["left out: gone.png: missing"]
    assert readable.tolist() == [row for row in range(121) if row != 7]
    np.testing.assert_array_equal(embeddings[7], FakeEmbedder().embed_images([paths[8]])[0])


def test_encoded_bytes_work_too(tmp_path):
    images = [path.read_bytes() for path in write_color_images(tmp_path, per_color=1)]
    embeddings, _ = compute_readable(FakeEmbedder().embed_images, images, list("abcdef"))
    assert embeddings.shape == (6, 6)


def faults(count):
    return [(f"{number}.png", "empty") for number in range(count)]


@pytest.mark.parametrize(("allowed", "total"), [(1, 3), (3, 6), (3, 300), (4, 400), (10, 1000)])
def test_one_percent_or_three_may_be_left_out_and_no_more(allowed, total):
    report_left_out(faults(allowed), total)
    with pytest.raises(UserError, match=f"^{allowed + 1} of {total} images can't be used.*0.png"):
        report_left_out(faults(allowed + 1), total)


def test_some_image_must_be_left():
    with pytest.raises(UserError, match="none of the 2 images can be used .the first: 0.png"):
        with limited_by(ImageLimits(max_unreadable=1)):
            report_left_out(faults(2), 2)


def test_a_flag_allows_more_and_the_message_gives_its_value():
    with pytest.raises(UserError, match=r"more than the 1%.*give --max-unreadable 0.42$"):
        report_left_out(faults(5), 12)
    with limited_by(ImageLimits(max_unreadable=0.42)):
        report_left_out(faults(5), 12)
    with limited_by(ImageLimits(max_unreadable=0)), pytest.raises(UserError):
        report_left_out(faults(4), 1000)


def test_a_long_list_is_cut(caplog):
    report_left_out([(f"{n}.png", "empty") for n in range(25)], 10_000)
    lines = caplog.messages
    assert len(lines) == 21
    assert lines[-1] == "left out: 5 more"
