"""Names of classes that differ in capitals or spaces alone: one class, or several?"""

import unicodedata
from collections import Counter
from dataclasses import replace

from kclip.data.image_record import Source
from kclip.errors import UserError


def settle_spelling(source: Source, similar_names: str) -> Source:
    """Makes sure that names of classes do not differ in capitals or spaces alone.

    Args:
        source: records with labels.
        similar_names: `refuse` such names; `merge` them under the commonest spelling, of two that
            are as common the first in the alphabet; or `keep` them as classes of their own.

    Raises:
        UserError: there are such names, and they are to be refused.
    """
    counts = Counter(name for r in source.records for name in (*r.labels, *r.ignored_labels))
    groups: dict[str, list[str]] = {}
    for name in sorted(counts):
        groups.setdefault(_key(name), []).append(name)
    similar = [names for names in groups.values() if len(names) > 1]
    if not similar or similar_names == "keep":
        return source
    shown = "; ".join(" and ".join(map(repr, names)) for names in similar[:3])
    if similar_names == "refuse":
        raise UserError(
            f"names of classes differ in capitals or spaces alone ({shown}); correct them, or give "
            "--similar-names merge to take them as one class, or keep for classes of their own."
        )
    best = {
        name: max(names, key=lambda n: counts[n])  # of equal ones the first
        for names in similar
        for name in names
    }

    def merged(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(best.get(name, name) for name in names))

    records = [
        replace(record, labels=merged(record.labels), ignored_labels=merged(record.ignored_labels))
        for record in source.records
    ]
    note = f"classes whose names differ in capitals or spaces alone were merged: {shown}"
    return replace(source, records=records, notes=(*source.notes, note))


def _key(name: str) -> str:
    return "".join(unicodedata.normalize("NFC", name).casefold().split())
