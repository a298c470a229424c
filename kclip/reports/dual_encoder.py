"""The report of a training run of a dual encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.evaluation.remarks import training_remarks
from kclip.reading import read_history
from kclip.reports.figures.curves import draw_curves
from kclip.reports.markdown import markdown_table, percent
from kclip.reports.report import Report
from kclip.reports.retrieval import add_retrieval
from kclip.reports.zero_shot import add_zero_shot


def write_dual_encoder_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    images: Mapping[str, Path | bytes],
) -> None:
    """Writes `metrics.json`, the figures and `report.md`.

    Args:
        directory: the run folder, with `history.csv`.
        about: name -> value, shown as a table at the top.
        results: `retrieval` of `evaluate_retrieval`, and maybe `zero_shot` of `evaluate_zero_shot`
            and `fine_tuning` of `kclip.training.dual_encoder.fine_tuning.finish`.
        images: file name -> image, for the examples of `retrieval`.
    """
    report = Report(directory, "Dual encoder", about)
    report.metrics(results)
    report.heading("Training")
    history = read_history(directory / "history.csv")
    report.note(training_remarks(history))
    report.figure("curves.png", draw_curves(history), "Losses and recalls by epoch")
    if "fine_tuning" in results:
        report.heading("Before and after", level=3)
        report.add(*before_and_after(results))
    add_retrieval(report, results["retrieval"], images)
    if "zero_shot" in results:
        add_zero_shot(report, results["zero_shot"])
    report.write()


def before_and_after(results: Mapping[str, Any]) -> list[str]:
    """A fine-tuned model's figures beside those before, and how it was trained, as paragraphs."""
    tuning = results["fine_tuning"]
    rows = [
        (name, percent(before), percent(after), f"{100 * (after - before):+.1f}")
        for name, before, after in _side_by_side(tuning["before"], results)
    ]
    return [
        markdown_table(("", "before", "after", "points"), rows),
        f"{tuning['trained_parameters']:,} of {tuning['parameters']:,} parameters were trained. "
        + _kept(tuning),
    ]


def _side_by_side(
    before: Mapping[str, float], results: Mapping[str, Any]
) -> list[tuple[str, float, float]]:
    retrieval = results["retrieval"]
    after = [retrieval[way]["recall@10"] for way in ("text_to_image", "image_to_text")]
    after += [results["zero_shot"]["accuracy"]] if "zero_shot" in results else []
    return [(name, old, new) for (name, old), new in zip(before.items(), after, strict=True)]


def _kept(tuning: Mapping[str, Any]) -> str:
    kept = f"{percent(tuning['keep_fraction'])} of the way back to the weights before"
    if not tuning["scores"]:
        return f"The weights go {kept}." if tuning["keep_fraction"] else ""
    scores = ", ".join(f"{name}: {percent(score)}" for name, score in tuning["scores"].items())
    return (
        f"The weights go {kept}, the best mean of own recall@10 and zero-shot accuracy ({scores}); "
        "it was chosen on the images above, so on others it may serve a little less."
    )
