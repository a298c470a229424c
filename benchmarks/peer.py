"""A process with packages of its own that answers one question after another."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Peer:
    """The asking side. A script's first answer is its packages' versions; see `serve`."""

    def __init__(self, python: str, script: str, *arguments: str, threads: int = 2):
        if not Path(python).is_file():
            sys.exit(f"{python} is missing; run `make peers`, or give --torch-python")
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        self.process = subprocess.Popen(
            [python, str(HERE / script), *arguments],
            env={**os.environ, **limits},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions = self._answer()

    def ask(self, question: str) -> Any:
        """Sends one line and waits for the answer."""
        print(question, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Lets the process end."""
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> Any:
        if not (line := self.process.stdout.readline()):
            sys.exit(f"{self.process.args[1]} ended without an answer")
        return json.loads(line)


def serve(answer: Callable[[str], Any], packages: Sequence[str]) -> None:
    """The answering side."""
    versions = {package: importlib.metadata.version(package) for package in packages}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)
