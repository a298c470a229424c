"""The command line: `kclip NAME ...`, and the same through `python scripts/NAME.py ...`."""

import importlib
import os
import sys
from typing import Any

from kclip.errors import KclipError

# name -> (class in kclip.commands.<name>, one line for the overview); imported only when asked for.
COMMANDS = {
    "build_tfrecords": ("BuildTFRecords", "turn images and captions or labels into TFRecords"),
    "train_dual_encoder": ("TrainDualEncoder", "train a text and an image tower on TFRecords"),
    "train_clip_decoder": ("TrainClipDecoder", "train a multi-label head for unseen classes too"),
    "ablate_clip_decoder": ("AblateClipDecoder", "word vectors, prompts and joint loss, compared"),
    "evaluate_retrieval": ("EvaluateRetrieval", "recall of text-to-image and image-to-text search"),
    "evaluate_zero_shot": ("EvaluateZeroShot", "classify folders of images without training"),
    "evaluate_multilabel": ("EvaluateMultilabel", "all labels of images, of unseen classes too"),
    "run_multilabel_benchmark": (
        "RunMultilabelBenchmark",
        "prompts, adapters and baselines over the share of training images",
    ),
    "choose_template": ("ChooseTemplate", "compare prompt templates on one split"),
    "train_classifier": ("TrainClassifier", "fine-tune a network of keras.applications on classes"),
    "compare_classifiers": ("CompareClassifiers", "zero-shot, probes and fine-tuned, side by side"),
    "check_consistency": ("CheckConsistency", "compare a model's answers in every mode"),
    "export_model": ("ExportModel", "write a SavedModel, ONNX or LiteRT files"),
    "search_images": ("SearchImages", "find the images that a sentence describes"),
}


def main(name: str | None = None, argv: list[str] | None = None) -> None:
    """Runs one command and exits with its code.

    Args:
        name: a key of `COMMANDS`; by default the first argument.
        argv: the command's arguments; by default those of the process.

    Exit codes: 0 done, 1 the run failed, 2 the request was wrong, 130 interrupted.
    """
    # TensorFlow greets each start with a page about CPU flags and missing GPUs.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    argv = sys.argv[1:] if argv is None else argv
    if name is None:
        name, argv = _command_name(argv)
    try:
        _command(name, argv).run()
    except KclipError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _command_name(argv: list[str]) -> tuple[str, list[str]]:
    if argv and argv[0] in COMMANDS:
        return argv[0], argv[1:]
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    usage = "usage: kclip NAME [--help] ...\n\nNAME is one of\n" + "\n".join(lines)
    if argv and argv[0] in ("-h", "--help"):
        print(usage)
        sys.exit(0)
    given = f"there is no command {argv[0]!r}\n" if argv else ""
    print(given + usage, file=sys.stderr)
    sys.exit(2)


def _command(name: str, argv: list[str]) -> Any:
    import tyro

    command_class = getattr(importlib.import_module(f"kclip.commands.{name}"), COMMANDS[name][0])
    if hasattr(command_class, "parse"):  # a command whose defaults come from a preset
        return command_class.parse(argv)
    return tyro.cli(command_class, args=argv, prog=f"kclip {name}")


if __name__ == "__main__":
    main()
