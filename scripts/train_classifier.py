"""Fine-tunes a network of keras.applications on folders of images, one folder a class.

python scripts/train_classifier.py --help
python scripts/train_classifier.py --preset xception --images animals10/ --output runs/xception
"""

from kclip.cli import main

if __name__ == "__main__":
    main("train_classifier")
