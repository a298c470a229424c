"""Embeds images once, and later what is new among them: `kclip.commands.index_images`.

python scripts/index_images.py --help
python scripts/index_images.py photos/ --model runs/demo/model --output runs/index
"""

from kclip.cli import main

if __name__ == "__main__":
    main("index_images")
