"""How fast TFRecords are built, against a plain loop of Pillow, and two workers against one.

python benchmarks/build_tfrecords.py

Generated pictures of 640 x 480 with a caption each, resized to a shorter side of 224. kclip's whole
command is timed as a user runs it, Python's start, the checks and the metadata included; of the
plain loop (`plain_builder.py`), only the loop. The plain loop looks for no copies, so kclip does
not either (`--no-find-copies`); what that search takes is a row of its own. All take turns. The
machine should have nothing else to do.
"""

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from photographs import photographs
from results_file import HERE, parser, write_result
from turns import median_ratio, spread

WIDTH, HEIGHT, SIDE = 640, 480, 224
DIFFERENT = 256  # pictures that are drawn; files repeat them


def write_source(folder: Path, count: int) -> None:
    """A folder of pictures and a CSV of captions."""
    (folder / "images").mkdir()
    pictures = list(photographs(min(count, DIFFERENT), WIDTH, HEIGHT))
    names = [f"{number:06d}.jpg" for number in range(count)]
    for number, name in enumerate(names):
        (folder / "images" / name).write_bytes(pictures[number % len(pictures)])
    with (folder / "captions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "caption"))
        rows.writerows((name, f"picture number {name}") for name in names)


def kclip_seconds(source: Path, workers: int, *flags: str) -> float:
    """Wall time of one build into a fresh folder."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, str(HERE.parent / "scripts/build_tfrecords.py")]
        command += ["--source", "csv", "--images", f"{source}/images"]
        command += ["--captions", f"{source}/captions.csv", "--output", output]
        command += ["--resize", str(SIDE), "--workers", str(workers), *flags]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


def plain_seconds(source: Path) -> float:
    """Of the plain loop alone."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, str(HERE / "plain_builder.py"), f"{source}/images"]
        command += [f"{output}/records", str(SIDE)]
        return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def measure(count: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, in turn."""
    ways = ("one worker", "plain", "two workers", "copies searched")
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        write_source(source, count)
        for _ in range(rounds):
            seconds["one worker"].append(kclip_seconds(source, 1, "--no-find-copies"))
            seconds["plain"].append(plain_seconds(source))
            seconds["two workers"].append(kclip_seconds(source, 2, "--no-find-copies"))
            seconds["copies searched"].append(kclip_seconds(source, 2))
    return seconds


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--images", type=int, default=4096)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    if arguments.short:
        arguments.rounds = 3
    seconds = measure(arguments.images, arguments.rounds)
    one, two, plain = seconds["one worker"], seconds["two workers"], seconds["plain"]
    searched = seconds["copies searched"]
    write_result(
        "build",
        what=f"TFRecords of {arguments.images} pictures of 640 x 480 resized to 224, one worker, "
        "against a plain loop of Pillow",
        ratio=median_ratio(plain, one),
        kclip=spread(one, "s"),
        other=spread(plain, "s"),
        reach="≥ 1.2",
        rows=[
            {
                "what": "the same build with two workers, against one",
                "ratio": round(median_ratio(one, two), 3),
                "kclip": spread(two, "s"),
                "other": spread(one, "s"),
                "reach": "≥ 1.8",
            },
            {
                "what": "two workers that also search for copies, as by default, against without",
                "ratio": round(median_ratio(two, searched), 3),
                "kclip": spread(searched, "s"),
                "other": spread(two, "s"),
                "reach": "–",
            },
        ],
        seconds={name: [round(value, 2) for value in of] for name, of in seconds.items()},
    )


if __name__ == "__main__":
    main()
