"""Trains a multi-label classifier on TFRecords of images and labels.

python scripts/train_clip_decoder.py --help
python scripts/train_clip_decoder.py --preset flickr8k --data tfrecords/flickr8k \
    --model runs/flickr8k/model --output runs/clip_decoder
"""

from kclip.cli import main

if __name__ == "__main__":
    main("train_clip_decoder")
