"""Compares prompts, adapters and baselines of multi-label recognition on a frozen model.

python scripts/run_multilabel_benchmark.py --help
python scripts/run_multilabel_benchmark.py --model runs/flickr8k/model --data tfrecords/flickr8k \
    --output runs/multilabel_benchmark
"""

from kclip.cli import main

if __name__ == "__main__":
    main("run_multilabel_benchmark")
