import pytest

from kclip.console.command_line import command_line


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("SCRIPTS/build_tfrecords.py", "python SCRIPTS/train_dual_encoder.py"),
        ("/venv/bin/kclip", "kclip train_dual_encoder"),
        ("-c", "kclip train_dual_encoder"),
        ("/lib/kclip/cli.py", "kclip train_dual_encoder"),
        ("nowhere/scripts/build_tfrecords.py", "kclip train_dual_encoder"),
    ],
)
def test_a_command_is_called_as_the_running_one_was(typed, expected, tmp_path, monkeypatch):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "train_dual_encoder.py").touch()
    monkeypatch.setattr("sys.argv", [typed.replace("SCRIPTS", str(scripts)), "--data", "x"])
    assert command_line("train_dual_encoder") == expected.replace("SCRIPTS", str(scripts))
