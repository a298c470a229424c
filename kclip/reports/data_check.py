"""The results folder of a check of data: findings, numbers, and images that show them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.data.copies.listing import ListedCopy, write_copies
from kclip.evaluation.data_check.check import CheckResults
from kclip.evaluation.data_check.findings import Finding
from kclip.reports.figures.data_check import draw_caption_lengths, draw_class_sizes
from kclip.reports.figures.grids import draw_image_rows
from kclip.reports.markdown import Markdown, code, escape, markdown_table
from kclip.reports.report import Report

_SHOWN_GROUPS, _SHOWN_IMAGES = 8, 6
# Findings about copies, which have a figure of their own.
_COPIES = frozenset(("copies across splits", "copies within a split", "contradicting labels"))
GetImages = Callable[[Iterable[int]], Mapping[int, Path | bytes]]


def write_data_check(
    directory: Path, about: Mapping[str, Any], results: CheckResults, get_images: GetImages
) -> Path:
    """Writes `metrics.json`, `copies.csv`, figures and `report.md`, and returns the latter's path.

    Args:
        directory: the results folder.
        about: name -> value, shown as a table at the top.
        results: of `evaluation.data_check.check_data`.
        get_images: from rows to images, for those that are shown.
    """
    report = Report(directory, "What is in the data", about)
    report.metrics(results.as_dict())
    write_copies(directory, results.copies)
    report.heading("What looks wrong")
    report.add(findings_table(results.findings), *_details(results.findings))
    images = get_images(_shown_rows(results))
    _show_images(report, results, images)
    _show_numbers(report, results.numbers)
    return report.write()


def findings_table(findings: Sequence[Finding]) -> str:
    """Returns one row a finding as a Markdown table, or a sentence where there is none."""
    if not findings:
        return "Nothing."
    rows = [(Markdown(f"**{f.level}**"), f.kind, f.message) for f in findings]
    return markdown_table(("", "what", "found"), rows)


def splits_table(numbers: Mapping[str, Any]) -> str:
    """Returns the number of images, captions and labels of each split as a Markdown table."""
    columns = ["images", "captions", "labels"]
    if any(own["unknown_labels"] for own in numbers["splits"].values()):
        columns.append("unknown_labels")
    rows = [
        (split, *(f"{own[name]:,}" for name in columns)) for split, own in numbers["splits"].items()
    ]
    return markdown_table(("split", *(name.replace("_", " ") for name in columns)), rows)


def _details(findings: Sequence[Finding]) -> list[str]:
    parts = []
    for finding in findings:
        parts.append(f"**{escape(finding.kind)}.** {escape(finding.advice)}")
        if finding.examples:
            parts.append("\n".join(f"- {code(example)}" for example in finding.examples))
    return parts


def _shown_copies(copies: Sequence[ListedCopy]) -> list[list[ListedCopy]]:
    """The first members of the first groups, those across splits first."""
    groups: dict[int, list[ListedCopy]] = {}
    for copy in copies:
        if copy.group <= _SHOWN_GROUPS:
            groups.setdefault(copy.group, []).append(copy)
    return [group[:_SHOWN_IMAGES] for group in groups.values()]


def _shown_findings(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.rows and finding.kind not in _COPIES]


def _shown_rows(results: CheckResults) -> set[int]:
    rows = {copy.row for group in _shown_copies(results.copies) for copy in group}
    for finding in _shown_findings(results.findings):
        rows |= set(finding.rows[:_SHOWN_IMAGES])
    return rows - set(results.unreadable)


def _show_images(report: Report, results: CheckResults, images: Mapping[int, Path | bytes]) -> None:
    groups = _shown_copies(results.copies)
    if groups:
        report.heading("Copies")
        report.add(
            f"{len(results.copies):,} images have copies; `copies.csv` lists them all. The first "
            "groups, those that lie in several splits before the others:"
        )
        rows = [(_group_title(group), [_copy_cell(copy) for copy in group]) for group in groups]
        report.figure("copies.png", draw_image_rows(rows, images), "Copies side by side")
    rows = [
        (finding.kind, [_cell(row, results) for row in finding.rows if row in images])
        for finding in _shown_findings(results.findings)
    ]
    rows = [(title, cells[:_SHOWN_IMAGES]) for title, cells in rows if cells]
    if rows:
        report.heading("Images to look at")
        report.figure("examples.png", draw_image_rows(rows, images), "Examples of findings")


def _group_title(group: Sequence[ListedCopy]) -> str:
    kinds = dict.fromkeys(copy.kind for copy in group if copy.kind)
    where = "across splits" if group[0].shared else "in one split"
    return f"{', '.join(kinds)}, {where}"


def _copy_cell(copy: ListedCopy) -> dict[str, Any]:
    return {"id": copy.row, "heading": copy.split, "file_name": copy.file_name}


def _cell(row: int, results: CheckResults) -> dict[str, Any]:
    record = results.records[row]
    return {"id": row, "heading": record.split, "file_name": record.file_name}


def _show_numbers(report: Report, numbers: Mapping[str, Any]) -> None:
    report.heading("What there is")
    report.add(splits_table(numbers))
    if numbers["sizes"]["width"][2]:
        rows = [(side, *values) for side, values in numbers["sizes"].items()]
        report.add(markdown_table(("pixels", "smallest", "median", "largest"), rows))
    if numbers["classes"]:
        figure = draw_class_sizes(numbers["classes"])
        report.figure("classes.png", figure, "Images of each class")
    if numbers["caption_words"]:
        figure = draw_caption_lengths(numbers["caption_words"])
        report.figure("captions.png", figure, "Words of captions")
