"""Runs notebooks on the run of `make demo` and keeps the outputs that a reader sees.

python notebooks/refresh.py                                    # all of them
python notebooks/refresh.py notebooks/compare_classifiers.ipynb
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def refresh(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        record_timing=False,
        resources={"metadata": {"path": path.parent}},
        # What TensorFlow's C++ prints at its start goes to the terminal, not into the notebook.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    client.execute()
    notebook.metadata.language_info = {"name": "python"}  # without the version of this machine
    nbformat.write(notebook, path)


if __name__ == "__main__":
    folder = Path(__file__).parent
    for path in map(Path, sys.argv[1:] or sorted(folder.glob("*.ipynb"))):
        print(path)
        refresh(path.resolve())
