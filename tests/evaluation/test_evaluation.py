import json

import numpy as np
import pytest
from fake_embedder import COLORS, FakeEmbedder, write_class_folders, write_color_images

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.errors import UserError
from kclip.evaluation.retrieval import evaluate_retrieval, retrieval_results
from kclip.evaluation.zero_shot import evaluate_zero_shot


@pytest.fixture
def records(tmp_path):
    """One image a colour with two captions, of which the model understands both but one."""
    paths = write_color_images(tmp_path, per_color=1)
    captions = [(f"a {p.stem.split('_')[0]} wall", f"all {p.stem.split('_')[0]}") for p in paths]
    captions[2] = ("a red wall", "all blue")  # the first misleads to image 0
    return [
        ImageRecord(path.name, path.name, path, texts)
        for path, texts in zip(paths, captions, strict=True)
    ]


def test_retrieval_by_hand(records):
    results = evaluate_retrieval(FakeEmbedder(), records)
    assert (results["num_images"], results["num_captions"]) == (6, 12)
    assert results["text_to_image"]["recall@1"] == pytest.approx(11 / 12)
    # The misleading caption does not matter to its own image, but competes for image 0, where it
    # ties with "a red wall" and so comes before it.
    assert results["image_to_text"]["recall@1"] == pytest.approx(5 / 6)
    json.dumps(results)


def test_captions_of_images_left_out_are_left_out_too(records, tmp_path, caplog):
    many = [
        ImageRecord(f"{n}-{r.id}", r.file_name, r.image, r.captions)
        for n in range(20)
        for r in records
    ]
    many.insert(3, ImageRecord("gone", "gone.png", tmp_path / "gone.png", ("x", "y", "z")))
    results = evaluate_retrieval(FakeEmbedder(), many)
    assert (results["num_images"], results["num_captions"]) == (120, 240)
    assert "gone.png: missing" in caplog.text


def test_examples_are_spread_evenly_and_say_which_hit_is_right():
    texts = np.eye(8)
    images = np.roll(np.eye(8), 1, axis=0)  # text t lies on image t + 1
    names, captions = [f"{n}.png" for n in range(8)], [f"text {n}" for n in range(8)]
    right = np.array([1, 2, 3, 4, 5, 6, 7, 0])
    examples = retrieval_results(images, texts, right, names, captions)["examples"]
    assert [example["query"] for example in examples] == ["text 0", "text 2", "text 4", "text 6"]
    assert [example["hits"][0]["file_name"] for example in examples] == [
        "1.png", "3.png", "5.png", "7.png",
    ]  # fmt: skip
    for example in examples:
        assert [hit["correct"] for hit in example["hits"]] == [True] + 4 * [False]
        assert [hit["score"] for hit in example["hits"]] == [1.0, 0, 0, 0, 0]


def test_zero_shot_knows_what_the_model_knows(tmp_path):
    write_class_folders(tmp_path)
    results = evaluate_zero_shot(FakeEmbedder(), read_labelled_folder(tmp_path), ["a {} wall"])
    assert results["accuracy"] == results["macro_f1"] == results["top_5_accuracy"] == 1.0
    assert results["class_names"] == sorted(COLORS)
    assert results["confusion_matrix"] == (3 * np.eye(6, dtype=int)).tolist()
    assert (results["num_images"], results["templates"]) == (18, ["a {} wall"])
    json.dumps(results)


def test_zero_shot_counts_what_is_wrong(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "red").rename(tmp_path / "grey_")  # its images look red, the prompt says grey
    results = evaluate_zero_shot(FakeEmbedder(), read_labelled_folder(tmp_path), ["a {}"])
    # To the model both are "grey": their scores tie, which counts against it for grey images, too.
    assert results["accuracy"] == pytest.approx(12 / 18)
    assert [row["class_name"] for row in results["per_class"][2:4]] == ["grey", "grey_"]
    assert [row["recall"] for row in results["per_class"][2:4]] == [0.0, 0.0]
    assert any("cannot tell apart: grey / grey_" in remark for remark in results["remarks"])


def test_one_class_is_not_enough(tmp_path):
    write_color_images(tmp_path / "red", per_color=1)
    with pytest.raises(UserError, match="holds the one class 'red'"):
        evaluate_zero_shot(FakeEmbedder(), read_labelled_folder(tmp_path), ["a {}"])
