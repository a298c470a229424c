"""The memory of `make real` at its peak, as the run itself has noted it.

make real && python benchmarks/peak_memory.py

There is no other side: the ratio is the goal over what was used.
"""

import json
import sys
from pathlib import Path

from results_file import HERE, parser, write_result

GOAL = 4.0  # GiB


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--run", type=Path, default=HERE.parent / "runs/flickr8k")
    run = options.parse_args().run
    metrics = run / "metrics.json"
    if not metrics.is_file():
        sys.exit(f"{metrics} is missing; run `make real`, or give a run's folder as --run")
    used = json.loads(metrics.read_text())["run"]["peak_memory_gib"]
    write_result(
        "peak_memory",
        what="peak memory of training the dual encoder on Flickr8k (goal over measured)",
        ratio=GOAL / used,
        kclip=f"{used} GiB",
        other=f"{GOAL:.0f} GiB, the goal",
        reach="≥ 1 (≤ 4 GiB)",
    )


if __name__ == "__main__":
    main()
