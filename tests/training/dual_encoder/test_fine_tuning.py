"""Fine-tuning a pretrained model: what is trained, what is kept, what is refused."""

import json

import numpy as np
import pytest
from small_run import write_records
from tiny_clip import write_tiny_clip

from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import KclipError, UserError
from kclip.inference.embedder import Embedder
from kclip.inference.loading import load
from kclip.models import CLIP
from kclip.training.common.callbacks import StopWhenWorse
from kclip.training.dual_encoder.fine_tuning import FRACTIONS, open_start


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module", params=["clip", "siglip"])
def pretrained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write_tiny_clip(folder, request.param)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    write_tiny_clip(folder, "clip")
    return folder


def command(records, output, model, *flags):
    architecture = json.loads((model / "config.json").read_text())["config"]["architecture"]
    start = ["--preset", f"fine_tune_{architecture}", "--model", str(model)]
    start += ["--data", str(records), "--output", str(output)]
    start += ["--optimization.epochs", "1", "--optimization.batch-size", "16", "--log-to"]
    return TrainDualEncoder.parse([*start, *flags])


def parts(model):
    """Heads and blocks of both sides, by their names; block 0 are the embeddings."""
    found = {}
    for side in ("image", "text"):
        found[f"{side} head"] = [getattr(model, f"{side}_projection")]
        blocks = getattr(model, f"{side}_encoder").blocks
        found |= {f"{side} block {number}": block for number, block in enumerate(blocks)}
    return found


def changed(folder, run):
    """The parts whose weights a training has changed."""
    before, after = (parts(CLIP.from_preset(path)) for path in (folder, run / "model"))
    values = [
        {name: [w for layer in layers for w in layer.get_weights()] for name, layers in of.items()}
        for of in (before, after)
    ]
    return {
        name
        for name, old in values[0].items()
        if any(np.any(a != b) for a, b in zip(old, values[1][name], strict=True))
    }


@pytest.fixture(scope="module")
def whole(records, pretrained, tmp_path_factory):
    """A run that trains all of a model, and what it found."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    return run, command(records, run, pretrained).run()


def test_a_whole_model_is_trained_and_loaded_like_any(whole, pretrained):
    """Streamed, with the model's own tokenizer, which is no operation of TensorFlow."""
    run, results = whole
    before = CLIP.from_preset(pretrained)
    weighty = {name for name, layers in parts(before).items() if layers[0].weights}
    assert changed(pretrained, run) == weighty
    tuning = results["fine_tuning"]
    assert set(tuning["before"]) == {"text → image, recall@10", "image → text, recall@10"}
    assert tuning["trained_parameters"] == tuning["parameters"] == before.count_params()
    report = (run / "report.md").read_text()
    assert "Before and after" in report and "parameters were trained" in report
    embedder = Embedder.from_name(run / "model")
    assert embedder.embed_texts(["a red circle"]).shape == (1, before.projection_dim)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("image", "text", "trained"),
    [
        slow("frozen", "head", {"text head"}),
        slow("head", "frozen", {"image head"}),
        ("head", "last:1", {"image head", "text head", "text block 2"}),
        slow("last:1", "frozen", {"image head", "image block 2"}),
        ("lora:2", "frozen", {"image head", "image block 1", "image block 2"}),
    ],
)
def test_each_mode_trains_what_it_names(records, clip, tmp_path, image, text, trained):
    modes = ["--image.train", image, "--text.train", text]
    command(records, tmp_path / "run", clip, *modes).run()
    assert changed(clip, tmp_path / "run") == trained
    assert (tmp_path / "run/adapters").exists() == image.startswith("lora")
    if image.startswith("lora"):
        check_adapters(clip, tmp_path / "run")


