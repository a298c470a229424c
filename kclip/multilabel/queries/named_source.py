"""The query source that a model folder names: found from anywhere, and what it was at training."""

from collections.abc import Sequence
from pathlib import Path

from kclip.errors import UserError
from kclip.files import file_digest
from kclip.multilabel.queries.query_sources import QuerySource, load_query_source


def name_source(name_or_path: str | None) -> dict[str, str | None]:
    """What a model folder is to say of its query source.

    Args:
        name_or_path: of the source, as of `load_query_source`; None for a head without one.

    Returns:
        `query_source`, as an absolute path where it is a local one, and `query_digest`, the
        SHA-256 of a file of word vectors.

    Example:
        >>> name_source("owner/name")
        {'query_source': 'owner/name', 'query_digest': None}
    """
    if name_or_path is None or not Path(name_or_path).exists():
        return {"query_source": name_or_path, "query_digest": None}
    path = Path(name_or_path).resolve()
    return {
        "query_source": str(path),
        "query_digest": file_digest(path) if path.is_file() else None,
    }


def open_named_source(name: str, digest: str | None, templates: Sequence[str]) -> QuerySource:
    """Opens what `name_source` named.

    A folder from elsewhere could name any file of its reader's machine, so a file is opened only
    where its content is the one that the model was trained with.

    Args:
        name: of the source.
        digest: of its file, or None.
        templates: as of `load_query_source`.

    Raises:
        UserError: it is another file, or as of `load_query_source`.
    """
    path = Path(name)
    if path.is_file() and file_digest(path) != digest:
        raise UserError(
            f"the model folder names the file {name!r} as what embeds other classes, and its "
            "content is not that of the word vectors that the model was trained with; load the "
            "model with MultiLabelRecognizer.from_folder(folder, query_source=FILE)"
        )
    return load_query_source(name, templates)
