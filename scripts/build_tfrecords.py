"""Turns images with captions or labels into TFRecords that TFDS can open.

python scripts/build_tfrecords.py --help
python scripts/build_tfrecords.py --source csv --images photos/ --captions captions.csv
"""

from kclip.cli import main

if __name__ == "__main__":
    main("build_tfrecords")
