"""Says what is in a data set, and what looks wrong with it.

python scripts/check_data.py --help
python scripts/check_data.py tfrecords/photos
"""

from kclip.cli import main

if __name__ == "__main__":
    main("check_data")