def check_adapters(folder, run):
    """The base with the run's adapters is the run's model.

    Of the attention only queries and values differ, and the folder has no weight more.
    """
    base, merged = load(folder)[0], load(run / "model")[0]
    adapted = load(folder, adapters=run / "adapters")[0]
    for ours, theirs in zip(adapted.get_weights(), merged.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    blocks = (model.image_encoder.transformer_blocks for model in (base, merged))
    for old, new in zip(*blocks, strict=True):
        old, new = (np.array(block.query_key_value.kernel) for block in (old, new))
        queries, keys, values = np.split(np.abs(old - new), 3, axis=1)
        assert queries.max() > 0 and keys.max() == 0 and values.max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("pretrained", ["clip"], indirect=True)
def test_a_fraction_of_the_old_weights_comes_back(records, pretrained, whole, tmp_path):
    command(records, tmp_path / "most", pretrained, "--keep-fraction", "0.75").run()
    before, none, most = (
        CLIP.from_preset(folder).get_weights()
        for folder in (pretrained, whole[0] / "model", tmp_path / "most/model")
    )
    for old, trained, mixed in zip(before, none, most, strict=True):
        np.testing.assert_allclose(mixed, 0.75 * old + 0.25 * trained, atol=1e-6)


@pytest.mark.slow
def test_the_fraction_is_chosen_by_what_is_learned_and_what_was_known(
    records, clip, tmp_path, class_folders
):
    flags = ["--keep-fraction", "auto", "--zero-shot", str(class_folders)]
    tuning = command(records, tmp_path / "run", clip, *flags).run()["fine_tuning"]
    scores = {float(name): score for name, score in tuning["scores"].items()}
    assert set(scores) == set(FRACTIONS)
    assert scores[tuning["keep_fraction"]] == max(scores.values())
    assert "zero-shot accuracy" in tuning["before"]


@pytest.fixture(scope="module")
def class_folders(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("classes")
    for name, color in (("red circle", (200, 0, 0)), ("blue square", (0, 0, 200))):
        (folder / name).mkdir()
        for number in range(3):
            Image.new("RGB", (40, 40), color).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--image.size", "64"], "--model brings its image tower along"),
        (["--text.pooling", "cls"], "--model brings its text tower along"),
        (["--image.train", "last:9"], "last:9 was asked for, but the tower has 3 blocks"),
        (["--image.train", "some"], "frozen, head, last:N, lora:R or all"),
        (["--image.train", "frozen", "--text.train", "frozen"], "leave nothing of .* to train"),
        (["--keep-fraction", "auto"], "give class folders as --zero-shot, or a number"),
        (["--objective.loss", "sigmoid"], "trained to judge one text of many"),
        (["--optimization.class-pairs", "8"], "--optimization.class-pairs are for new towers"),
    ],
)
def test_what_does_not_fit_is_refused(records, clip, tmp_path, flags, message):
    with pytest.raises(UserError, match=message):
        command(records, tmp_path / "run", clip, *flags).run()
    assert not (tmp_path / "run").exists()


def test_a_siglip_keeps_its_loss(records, tmp_path):
    write_tiny_clip(tmp_path, "siglip")
    with pytest.raises(UserError, match="judge each pair by itself.*--objective.loss sigmoid"):
        command(records, tmp_path / "run", tmp_path, "--objective.loss", "hard").run()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--image.train", "frozen"], "--image.train frozen keeps what a model knew"),
        (["--keep-fraction", "0.5"], "--keep-fraction keeps what a model knew"),
        (["--objective.stay-near", "1"], "--objective.stay-near keeps what a model knew"),
    ],
)
def test_new_towers_have_nothing_to_keep(records, tmp_path, flags, message):
    start = ["--data", str(records), "--output", str(tmp_path / "run")]
    with pytest.raises(UserError, match=message):
        TrainDualEncoder.parse([*start, *flags]).run()


def test_heads_are_held_by_the_square_of_their_distance(clip):
    sides = (ImageTower(train="head"), TextTower(train="last:1"))
    model = open_start(str(clip), *sides, Objective(stay_near=3.0), "float32").model
    assert float(sum(model.losses)) == 0
    for head in (model.image_projection, model.text_projection):
        head.kernel.assign(np.array(head.kernel) + 0.1)
    # Only that of the side whose tower is not trained.
    expected = 3.0 * 0.01 * np.prod(model.image_projection.kernel.shape)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("recall", "stops"), [(0.5, True), (0.69, False), (0.9, False)])
def test_the_first_epoch_must_not_take_from_the_model(recall, stops):
    """0.7 of 1,000 captions has a standard error of 0.0145."""
    guard = StopWhenWorse(0.7, num_queries=1000)
    logs = {"val_mean_recall@10": recall}
    if stops:
        with pytest.raises(KclipError, match="recall@10 fell from 70.0% to 50.0%"):
            guard.on_epoch_end(0, logs)
    else:
        guard.on_epoch_end(0, logs)
    guard.on_epoch_end(1, {"val_mean_recall@10": 0.1})
