import json

import numpy as np
import pytest
from tiny_recognizer import ColorEmbedder, write_classifier, write_labelled_records

from kclip.cli import main
from kclip.data.labelled.multilabel_reading import read_labelled_split
from kclip.evaluation.multilabel_results import multilabel_results
from kclip.evaluation.template_choice import measure_templates
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.queries.named_source import name_source
from kclip.multilabel.queries.word_vectors import WordVectors
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: ColorEmbedder())
    return write_labelled_records(tmp_path)


def choose(records, model, *templates):
    output = records.parent / "out"
    flags = ["--model", model, "--data", records, "--output", output, "--templates", *templates]
    main("choose_template", list(map(str, flags)))
    return json.loads((output / "metrics.json").read_text()), (output / "report.md").read_text()


def test_the_best_template_is_marked(records, capsys):
    # "redyellow" is no colour's name, so that such a prompt says nothing of its class.
    metrics, report = choose(records, "colors", "x{}", "a {}", "red {}")
    assert metrics["best"] == "a {}"
    by_template = {row["template"]: row["results"] for row in metrics["templates"]}
    assert list(by_template) == ["x{}", "a {}", "red {}", None]
    assert by_template["a {}"]["zsl"]["map"] == 1 > by_template["x{}"]["zsl"]["map"]
    assert "| → | `a {}`" in report and "all 3 together" in report
    assert "used up" in report
    assert "| → | `a {}`" in capsys.readouterr().out


def test_one_pass_gives_what_each_template_gives_alone(records):
    write_classifier(records.parent / "model")
    recognizer = MultiLabelRecognizer.from_folder(records.parent / "model")
    images = read_labelled_split(records, "validation")
    rows = measure_templates(recognizer, images, ["a {}", "red {}"])
    names = recognizer.class_names
    labels = np.array([[name in own for name in names] for own in images.label_sets])
    for row in rows[:2]:
        texts = [row["template"].replace("{}", name) for name in recognizer.class_names]
        alone = recognizer.with_queries(recognizer.classes, ColorEmbedder().embed_texts(texts))
        scores = alone.predict_scores(images.images)
        classes = recognizer.classes
        expected = multilabel_results(labels, scores, classes.class_names, classes.seen_mask)
        assert row["results"]["gzsl"]["map"] == pytest.approx(expected["gzsl"]["map"])
        assert row["results"]["zsl"]["map"] == pytest.approx(expected["zsl"]["map"])
    assert rows[0]["results"] != rows[1]["results"]


def test_word_vectors_know_no_templates(records, capsys):
    vectors = records.parent / "glove.txt"
    vectors.write_text("".join(f"w{n} 0 0 0 0 0 {n}\n" for n in range(1, 5)))
    assert WordVectors.from_file(vectors).dim == 6
    write_classifier(records.parent / "model")
    classes = records.parent / "model/classes.json"
    classes.write_text(json.dumps(json.loads(classes.read_text()) | name_source(str(vectors))))
    with pytest.raises(SystemExit):
        choose(records, records.parent / "model", "a {}")
    assert "word vectors, which know no templates" in capsys.readouterr().err


def test_classes_without_a_split_are_ranked_together(records):
    (records / "seen_classes.txt").unlink()
    (records / "unseen_classes.txt").unlink()
    metrics, report = choose(records, "colors", "a {}")
    assert [list(row["results"]) for row in metrics["templates"]] == [
        ["num_images", "num_ignored", "all"]
    ]
    assert ClassSplit((), ("x",)).seen_mask.tolist() == [False]
    assert "| mAP" in report
