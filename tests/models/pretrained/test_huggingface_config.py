import json

from kclip.models.pretrained.huggingface_config import read_config


def test_what_a_config_leaves_out_is_the_default(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "clip", "text_config": null}')
    config = read_config(tmp_path)
    # clip-vit-base-patch32, which transformers' defaults describe
    assert config["vision_config"]["hidden_size"] == 768
    assert config["vision_config"]["patch_size"] == 32
    assert config["text_config"]["num_attention_heads"] == 8
    assert config["text_config"]["eos_token_id"] == 49407
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}')
    config = read_config(tmp_path)
    assert config["vision_config"]["patch_size"] == 16
    assert config["text_config"]["max_position_embeddings"] == 64


def test_a_relic_of_old_files_wins(tmp_path):
    relic = {"hidden_size": 1024, "patch_size": 14}
    config = {"model_type": "clip", "vision_config": {"hidden_size": 7, "num_hidden_layers": 3}}
    (tmp_path / "config.json").write_text(json.dumps(config | {"vision_config_dict": relic}))
    vision = read_config(tmp_path)["vision_config"]
    assert (vision["hidden_size"], vision["patch_size"]) == (1024, 14)
    assert vision["num_hidden_layers"] == 12
