# make demo    the main job on generated images: no network, no download
# make test    the tests
# make fuzz    every reader on damaged files, longer than the tests do (KCLIP_FUZZ examples of each)
# make check   lint, format, types, import order
# make real    the same job on Flickr8k (KCLIP_DATA names the folder of the data)
# make multilabel  MMM-CLIP on Flickr8k's tags: prompts, adapters and baselines over the fraction of training images
# make ablation    CLIP-Decoder on Flickr8k's tags: classes never seen, six ways, three seeds
# make bench   speed and memory beside other tools, in twenty minutes: benchmarks/results/RESULTS.md
# Each does its own set-up; PYTHON=python3.12 picks another Python.

PYTHON ?= python3
VENV ?= .venv
KCLIP_DATA ?= ../shared/data
BIN := $(VENV)/bin
PEERS := .venv-peers
# What computes and trains; what reads files or builds from settings is the same on JAX.
JAX_TESTS := tests/layers tests/losses tests/models/clip/test_clip.py tests/models/clip/test_towers.py \
    tests/models/dual_encoder tests/models/multilabel_classifier tests/models/towers/test_image_encoder.py \
    tests/models/towers/test_recomputing.py tests/models/towers/test_text_encoder.py tests/training
# Most of this round's time is compiling: without optimisation, and no computation twice.
JAX := KERAS_BACKEND=jax XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true" \
    JAX_COMPILATION_CACHE_DIR=$(VENV)/jax_cache JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
    JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=0
FLICKR8K := $(KCLIP_DATA)/flickr8k
WEIGHTS := $(KCLIP_DATA)/weights
COCO := $(KCLIP_DATA)/coco_mini

.PHONY: demo test fuzz check real ablation multilabel bench peers setup clean
.DEFAULT_GOAL := demo

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "kclip needs Python 3.11 or later; name one by make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/python scripts/build_tfrecords.py
	rm -rf runs/demo
	$(BIN)/python scripts/train_dual_encoder.py --preset tiny --output runs/demo \
	    --zero-shot tfrecords/synthetic/source/zero_shot
	$(BIN)/python scripts/search_images.py --model runs/demo/model \
	    --images tfrecords/synthetic/source/zero_shot --output runs/demo/search \
	    "a small red circle" "a big striped blue square"

# Two processes: a model that is traced keeps one core busy, and each needs up to 3 GiB.
# Files in the order of tests/conftest.py, the slow ones first.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: setup
	$(PYTEST)
	$(JAX) $(PYTEST) -m "not slow" $(JAX_TESTS)

fuzz: setup
	KCLIP_FUZZ=$${KCLIP_FUZZ:-1000} $(BIN)/python -m pytest tests/test_damaged_files.py

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/python -m pytest --quiet tests/test_import_order.py

real: setup
	@test -d $(FLICKR8K) || { echo "$(FLICKR8K) is missing: set KCLIP_DATA (see CONTRIBUTING.md)"; exit 2; }
	$(BIN)/python scripts/build_tfrecords.py --source csv --output tfrecords/flickr8k \
	    --images $(FLICKR8K)/images --captions $(FLICKR8K)/captions.csv --labels $(FLICKR8K)/tags.csv \
	    --split-lists train=$(FLICKR8K)/train.txt validation=$(FLICKR8K)/dev.txt
	rm -rf runs/flickr8k
	$(BIN)/python scripts/train_dual_encoder.py --preset flickr8k \
	    --data tfrecords/flickr8k --output runs/flickr8k \
	    --image.backbone $(WEIGHTS)/tf_efficientnet_lite2.in1k \
	    --text.backbone $(WEIGHTS)/all-MiniLM-L6-v2 \
	    --zero-shot $(KCLIP_DATA)/cifar10_test

ablation: setup
	@test -d runs/flickr8k/model || $(MAKE) real
	$(BIN)/python scripts/ablate_clip_decoder.py --data tfrecords/flickr8k --output runs/clip_decoder_ablation \
	    --model runs/flickr8k/model --text-model $(WEIGHTS)/all-MiniLM-L6-v2 \
	    --image.backbone $(WEIGHTS)/tf_efficientnet_lite2.in1k \
	    --seen-classes $(FLICKR8K)/tags_seen.txt --unseen-classes $(FLICKR8K)/tags_unseen.txt

multilabel: setup
	@test -d runs/flickr8k/model || $(MAKE) real
	$(BIN)/python scripts/run_multilabel_benchmark.py --model runs/flickr8k/model --data tfrecords/flickr8k \
	    --output runs/multilabel_benchmark
	$(BIN)/python scripts/build_tfrecords.py --source coco --output tfrecords/coco_mini_labels \
	    --images $(COCO)/train2017 --labels $(COCO)/annotations/instances_train2017.json \
	    --validation-images $(COCO)/val2017 --validation-labels $(COCO)/annotations/instances_val2017.json
	$(BIN)/python scripts/run_multilabel_benchmark.py --model runs/flickr8k/model --data tfrecords/coco_mini_labels \
	    --transfer-from tfrecords/flickr8k --ratios 1.0 --output runs/multilabel_benchmark/transfer \
	    --methods cosine mld_adapter_spatial linear_probe mld_adapter_transferred

bench: setup peers
	$(BIN)/python benchmarks/run_all.py --torch-python $(PEERS)/bin/python

# PyTorch and what else kclip is measured against, in an environment of their own.
peers: $(PEERS)/installed

$(PEERS)/installed: benchmarks/requirements-peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --upgrade pip
	$(PEERS)/bin/pip install --quiet --requirement $<
	@touch $@

clean:
	rm -rf runs tfrecords/synthetic tfrecords/flickr8k
