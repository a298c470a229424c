from kclip.evaluation.comparison.panel import short_names


def test_a_model_folder_is_called_after_its_run():
    names = short_names(["runs/mine/model", "clip_vit_base_patch32", "model"])
    assert list(names.values()) == ["mine", "clip_vit_base_patch32", "model"]


def test_two_of_one_name_keep_their_paths():
    models = ["a/mine/model", "b/mine/model", "c/other/model"]
    assert list(short_names(models).values()) == ["a/mine/model", "b/mine/model", "other"]
