"""Compares a model's answers in every execution mode with those of eager float32.

python scripts/check_consistency.py --help
python scripts/check_consistency.py --model runs/demo/model --output runs/demo/consistency
"""

from kclip.cli import main

if __name__ == "__main__":
    main("check_consistency")
