"""Reads `meta.mat` of ImageNet's development kit in a process of its own.

SciPy's reader of MATLAB's files is compiled, and a damaged file may end its process.
"""

import json
import subprocess
import sys
from pathlib import Path

from kclip.errors import UserError


def read_synsets(path: Path) -> dict[int, tuple[str, str]]:
    """ILSVRC2012_ID -> synset and words, of the classes without children.

    Raises:
        UserError: the file is damaged or of another kind.
    """
    command = [sys.executable, "-m", __name__, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        rows = json.loads(ran.stdout)
    except ValueError:
        raise UserError(
            f"{path} is damaged, or is no meta.mat of ImageNet's development kit; unpack "
            "ILSVRC2012_devkit_t12.tar.gz again"
        ) from None
    return {number: (synset, words) for number, synset, words in rows}


def _print_synsets(path: str) -> None:
    from scipy.io import loadmat

    rows = loadmat(path, squeeze_me=True)["synsets"]
    leaves = [row for row in rows if int(row["num_children"]) == 0]
    found = [[int(row["ILSVRC2012_ID"]), str(row["WNID"]), str(row["words"])] for row in leaves]
    print(json.dumps(found))


if __name__ == "__main__":
    _print_synsets(sys.argv[1])
