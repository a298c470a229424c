import subprocess
import sys
from pathlib import Path

import pytest

from kclip.cli import COMMANDS, main

SCRIPTS = Path(__file__).parents[1] / "scripts"
# Each takes a second or more to import, and help needs none of them.
HEAVY = {"tensorflow", "keras", "keras_hub", "keras_cv", "sklearn", "matplotlib", "jax"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_and_loads_nothing_heavy(name):
    code = (
        f"import sys\nfrom kclip.cli import main\ntry:\n    main({name!r}, ['--help'])\nfinally:\n"
    )
    code += "    print(sorted(set(sys.modules) & set(sys.argv[1:])), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True
    )
    assert f"usage: kclip {name}" in run.stdout
    assert run.stderr.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_short_script(name):
    script = SCRIPTS / f"{name}.py"
    lines = script.read_text().splitlines()
    assert len(lines) < 25
    assert f"python scripts/{name}.py --help" in script.read_text()
    run = subprocess.run([sys.executable, script, "--no-such-flag"], capture_output=True, text=True)
    assert run.returncode == 2


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv=["trian"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "there is no command 'trian'" in error
    assert all(name in error for name in COMMANDS)


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv=["--help"])
    assert stopped.value.code == 0
    overview = capsys.readouterr().out
    assert all(summary in overview for _, summary in COMMANDS.values())


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--data", "nowhere"], "nowhere holds no finished TFRecords"),
        (["--zero-shot", "nowhere", "--data", "RECORDS"], "nowhere"),
        (["--optimization.epochs", "0"], "--optimization.epochs is 0; give a number from 1"),
        (["--objective.dropout", "1"], "--objective.dropout is 1.0; give a number from 0 to 0.99"),
        (["--image.learning-rate", "-1"], "--image.learning-rate is -1.0; give a number"),
        (["--resume", "nowhere"], "there is no 'nowhere/config.json'"),
        (
            ["--image.backbone", "xeption", "--data", "RECORDS"],
            "there is no image backbone 'xeption'",
        ),
        (["--text.backbone", "brt", "--data", "RECORDS"], "there is no text backbone 'brt'"),
        (["--image.weights", "none.h5", "--data", "RECORDS"], "there is no weights file 'none.h5'"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(arguments, sentence, tmp_path, capsys):
    from small_run import write_records

    records = write_records(tmp_path) if "RECORDS" in arguments else None
    argv = [str(records) if value == "RECORDS" else value for value in arguments]
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main("train_dual_encoder", [*argv, *_output(arguments, tmp_path)])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert stopped.value.code == 2
    assert error.startswith("error: ") and sentence in error
    assert not (tmp_path / "run").exists()  # so the mended request may use the same folder


def _output(arguments, tmp_path):
    if "--resume" in arguments:
        return []
    return ["--output", str(tmp_path / "run"), "--optimization.batch-size", "8"]
