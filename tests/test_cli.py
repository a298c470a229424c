import subprocess
import sys
from pathlib import Path

import pytest

import kclip
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
    assert run.returncode == 2 and f"python {script}" in run.stderr.replace("\n", "")


def exit_of(argv, name=None):
    with pytest.raises(SystemExit) as stopped:
        main(name, argv)
    return stopped.value.code


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("train_dual_encodr", ["train_dual_encoder"]),
        ("evaluate-zeroshot", ["evaluate_zero_shot"]),
        ("serach", ["search_images"]),
        ("train", ["train_dual_encoder", "train_clip_decoder", "train_classifier"]),
        ("xyzzy", []),
    ],
)
def test_an_unknown_command_says_which_was_meant(typed, meant, capsys):
    assert exit_of([typed]) == 2
    guess = f"did you mean {' or '.join(meant)}? " if meant else ""
    assert capsys.readouterr().err == (
        f"error: there is no command '{typed}'; {guess}kclip --help lists all commands\n"
    )


def test_no_command_shows_the_overview(capsys):
    assert exit_of([]) == 2
    assert "usage: kclip NAME" in capsys.readouterr().err


def test_help_lists_the_commands_by_task(capsys):
    assert exit_of(["--help"]) == 0
    overview = capsys.readouterr().out
    assert all(summary in overview for _, summary in COMMANDS.values())
    tasks = [overview.index(f"\n{task}\n") for task in ("Data", "Train", "Evaluate", "Use")]
    assert tasks == sorted(tasks)
    assert tasks[1] < overview.index("  train_classifier ") < tasks[2]
    assert "--quiet" in overview and "--verbose" in overview
    assert all(len(line) <= 100 for line in overview.splitlines())


def test_the_version_is_that_of_the_package(capsys):
    assert exit_of(["--version"]) == 0
    assert capsys.readouterr().out == f"kclip {kclip.__version__}\n"


def test_hyphens_are_as_good_as_underscores(capsys):
    assert exit_of(["train-dual-encoder", "--help"]) == 0
    assert "usage: kclip train_dual_encoder" in capsys.readouterr().out


def test_a_closed_pipe_is_no_traceback():
    pipe = subprocess.Popen(
        [sys.executable, "-m", "kclip.cli", "train_dual_encoder", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert pipe.stdout is not None
    pipe.stdout.close()
    _, error = pipe.communicate()
    assert (pipe.returncode, error) == (141, "")


def test_verbose_shows_the_traceback_of_an_error(capsys):
    argv = ["--model", "nowhere", "--images", "nowhere", "red"]
    assert exit_of(argv, "search_images") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert exit_of([*argv, "--verbose"], "search_images") == 2
    assert "Traceback" in capsys.readouterr().err


def test_quiet_leaves_the_results_alone(tmp_path):
    """A whole command: neither a bar, nor a line of TensorFlow's."""
    from small_run import write_records

    records = write_records(tmp_path)
    run = subprocess.run(
        [sys.executable, "-m", "kclip.cli", "build_tfrecords", "--quiet", "--verify"]
        + ["--output", str(records)],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "is as it was written" in run.stdout


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


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "runs/a"), "runs/a: no space left on device; free"),
        (OSError("1000 requested and 0 written"), "no space left on device; free some room"),
        (OSError(30, "Read-only file system", "b"), "b: read-only file system; give a folder on a"),
        (OSError(122, "Disk quota exceeded"), "disk quota exceeded; free some room of your quota"),
        (PermissionError(13, "Permission denied", "c"), "c: permission denied; give yourself the"),
    ],
)
def test_what_the_disk_says_is_one_sentence_and_code_1(error, sentence, capsys, monkeypatch):
    def fail(self):
        raise error

    monkeypatch.setattr("kclip.commands.manage_features.ManageFeatures.run", fail)
    assert exit_of(["list"], "manage_features") == 1
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_control_characters_of_names_do_not_reach_the_terminal(capsys, monkeypatch):
    def fail(self):
        raise kclip.errors.UserError("there is no '\x1b[31mred\x07.jpg'\nof two lines")

    monkeypatch.setattr("kclip.commands.manage_features.ManageFeatures.run", fail)
    assert exit_of(["list"], "manage_features") == 2
    assert capsys.readouterr().err == "error: there is no '\\x1b[31mred\\x07.jpg'\nof two lines\n"
