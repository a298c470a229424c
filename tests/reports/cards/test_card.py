import dataclasses

import pytest
from huggingface_hub import ModelCard as HubCard

from kclip.reports.cards.card import Base, ModelCard
from kclip.reports.cards.figures import MeasuredOn
from kclip.reports.cards.kinds import KINDS

RANDOM = {"recall@1": 0.1, "recall@10": 1.0}
RETRIEVAL = {
    "text_to_image": {"recall@1": 0.25, "recall@10": 0.5, "median_rank": 9.0},
    "image_to_text": {"recall@1": 0.375, "recall@10": 0.75, "median_rank": 4.0},
    "num_images": 10,
    "num_captions": 50,
    "remarks": ["Too few images | to tell."],
    "chance": {"text_to_image": RANDOM, "image_to_text": RANDOM},
}
ZERO_SHOT = {
    "accuracy": 0.625,
    "macro_f1": 0.5,
    "intervals": {"accuracy": [0.5, 0.75], "macro_f1": [0.4, 0.6]},
    "chance_accuracy": 0.1,
    "num_images": 80,
}
TUNING = {
    "before": {
        "text → image, recall@10": 0.25,
        "image → text, recall@10": 0.5,
        "zero-shot accuracy": 0.75,
    },
    "trained_parameters": 1000,
    "parameters": 5000,
    "keep_fraction": 0.0,
    "scores": {},
}
RESULTS = {"retrieval": RETRIEVAL, "zero_shot": ZERO_SHOT, "fine_tuning": TUNING}
CARD = ModelCard(
    name="mine",
    kind="dual_encoder",
    bases=[Base("openai/clip", "openai/clip", "mit"), Base("a bert")],
    trained_on={"data": "photos", "training split": "train, 1,234 images"},
    recipe={"optimization.seed": 3},
    measured_on={
        "retrieval": MeasuredOn("photos", "dev"),
        "zero_shot": MeasuredOn("cifar"),
        "classification": MeasuredOn("pets"),
    },
    results=RESULTS,
)


def test_the_header_is_that_of_a_model_card_of_the_hub():
    data = HubCard(CARD.text()).data
    assert data.library_name == "keras-clip" and data.base_model == ["openai/clip"]
    assert data.pipeline_tag == "zero-shot-image-classification"
    assert data.get("license") is None  # nobody has named it
    figures = {
        (result.dataset_name, result.dataset_split, result.metric_name): result.metric_value
        for result in data.eval_results
    }
    assert figures == {
        ("photos", "dev", "text → image, recall@1"): 0.25,
        ("photos", "dev", "text → image, recall@10"): 0.5,
        ("photos", "dev", "image → text, recall@1"): 0.375,
        ("photos", "dev", "image → text, recall@10"): 0.75,
        ("cifar", None, "accuracy"): 0.625,
        ("cifar", None, "macro F1"): 0.5,
    }


def test_people_read_what_it_is_and_is_not():
    text = CARD.text()
    for words in (
        "starts from `openai/clip` and `a bert`",
        'kclip.load("mine")',
        "train, 1,234 images",
        "optimization.seed | 3",
        "`photos`, split `dev` (10 images, 50 captions)",
        "[50.0, 75.0]",
        "languages of the captions were not looked at",
        "- `openai/clip`: mit",
        "- `a bert`: unknown",
        "> **Note:** Too few images \\| to tell.",
        "keras-hub 0.",
    ):
        assert words in text, words


def test_a_fine_tuned_model_says_what_it_forgot():
    assert "| zero-shot accuracy      | 75.0 % | 62.5 % | -12.5  |" in CARD.text()
    assert "a sign of what it knew before, lost 12.5 points." in CARD.text()
    same = RESULTS | {"zero_shot": ZERO_SHOT | {"accuracy": 0.75}}
    assert "knew before, stayed." in dataclasses.replace(CARD, results=same).text()
    before = {name: TUNING["before"][name] for name in list(TUNING["before"])[:2]}
    results = {"retrieval": RETRIEVAL, "fine_tuning": TUNING | {"before": before}}
    text = dataclasses.replace(CARD, results=results).text()
    assert "What it forgot was not measured" in text


def test_a_card_without_figures_is_a_card():
    text = dataclasses.replace(CARD, bases=[], results={}).text()
    assert "model-index" not in text and "Before and after" not in text
    assert "the run ended before its model was measured" in text
    assert "No weights of others went into it" in text
    assert HubCard(text).data.base_model is None


def test_names_are_shown_as_they_are():
    text = dataclasses.replace(CARD, name='my "best": [one](x)').text()
    assert HubCard(text).data.to_dict()["model-index"][0]["name"] == 'my "best": [one](x)'
    assert '# my "best": [one\\](x)' in text


USED = {
    "dual_encoder": "runs/demo/model",
    "multilabel_classifier": "runs/labels/model",
    "image_classifier": "runs/xception/model",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_runs(kind, example_files, capsys):
    code = dataclasses.replace(CARD, kind=kind, name=USED[kind]).text().split("```")[1]
    exec(compile(code.removeprefix("python\n"), "card", "exec"), {})
    assert capsys.readouterr().out
