"""Gathers `results/MACHINE/*.json` into `results/RESULTS.md`.

python benchmarks/gather_results.py
"""

import json
from pathlib import Path

from results_file import RESULTS, parser

from kclip.reports.markdown import code, markdown_table

NAMES = (
    "input_pipeline",
    "build",
    "cached_training",
    "contrastive_memory",
    "cached_accumulation",
    "search",
    "decoder_head",
    "zero_shot_inference",
    "training_step",
    "last_blocks",
    "gradient_checkpointing_tensorflow",
    "startup",
    "peak_memory",
    "gpu_training",
    "large_search",
    "light_search",
    "bfloat16",
)
HEAD = """# Results

`ratio` is kclip's advantage: the other side's time or memory over kclip's, and for the input
pipeline kclip's rate over the limit. Figures are medians, with the least and the greatest in
brackets. `make bench` writes this file from `results/MACHINE/*.json`, which hold each round. Two
processes on two cores make a load of 2; figures taken at a higher one are those of a busy machine.
"""


def comparisons(report: dict) -> list[dict]:
    """The rows of one benchmark, the main one first."""
    return [report, *report.get("rows", [])]


def read(folder: Path) -> dict[str, dict]:
    """The results of one machine, in the order of `NAMES`."""
    files = {name: folder / f"{name}.json" for name in NAMES}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.is_file()}


def section(reports: dict[str, dict]) -> str:
    """One machine: what was found there, and how it was measured."""
    machine = next(iter(reports.values()))["machine"]
    return f"## {machine}\n\n{tables(reports)}"


def tables(reports: dict[str, dict]) -> str:
    """What was found, and how it was measured."""
    found = [
        (name if row is report else "", row["what"], f"{row['ratio']:.2f}", row["reach"])
        + (row["kclip"], row["other"])
        for name, report in reports.items()
        for row in comparisons(report)
    ]
    measured = [
        (name, code(report["command"]), report["date"], f"{report['load_at_the_end']:.1f}")
        + (", ".join(f"{package} {version}" for package, version in report["versions"].items()),)
        for name, report in reports.items()
    ]
    return "\n".join(
        [
            markdown_table(("benchmark", "what", "ratio", "reach", "kclip", "other side"), found),
            "",
            markdown_table(
                ("benchmark", "command", "date", "load at the end", "versions"), measured
            ),
            "",
        ]
    )


def main() -> None:
    """Reads what is there; a benchmark that has not been run is left out."""
    parser(__doc__).parse_args()
    folders = sorted(path for path in RESULTS.iterdir() if path.is_dir())
    sections = [section(reports) for folder in folders if (reports := read(folder))]
    (RESULTS / "RESULTS.md").write_text("\n".join([HEAD, *sections]), encoding="utf-8")
    print(f"{len(sections)} machines in {RESULTS / 'RESULTS.md'}")


if __name__ == "__main__":
    main()
