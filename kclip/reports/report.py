"""A results folder that fills up: numbers, tables, figures, and `report.md` that shows them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kclip.files import write_csv, write_metrics, write_text
from kclip.reports.figures.style import save_figure
from kclip.reports.markdown import escape, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Report:
    """Writes a results or run folder, every file of which appears whole or not at all.

    Numbers, tables and figures are written as they are given, `report.md` by `write` at the end, so
    that a figure that cannot be drawn costs no results.

    Args:
        directory: the folder; made if missing.
        title: the report's heading.
        about: name -> value, shown as a table at the top: model, data, times. Values are escaped
            unless they are `Markdown`.

    Example:
        >>> import tempfile
        >>> report = Report(Path(tempfile.mkdtemp()), "Retrieval", {"model": "runs/demo/model"})
        >>> report.metrics({"recall@1": 0.5})
        >>> report.heading("Recall")
        >>> report.add("Half of the captions find their image first.")
        >>> print(report.write().read_text())
        # Retrieval
        <BLANKLINE>
        |       |                 |
        |-------|-----------------|
        | model | runs/demo/model |
        <BLANKLINE>
        ## Recall
        <BLANKLINE>
        Half of the captions find their image first.
        <BLANKLINE>
    """

    def __init__(self, directory: Path, title: str, about: Mapping[str, Any]):
        self.directory = directory
        self._parts = [f"# {escape(title)}", markdown_table(("", ""), about.items())]

    def metrics(self, results: Mapping[str, Any], file_name: str = "metrics.json") -> None:
        """Writes results as JSON."""
        write_metrics(self.directory / file_name, results)

    def csv(self, file_name: str, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
        """Writes a table as CSV."""
        write_csv(self.directory / file_name, header, rows)

    def heading(self, text: str, level: int = 2) -> None:
        """Begins a section."""
        self._parts.append(f"{'#' * level} {escape(text)}")

    def add(self, *parts: str) -> None:
        """Adds paragraphs and tables, which are Markdown; names within them are for `escape`."""
        self._parts += parts

    def note(self, remarks: Iterable[str]) -> None:
        """Adds what a reader has to know of the figures that follow, as plain text."""
        self._parts += [f"> **Note:** {escape(remark)}" for remark in remarks]

    def figure(self, file_name: str, figure: "Figure", caption: str) -> None:
        """Writes a figure as PNG, and shows it here."""
        save_figure(figure, self.directory / file_name)
        shown = re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", escape(caption))  # brackets end a caption
        self._parts.append(f"![{shown}]({file_name})")

    def write(self) -> Path:
        """Writes `report.md`, and returns its path."""
        path = self.directory / "report.md"
        write_text(path, "\n\n".join(self._parts) + "\n")
        return path
