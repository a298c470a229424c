"""What a search prints: lines for people, JSON for programs, a CSV for spreadsheets."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kclip.console.lines import one_line
from kclip.files import write_csv

Result = dict[str, Any]  # "query", and "hits" with "id", "file_name", "path", "score"


def print_results(results: Sequence[Result], as_json: bool) -> None:
    """Prints a table for each query, or one line of JSON for each."""
    for result in results:
        if as_json:
            print(json.dumps(result), flush=True)
            continue
        print(f"\n{one_line(result['query'])}")
        for hit in result["hits"]:
            print(f"  {hit['score']:6.3f}  {one_line(hit['path'])}")
        if not result["hits"]:
            print("  nothing")


def write_results_csv(path: Path, results: Sequence[Result], first_rank: int) -> None:
    """Writes a line for each image that was found.

    Args:
        path: the file.
        results: of all queries.
        first_rank: of the best image of each, more than 1 on later pages.
    """
    rows = (
        (result["query"], rank, f"{hit['score']:.6f}", hit["path"], hit["id"])
        for result in results
        for rank, hit in enumerate(result["hits"], first_rank)
    )
    write_csv(path, ("query", "rank", "score", "path", "id"), rows)
