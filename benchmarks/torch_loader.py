"""The PyTorch side of `input_pipeline.py`: Pillow in a DataLoader with two workers.

Reads a folder of JPEG files with `captions.txt`, a line an image, and `vocabulary.txt`; answers
every line by the number of pairs that an epoch gave.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from peer import serve
from PIL import Image
from transformers import BertTokenizer

WORKERS = 2


class Pairs(torch.utils.data.Dataset):
    """Pictures of one size, uint8 (3, S, S), each with a caption."""

    def __init__(self, folder: Path, size: int):
        self.files = sorted(folder.glob("*.jpg"))
        self.captions = (folder / "captions.txt").read_text().splitlines()
        self.size = (size, size)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB")
        if image.size != self.size:
            image = image.resize(self.size, Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1), self.captions[index]


def loader(folder: Path, size: int, batch_size: int, length: int):
    """Shuffled batches of pictures and of tokens padded to one length."""
    words = (folder / "vocabulary.txt").read_text().splitlines()
    tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(words)})

    def collate(pairs):
        images, captions = zip(*pairs, strict=True)
        tokens = tokenizer(list(captions), padding="max_length", truncation=True, max_length=length)
        return torch.stack(images), torch.tensor(tokens["input_ids"])

    return torch.utils.data.DataLoader(
        Pairs(folder, size),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=WORKERS,
        collate_fn=collate,
        persistent_workers=True,
    )


def main() -> None:
    folder, size, batch_size, length = Path(sys.argv[1]), *map(int, sys.argv[2:])
    batches = loader(folder, size, batch_size, length)

    def epoch(_: str) -> int:
        # As bytes from the workers, floats here: a fourth of what has to be handed over.
        return sum(len(images.float()) for images, _ in batches)

    serve(epoch, ("torch", "transformers", "pillow"))


if __name__ == "__main__":
    main()
