"""Writes a model as SavedModel, ONNX or LiteRT, with its tokenizer and a page of how to call it.

python scripts/export_model.py --help
python scripts/export_model.py --model runs/demo/model --output exported/ --format saved_model onnx
"""

from kclip.cli import main

if __name__ == "__main__":
    main("export_model")
