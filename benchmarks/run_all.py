"""Runs the short form of every benchmark, one after the other, and gathers the results.

python benchmarks/run_all.py --torch-python .venv-peers/bin/python

The machine should have nothing else to do. One that fails is named at the end; the others still
run.
"""

import argparse
import subprocess
import sys
import time

from results_file import HERE, add_peers_python

SCRIPTS = (
    "startup",
    "input_pipeline",
    "build_tfrecords",
    "cached_training",
    "contrastive_memory",
    "cached_accumulation",
    "search",
    "decoder_head",
    "zero_shot_speed",
    "training_step",
    "last_blocks",
)
PEAK_OF = HERE.parent / "runs/flickr8k/metrics.json"  # of `make real`
WITH_PEERS = ("input_pipeline", "decoder_head", "zero_shot_speed", "training_step")


def run(script: str, *arguments: str) -> bool:
    """Whether it ended well."""
    started = time.perf_counter()
    command = [sys.executable, str(HERE / f"{script}.py"), *arguments]
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    outcome = f"failed with {code}" if code else "done"
    print(f"{script}: {outcome} in {time.perf_counter() - started:.0f} s", flush=True)
    return not code


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_peers_python(options)
    options.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS)
    arguments = options.parse_args()
    peers = ["--torch-python", arguments.torch_python]
    failed = [
        script
        for script in arguments.only
        if not run(script, "--short", *(peers if script in WITH_PEERS else []))
    ]
    if PEAK_OF.is_file():
        run("peak_memory")
    gathered = run("gather_results")
    if failed or not gathered:
        sys.exit(f"failed: {', '.join(failed) or 'gather_results'}")


if __name__ == "__main__":
    main()
