"""Trains a dual encoder on TFRecords of images and captions.

python scripts/train_dual_encoder.py --help
python scripts/train_dual_encoder.py --preset tiny --data tfrecords/synthetic --output runs/tiny
"""

from kclip.cli import main

if __name__ == "__main__":
    main("train_dual_encoder")
