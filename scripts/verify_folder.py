"""Looks whether the files of a build, a run, a model or kept features are as they were written.

python scripts/verify_folder.py --help
python scripts/verify_folder.py runs/demo
"""

from kclip.cli import main

if __name__ == "__main__":
    main("verify_folder")
