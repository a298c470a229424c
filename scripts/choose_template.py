"""Compares prompt templates for multi-label recognition on one split.

python scripts/choose_template.py --help
python scripts/choose_template.py --model runs/clip_decoder/model --data tfrecords/x \
    --output results/ --templates "{}" "a photo of a {}." photos
"""

from kclip.cli import main

if __name__ == "__main__":
    main("choose_template")
