"""The results folder of a search for duplicates: a table of all, and the groups as pictures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kclip.data.copies.listing import ListedCopy
from kclip.reports.figures.grids import draw_image_rows
from kclip.reports.markdown import markdown_table
from kclip.reports.report import Report
from kclip.reports.search import thumbnails
from kclip.retrieval.duplicates import Duplicates

_GROUPS, _IMAGES = 20, 5  # that are shown; the table has all
_AT_ONCE = 5  # groups of a figure


def write_duplicates_report(
    directory: Path, about: Mapping[str, Any], found: Duplicates
) -> dict[str, Any]:
    """Writes `metrics.json`, `duplicates.csv`, pictures of the first groups, and `report.md`.

    Args:
        directory: where to write.
        about: name -> value, shown as a table at the top.
        found: of `find_duplicates`.

    Returns:
        What `metrics.json` holds.
    """
    results = {
        "groups": found.num_groups,
        "images": len(found.listed),
        "superfluous": len(found.listed) - found.num_groups,
        "unreadable": found.unreadable,
    }
    report = Report(directory, "Duplicates", about)
    report.metrics(results)
    header = ("group", "file", "copy_of", "kind", "bytes")
    rows = [
        (copy.group, copy.file_name, copy.copy_of, copy.kind, found.places[copy.row].size)
        for copy in found.listed
    ]
    report.csv("duplicates.csv", header, rows)
    report.add(markdown_table(("", "number"), results.items()))
    groups = list(_groups(found))
    for start in range(0, min(len(groups), _GROUPS), _AT_ONCE):
        shown = groups[start : min(start + _AT_ONCE, _GROUPS)]
        places = {copy.row: found.places[copy.row] for copies in shown for copy in copies}
        titled = [(_title(copies), [_cell(copy) for copy in copies[:_IMAGES]]) for copies in shown]
        figure = draw_image_rows(titled, thumbnails(places))
        report.figure(f"groups_{start + 1:02d}.png", figure, f"Groups from {start + 1}")
    report.add("All groups are in `duplicates.csv`. Nothing was deleted.")
    report.write()
    return results


def _groups(found: Duplicates) -> Iterator[list[ListedCopy]]:
    groups: dict[int, list[ListedCopy]] = {}
    for copy in found.listed:
        groups.setdefault(copy.group, []).append(copy)
    yield from groups.values()


def _title(copies: list[ListedCopy]) -> str:
    return f"Group {copies[0].group}: {len(copies)} images"


def _cell(copy: ListedCopy) -> dict[str, Any]:
    return {"id": copy.row, "heading": copy.kind or "first", "file_name": copy.file_name}
