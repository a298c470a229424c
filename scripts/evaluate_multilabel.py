"""Measures how well a model finds all labels of an image, of classes never trained on too.

python scripts/evaluate_multilabel.py --help
python scripts/evaluate_multilabel.py --model runs/clip_decoder/model --data tfrecords/x \
    --output results/
python scripts/evaluate_multilabel.py --model clip_vit_base_patch32 --images photos/ \
    --labels labels.csv --output results/
"""

from kclip.cli import main

if __name__ == "__main__":
    main("evaluate_multilabel")
