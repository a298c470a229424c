import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_clip import TEXTS, tiny_clip, tiny_clip_preprocessor

from kclip.errors import UserError
from kclip.export.huggingface.config import clip_config
from kclip.export.huggingface.folder import export_huggingface
from kclip.inference.embedder import Embedder
from kclip.inference.loading import load_model

TOKEN_IDS = {"bos_token_id": 90, "eos_token_id": 91, "pad_token_id": 91}


def weights(folder):
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(path)
    return tensors


@pytest.mark.parametrize("name", ["hf_clip_v5_folder", "hf_siglip2_tiny"])
def test_golden_folder_comes_out_as_it_went_in(goldens, name, tmp_path):
    export_huggingface(Embedder(*load_model(goldens / name)), tmp_path / "out", name)
    before, after = weights(goldens / name), weights(tmp_path / "out")
    assert before.keys() == after.keys()
    for tensor, array in before.items():
        assert after[tensor].shape == array.shape
        np.testing.assert_array_equal(after[tensor], array)
    assert load_model(tmp_path / "out")[1].numbers == load_model(goldens / name)[1].numbers
    expected = json.loads((goldens / name / "config.json").read_text())
    found = json.loads((tmp_path / "out" / "config.json").read_text())
    # SigLIP 2's file names a start that no text has.
    start = {} if "siglip" in name else {"bos_token_id": expected["text_config"]["bos_token_id"]}
    assert found["text_config"] | start == found["text_config"]
    for part in ("vision_config", "text_config"):
        config, golden = found.pop(part), expected.pop(part)
        assert config.items() - {("bos_token_id", None)} <= golden.items()
    assert found.items() <= expected.items()


def test_golden_folder_of_open_clip_has_transformers_names(goldens, tmp_path):
    embedder = Embedder(*load_model(goldens / "open_clip_tiny"))
    export_huggingface(embedder, tmp_path / "out", "open_clip")
    names = {name.split("layers.")[0] for name in weights(tmp_path / "out")}
    assert names == {name.split("layers.")[0] for name in weights(goldens / "hf_clip_v5_folder")}
    again = Embedder(*load_model(tmp_path / "out"))
    np.testing.assert_array_equal(again.embed_texts(TEXTS), embedder.embed_texts(TEXTS))


@pytest.mark.parametrize(
    "end, kind, written", [(None, "clip", 2), (91, "clip", 91), (2, "metaclip_2", 2)]
)
def test_the_token_at_which_texts_end(end, kind, written):
    config = clip_config(tiny_clip(end_token_id=end), TOKEN_IDS)
    assert config["model_type"] == kind
    assert config["text_config"]["eos_token_id"] == written
    assert config["text_config"]["model_type"] == f"{kind}_text_model"


def test_a_logit_bias_that_transformers_has_no_class_for():
    with pytest.raises(UserError, match="a CLIP with a logit bias.*leave huggingface out"):
        clip_config(tiny_clip(initial_bias=-1.0), TOKEN_IDS)
    with pytest.raises(UserError, match="a SigLIP without a logit bias"):
        clip_config(tiny_clip("siglip", initial_bias=None), TOKEN_IDS)


def test_a_model_without_a_tokenizer(goldens, tmp_path):
    with pytest.raises(UserError, match="holds no tokenizer"):
        embedder = Embedder(*load_model(goldens / "hf_clip_tiny"))
        export_huggingface(embedder, tmp_path / "out", "mine")
    assert list(tmp_path.iterdir()) == []


def test_the_readme_says_what_differs(tmp_path):
    embedder = Embedder(tiny_clip(), tiny_clip_preprocessor())
    export_huggingface(embedder, tmp_path / "out", "runs/mine")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "Exported by kclip from `runs/mine`" in page
    for remark in ("HTML entities", "3, 7, 11, ... pixels", "up with the end token", "torchvision"):
        assert remark in page
