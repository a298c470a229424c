r"""Measures how well captions find their images, and images their captions.

python scripts/evaluate_retrieval.py --help
python scripts/evaluate_retrieval.py --model runs/demo/model --images photos/ \
    --captions captions.csv --output results/
"""

from kclip.cli import main

if __name__ == "__main__":
    main("evaluate_retrieval")
