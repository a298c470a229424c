"""Compares zero-shot classification, probes and fine-tuned networks on the same images.

python scripts/compare_classifiers.py --help
python scripts/compare_classifiers.py --images animals10/ --train-share 0.8 --output results/ \
    --zero-shot runs/mine/model --probe runs/mine/model --shots 1 2 4 8 16 --published animals10
"""

from kclip.cli import main

if __name__ == "__main__":
    main("compare_classifiers")
