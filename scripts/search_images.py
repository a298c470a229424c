"""Finds the images that a sentence describes.

python scripts/search_images.py --help
python scripts/search_images.py --index runs/index "a red circle"
python scripts/search_images.py --model runs/demo/model --images photos/ "a red circle"
"""

from kclip.cli import main

if __name__ == "__main__":
    main("search_images")
