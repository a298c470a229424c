"""The command line: `kclip NAME ...`, and the same through `python scripts/NAME.py ...`."""

import difflib
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import kclip
from kclip.config.parsing import COMMON_FLAGS, parse_command
from kclip.console.disk_errors import disk_error
from kclip.console.lines import few_lines, shown_lines
from kclip.console.offline import network
from kclip.console.tensorflow_logs import hush_tensorflow
from kclip.errors import KclipError, UserError

# task -> name -> (class in kclip.commands.<name>, one line for the overview); a class is imported
# only when asked for.
TASKS = {
    "Data": {
        "build_tfrecords": ("BuildTFRecords", "turn images and captions or labels into TFRecords"),
        "check_data": ("CheckData", "what is in a data set, and what looks wrong with it"),
    },
    "Train": {
        "train_dual_encoder": ("TrainDualEncoder", "a text and an image tower, on captions"),
        "train_clip_decoder": ("TrainClipDecoder", "a multi-label head, for unseen classes too"),
        "train_classifier": ("TrainClassifier", "a network for pictures, on classes of one's own"),
    },
    "Evaluate": {
        "evaluate_retrieval": ("EvaluateRetrieval", "text-to-image and image-to-text search"),
        "evaluate_zero_shot": ("EvaluateZeroShot", "classification without training"),
        "evaluate_multilabel": ("EvaluateMultilabel", "all labels of images, unseen ones too"),
        "compare_classifiers": ("CompareClassifiers", "zero-shot, probes and fine-tuned models"),
        "choose_template": ("ChooseTemplate", "prompt templates, compared on one split"),
        "run_multilabel_benchmark": (
            "RunMultilabelBenchmark",
            "prompts, adapters and baselines over the fraction of training images",
        ),
        "ablate_clip_decoder": (
            "AblateClipDecoder",
            "word vectors, prompts and the joint loss, compared",
        ),
        "check_consistency": ("CheckConsistency", "a model's outputs in every execution mode"),
    },
    "Use": {
        "index_images": ("IndexImages", "embed images for search, and later what is new"),
        "search_images": ("SearchImages", "find the images that a sentence describes"),
        "find_duplicates": ("FindDuplicates", "copies and near copies among images"),
        "manage_features": ("ManageFeatures", "list or delete kept outputs of frozen towers"),
        "export_model": (
            "ExportModel",
            "write a SavedModel, ONNX, LiteRT or a folder for transformers",
        ),
        "verify_folder": ("VerifyFolder", "whether files are as they were written"),
        "upload_model": ("UploadModel", "send a model to the Hugging Face hub or to Kaggle"),
    },
}
# What is typed often has a short name, too.
SHORT_NAMES = {"index": "index_images", "search": "search_images", "verify": "verify_folder"}
COMMANDS = {name: entry for commands in TASKS.values() for name, entry in commands.items()}

# Flags of every command, and the level of the lines that they show.
_LEVELS = {"--quiet": logging.WARNING, "--verbose": logging.DEBUG}
_OFFLINE = "--offline"


def main(name: str | None = None, argv: list[str] | None = None) -> None:
    """Runs one command and exits with its code.

    Args:
        name: a key of `COMMANDS`; by default the first argument.
        argv: the command's arguments; by default those of the process.

    Exit codes: 0 done, 1 the run failed, 2 the request was wrong, 130 interrupted, 141 nobody
    reads its output any more.
    """
    argv = sys.argv[1:] if argv is None else argv
    level = min((_LEVELS[flag] for flag in argv if flag in _LEVELS), default=logging.INFO)
    allowed = _OFFLINE not in argv
    argv = [argument for argument in argv if argument not in (*_LEVELS, _OFFLINE)]
    if level > logging.DEBUG:
        hush_tensorflow()
    with _closed_pipe_ends_quietly(), shown_lines(level), network(allowed):
        try:
            if name is None:
                name, argv = _command_name(argv)
            _command(name, argv).run()
        except KclipError as error:
            if level == logging.DEBUG:
                traceback.print_exc()
            _exit(f"error: {few_lines(str(error))}", error.exit_code)
        except BrokenPipeError:
            raise
        except OSError as error:
            if level == logging.DEBUG:
                traceback.print_exc()
            _exit(f"error: {disk_error(error)}", KclipError.exit_code)
        except KeyboardInterrupt:
            _exit("interrupted", 130)


def _exit(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


@contextmanager
def _closed_pipe_ends_quietly() -> Iterator[None]:
    """Ends without a traceback when the reader has gone, as in `kclip --help | head -1`."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, where it can be caught, instead of at the very end
    except BrokenPipeError:
        # Python flushes once more at its end, then into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)  # as the shell calls a death by SIGPIPE


def _command_name(argv: list[str]) -> tuple[str, list[str]]:
    """The command that is asked for, and the other arguments."""
    if not argv:
        _exit(_overview(), 2)
    name = argv[0].replace("-", "_")
    name = SHORT_NAMES.get(name, name)
    if name in COMMANDS:
        return name, argv[1:]
    if argv[0] in ("-h", "--help"):
        print(_overview())
        sys.exit(0)
    if argv[0] == "--version":
        print(f"kclip {kclip.__version__}")
        sys.exit(0)
    near = similar_commands(name)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(f"there is no command {argv[0]!r}; {guess}kclip --help lists all commands")


def similar_commands(name: str) -> list[str]:
    """Commands that begin like a mistyped name, or else look like it.

    Example:
        >>> similar_commands("evaluate_zeroshot"), similar_commands("serach")
        (['evaluate_zero_shot'], ['search_images'])
    """
    beginning = [command for command in COMMANDS if command.startswith(name)]
    # "serach" is near to a word of "search_images" and far from the whole.
    words = {word: command for command in COMMANDS for word in command.split("_")}
    whole = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.75)
    parts = difflib.get_close_matches(name, words, n=1, cutoff=0.75)
    return beginning or whole or [c for c in COMMANDS for word in parts if word in c.split("_")]


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = ["usage: kclip NAME [--help] ...", ""]
    for task, commands in TASKS.items():
        lines.append(task)
        lines += [f"  {name:{width}}  {summary}" for name, (_, summary) in commands.items()]
    lines += ["", "kclip NAME --help lists the flags of a command. " + COMMON_FLAGS]
    lines += ["", "kclip --version shows the version."]
    return "\n".join(lines)


def _command(name: str, argv: list[str]) -> Any:
    command_class = getattr(importlib.import_module(f"kclip.commands.{name}"), COMMANDS[name][0])
    if hasattr(command_class, "parse"):  # a command whose defaults come from a preset
        return command_class.parse(argv)
    return parse_command(command_class, argv, name)


if __name__ == "__main__":
    main()
