"""Lists and deletes the outputs of frozen towers that trainings have kept.

python scripts/manage_features.py --help
python scripts/manage_features.py list
python scripts/manage_features.py delete all
"""

from kclip.cli import main

if __name__ == "__main__":
    main("manage_features")
