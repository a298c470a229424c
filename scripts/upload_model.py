"""Sends a model folder to the Hugging Face hub or to Kaggle.

python scripts/upload_model.py --help
python scripts/upload_model.py runs/demo/model hf://owner/name --private
"""

from kclip.cli import main

if __name__ == "__main__":
    main("upload_model")
