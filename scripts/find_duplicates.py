"""Finds copies among the images of an index: `kclip.commands.find_duplicates`.

python scripts/find_duplicates.py --help
python scripts/find_duplicates.py --index runs/index
"""

from kclip.cli import main

if __name__ == "__main__":
    main("find_duplicates")
