"""Files of word vectors as they are published: GloVe's text, word2vec's text and binary."""

import gzip
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.errors import UserError

KINDS = "GloVe's text, or word2vec's text or binary, plain or as .gz"
# Beyond these a file is of another kind: the largest published vectors are 4,096 wide.
MAX_DIM = 65_536
MAX_WORD_BYTES = 4_096
MAX_LINE_BYTES = 2**22

_Content = IO[bytes] | gzip.GzipFile


@dataclass(frozen=True)
class WordVectorFile:
    """A file of word vectors, of which only the wanted ones are ever kept in memory.

    Attributes:
        path: the file.
        dim: length of the vectors.
        num_words: how many the file's first line promises; None in GloVe's text, which has no
            such line.
        binary: word2vec's binary form.
    """

    path: Path
    dim: int
    num_words: int | None
    binary: bool

    @classmethod
    def from_path(cls, path: Path) -> "WordVectorFile":
        """Finds out what kind of file it is, by its first two lines.

        Raises:
            UserError: there is no such file, or it is of another kind.
        """
        with _opened(path) as (file, _):
            first = file.readline(MAX_LINE_BYTES).split()
            second = file.readline(MAX_LINE_BYTES)
        header = _header(first)
        if header:
            num_words, dim = header
            return cls(path, dim, num_words, not _is_text(second, dim))
        if len(first) < 2 or not _is_text(b" ".join(first), len(first) - 1):
            raise UserError(f"{str(path)!r} holds no word vectors; expected {KINDS}")
        return cls(path, len(first) - 1, None, False)

    def find(self, words: Set[str], progress: bool = True) -> dict[str, np.ndarray]:
        """Reads the vectors of some words; those that the file lacks are left out.

        Args:
            words: spelled as in the file.
            progress: show a progress bar, by the bytes read.

        Returns:
            word -> float32 (dim,); of a word that comes twice, the first vector.

        Raises:
            UserError: the file is damaged before all words are found.
        """
        wanted = {word.encode(): word for word in words}
        found: dict[str, np.ndarray] = {}
        with _opened(self.path) as (file, raw):
            if self.num_words is not None:
                file.readline(MAX_LINE_BYTES)
            entries = self._binary_entries(file) if self.binary else self._text_entries(file)
            with _progress_bar(raw, self.path, progress) as update:
                for count, (word, vector) in enumerate(entries):
                    if word in wanted:
                        found.setdefault(wanted[word], self._parse(word, vector))
                        if len(found) == len(wanted):
                            break
                    if count % 20_000 == 0:
                        update()
        return found

    def _text_entries(self, file: _Content) -> Iterator[tuple[bytes, bytes]]:
        count = 0
        for line in file:
            word, _, vector = line.rstrip().partition(b" ")
            spaces = vector.count(b" ")
            if spaces >= self.dim:  # GloVe's crawl has words with spaces, such as ". . ."
                word = line.rstrip().rsplit(b" ", self.dim)[0]
                vector = line.rstrip()[len(word) + 1 :]
            elif spaces < self.dim - 1 and line.strip():
                raise self._damaged(f"line {count + 1:,} of the vectors is too short")
            yield word, vector
            count += 1
        if self.num_words is not None and count < self.num_words:
            raise self._damaged(f"it ends after {count:,} of {self.num_words:,} words")

    def _binary_entries(self, file: _Content) -> Iterator[tuple[bytes, bytes]]:
        num_words, num_bytes = self.num_words or 0, 4 * self.dim
        buffer, start = b"", 0
        for count in range(num_words):
            space = buffer.find(b" ", start)
            while space < 0 or len(buffer) < space + 1 + num_bytes:
                chunk = file.read(2**20 + num_bytes)
                if not chunk:
                    raise self._damaged(f"it ends after {count:,} of {num_words:,} words")
                buffer, start = buffer[start:] + chunk, 0
                space = buffer.find(b" ")
                if space > MAX_WORD_BYTES or (space < 0 and len(buffer) > MAX_WORD_BYTES):
                    raise self._damaged(f"what follows word {count:,} is no word")
            # Some writers end each vector with a line break, some do not.
            word = buffer[start:space].lstrip(b"\n")
            start = space + 1 + num_bytes
            yield word, buffer[space + 1 : start]

    def _parse(self, word: bytes, vector: bytes) -> np.ndarray:
        try:
            if self.binary:
                values = np.frombuffer(vector, "<f4").astype(np.float32)
            else:
                values = np.array(vector.split(), np.float32)
        except ValueError:
            values = np.zeros(0, np.float32)
        if values.shape != (self.dim,) or not np.isfinite(values).all():
            name = word.decode(errors="replace")
            raise self._damaged(f"the vector of {name!r} is not {self.dim} finite numbers")
        return values

    def _damaged(self, reason: str) -> UserError:
        return UserError(f"{str(self.path)!r} is damaged: {reason}; download it again")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[_Content, IO[bytes]]]:
    """Opens a file of word vectors: its content, and the file as it lies on the disk."""
    try:
        with path.open("rb") as raw:
            compressed = raw.peek(2)[:2] == b"\x1f\x8b"
            yield (gzip.open(raw) if compressed else raw), raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{str(path)!r} is damaged ({error}); download it again") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise UserError(f"{str(path)!r}: {reason}; expected a file of word vectors") from None


@contextmanager
def _progress_bar(raw: IO[bytes], path: Path, progress: bool) -> Iterator:
    size = path.stat().st_size
    description = f"Reading {path.name}"
    with ProgressBar(
        total=size, unit="B", unit_scale=True, desc=description, disable=not progress
    ) as bar:
        yield lambda: bar.update(raw.tell() - bar.n)
        bar.update(raw.tell() - bar.n)


def _header(cells: list[bytes]) -> tuple[int, int] | None:
    """The number of words and of their dimensions, where this is word2vec's first line."""
    if len(cells) != 2 or not all(cell.isdigit() and len(cell) < 12 for cell in cells):
        return None
    num_words, dim = map(int, cells)
    return (num_words, dim) if num_words and 0 < dim <= MAX_DIM else None


def _is_text(line: bytes, dim: int) -> bool:
    """Whether a line is a word and its vector in plain text."""
    cells = line.split()
    try:
        return len(cells) > dim and all(np.isfinite(float(cell)) for cell in cells[-dim:])
    except ValueError:
        return False
