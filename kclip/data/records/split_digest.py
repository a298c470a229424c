"""What a split's records are, as one digest of their bytes."""

import hashlib

from kclip.data.records.shards import read_result
from kclip.data.records.writer import SplitFiles
from kclip.files import file_digest


def split_digest(split: SplitFiles) -> str:
    """A digest of a split's files: their contents, not where they lie or when they were written.

    The build has noted each shard's SHA-256; a shard without such a note, or of another size, is
    read.
    """
    result = hashlib.sha256()
    for path in split.files:
        noted = read_result(path)
        if noted is not None and noted.num_bytes == path.stat().st_size:
            result.update(noted.sha256.encode())
        else:
            result.update(file_digest(path).encode())
    return result.hexdigest()
