import pytest
from tiny_clip import write_tiny_clip
from tiny_models import tiny_dual_encoder, tiny_preprocessor

from kclip.cli import main


def test_the_command_writes_a_saved_model_and_how_to_call_it(tmp_path, capsys):
    model, output = tmp_path / "model", tmp_path / "exported"
    tiny_dual_encoder().save_to_preset(str(model))
    tiny_preprocessor().save_to_preset(str(model))
    main("export_model", ["--model", str(model), "--output", str(output)])
    assert "wrote saved_model" in capsys.readouterr().out
    names = {path.relative_to(output).as_posix() for path in output.rglob("*")}
    assert {
        "README.md",
        "export.json",
        "saved_model/saved_model.pb",
        "preprocessor/assets/tokenizer/vocabulary.txt",
    } <= names
    assert str(model) in (output / "README.md").read_text()


def test_the_command_writes_a_folder_for_transformers(tmp_path, capsys):
    model, output = tmp_path / "model", tmp_path / "exported"
    write_tiny_clip(model)
    main(
        "export_model", ["--model", str(model), "--format", "huggingface", "--output", str(output)]
    )
    assert "wrote huggingface" in capsys.readouterr().out
    assert {path.name for path in output.iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--model", "nowhere"], "nowhere"),
        (["--model", "nowhere", "--format", "onnx"], "run: pip install tf2onnx onnx"),
        (["--model", "nowhere", "--format", "huggingface", "onnx"], "wants one of its own"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(arguments, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kclip.export.packages.find_spec", lambda module: None)
    with pytest.raises(SystemExit) as stopped:
        main("export_model", [*arguments, "--output", str(tmp_path / "out")])
    assert stopped.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and sentence in error
    assert list(tmp_path.iterdir()) == []
