"""Classifies images by the names of their classes, without training on them.

python scripts/evaluate_zero_shot.py --help
python scripts/evaluate_zero_shot.py --model runs/demo/model --images classes/ --output results/
python scripts/evaluate_zero_shot.py --model M --protocol pets --data-dir pets/ --output results/
"""

from kclip.cli import main

if __name__ == "__main__":
    main("evaluate_zero_shot")
