"""Seconds until a command answers: each script's --help, and train_dual_encoder's first batch.

python benchmarks/startup.py

Whole processes, Python's own start included. The training is `--preset tiny` on generated scenes
that were written before; its first batch is noticed by the state that a stop after it would save:
the process is timed up to the end of that step. There is no other side: the ratio is the goal's
time over the measured one, the lesser of the two.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results_file import HERE, parser, write_result
from turns import spread

from kclip.data.sources.synthetic.generation import generate_scenes

SCRIPTS = sorted((HERE.parent / "scripts").glob("*.py"))
HELP_GOAL, TRAINING_GOAL = 0.5, 25.0
# Trains as the script does, with one callback more, which ends the process after the first batch.
FIRST_BATCH = """
import os, sys
from kclip import TrainDualEncoder

command = TrainDualEncoder.parse(sys.argv[1:])

import keras

class EndAfterFirstBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        os._exit(0)

command.run(callbacks=[EndAfterFirstBatch()])
raise SystemExit("the training ended without a batch")
"""


def seconds_of(*command: str) -> float:
    """Wall time of a process that ends well."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - started


def write_data(folder: Path, images: int) -> None:
    """Generated scenes as TFRecords."""
    source, script = folder / "source", str(HERE.parent / "scripts/build_tfrecords.py")
    generate_scenes(source, num_train=images, num_dev=64, zero_shot_per_class=1)
    command = [script, "--source", "csv", "--images", f"{source}/images"]
    command += ["--captions", f"{source}/captions.csv", "--output", f"{folder}/records"]
    command += ["--split-lists", f"train={source}/train.txt", f"validation={source}/dev.txt"]
    seconds_of(*command)


def first_batches(repeats: int, images: int) -> list[float]:
    """Seconds from the process' start to the end of the first training step."""
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), images)
        return [
            seconds_of(
                *("-c", FIRST_BATCH, "--data", f"{folder}/records"),
                *("--output", f"{folder}/run{number}"),
            )
            for number in range(repeats)
        ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--images", type=int, default=4000, help="of the training split")
    arguments = options.parse_args()
    if arguments.short:
        arguments.repeats = 2
    helps = {
        script.stem: [seconds_of(str(script), "--help") for _ in range(arguments.repeats)]
        for script in SCRIPTS
    }
    batches = first_batches(arguments.repeats, arguments.images)
    slowest = max(helps.values(), key=min)
    rows = [
        {
            "what": "start: the first batch of train_dual_encoder (goal over measured)",
            "ratio": round(TRAINING_GOAL / sorted(batches)[len(batches) // 2], 3),
            "kclip": spread(batches, "s"),
            "other": f"{TRAINING_GOAL:.0f} s, the goal",
            "reach": "≥ 1 (< 25 s)",
        },
        {
            "what": "start: the slowest script's --help (goal over measured)",
            "ratio": round(HELP_GOAL / sorted(slowest)[len(slowest) // 2], 3),
            "kclip": spread(slowest, "s"),
            "other": f"{HELP_GOAL} s, the goal",
            "reach": "≥ 1 (< 0.5 s)",
        },
    ]
    rows.sort(key=lambda row: row["ratio"])
    write_result(
        "startup",
        **rows[0],
        rows=rows[1:],
        help_seconds={name: [round(value, 3) for value in of] for name, of in helps.items()},
        first_batch_seconds=[round(value, 2) for value in batches],
    )


if __name__ == "__main__":
    main()
