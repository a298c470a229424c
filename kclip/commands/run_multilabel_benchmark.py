"""The command that compares methods of multi-label recognition on a frozen model's features."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kclip.config.checks import check_settings
from kclip.config.ranges import Count, Range
from kclip.console.command_line import command_line
from kclip.console.lines import LOGGER
from kclip.errors import UserError
from kclip.files import file_digest
from kclip.reports.markdown import code_list
from kclip.training.common.run import Run

if TYPE_CHECKING:
    from kclip.evaluation.benchmark.task import Task
    from kclip.training.benchmark.bench import MultilabelBench


@dataclass(frozen=True)
class RunMultilabelBenchmark:
    """Compares prompts, adapters and baselines by mAP over the fraction of training images.

    MMM-CLIP's experiments with any model: zero-shot by prompts and cosines, FC- and MLD-Adapter,
    the baselines' heads and a linear probe, all on the frozen model's features, which are computed
    once. Writes metrics.json, map_over_ratio.png and report.md. Every result is kept in a file of
    its own, so a run that was stopped goes on when the same command is run again.
    """

    model: str
    """Folder of a dual encoder, such as runs/flickr8k/model, or whatever kclip loads."""
    data: tuple[Path, ...]
    """Folders of TFRecords with labels and a split called train."""
    output: Path
    """Folder that the results are written to; made if missing."""
    test_split: str = "validation"
    """The split that is measured."""
    methods: tuple[str, ...] = ()
    """Some of the methods; all by default."""
    ratios: tuple[Annotated[float, Range(1e-6, 1)], ...] = (0.02, 0.05, 0.1, 0.2, 0.7, 1.0)
    """Fractions of the training images, sampled so that each class keeps its part."""
    seeds: Count = 3
    """How often each fraction is sampled and trained on."""
    template: tuple[str, ...] = ("there is a {}",)
    """Prompts of cosine ranking and of the MLD-Adapter's queries, with {} for the class name."""
    captions_json: Path | None = None
    """A language model's captions of combinations of classes, as JSON of "dog, snow": "A dog ...".
    Without it the nearest captions of training images take their place, where there are any."""
    transfer_from: Path | None = None
    """TFRecords with other classes that an MLD-Adapter is trained on first; it then names the
    classes of --data without an image, and after training on each fraction."""

    features_dir: Path | None = None
    """Where the outputs of frozen towers are kept; by default the folder of the environment
    variable KCLIP_FEATURES_DIR, or the user's cache. See manage_features."""

    def run(self) -> dict[str, Any]:
        """Computes features, runs each cell that has no result, and writes the report.

        Returns:
            Name of a data set -> method -> fraction of the training images -> its figures.
        """
        self._check()
        from kclip.training.common.stop_signals import stop_signals

        with stop_signals() as stop_requested:
            go_on = f"{command_line('run_multilabel_benchmark')} with the same flags"
            return self._run_and_report(Run(self.output, stop_requested, go_on))

    def _run_and_report(self, run: Run) -> dict[str, Any]:
        from kclip.evaluation.benchmark.task import open_multilabel_task
        from kclip.features import FeatureStore
        from kclip.inference.embedder import Embedder
        from kclip.inference.loading import refuse_export
        from kclip.reports.benchmark import TaskResults, write_benchmark
        from kclip.zero_shot.prompts import resolve_templates

        templates = resolve_templates(self.template)
        refuse_export(self.model)
        embedder = Embedder.from_name(self.model)

        store = FeatureStore.at(self.features_dir)

        def opened(data: Path) -> "Task":
            LOGGER.info(f"features of {data}")
            return open_multilabel_task(data, self.test_split, embedder, templates, store)

        pretrain = opened(self.transfer_from) if self.transfer_from else None
        results = []
        for data in self.data:
            bench = self._bench(opened(data), pretrain, templates, run)
            results.append(TaskResults(bench.task, self._run_cells(bench)))
        about = {
            "model": self.model,
            "prompts": code_list(templates),
            "seeds": self.seeds,
            "data": ", ".join(map(str, self.data)),
            "pretrained on": self.transfer_from or "",
        }
        write_benchmark(self.output, about, results)
        print(f"the report is {self.output / 'report.md'}")
        return {result.task.name: result.summary for result in results}

    def _check(self) -> None:
        check_settings(self)
        if not self.data:
            raise UserError("no data set was given; give --data FOLDER of TFRecords with labels")
        if len({data.resolve().name for data in self.data}) < len(self.data):
            raise UserError("two folders of --data have one name; results are kept by name")

    def _bench(
        self, task: "Task", pretrain: "Task | None", templates: list[str], run: Run
    ) -> "MultilabelBench":
        from kclip.evaluation.benchmark.zero_shot_methods import zero_shot_methods
        from kclip.features.frozen_outputs import software
        from kclip.training.benchmark.bench import MultilabelBench

        settings = {
            "model": task.embedder.digest,
            "records": task.digest,
            "test_split": self.test_split,
            "templates": templates,
            "classes": task.class_names,
            "software": software(),
        }
        methods = zero_shot_methods(task, self.captions_json)
        captions = self.captions_json and file_digest(self.captions_json)
        return MultilabelBench(
            task, methods, pretrain, self.output / "cells", run, settings, captions
        )

    def _run_cells(self, bench: "MultilabelBench") -> dict:
        from kclip.console.progress import ProgressBar
        from kclip.evaluation.benchmark.cells import plan_cells, summarize_cells
        from kclip.training.benchmark.methods import TRAINED

        cells = plan_cells(self._methods(bench), self.ratios, self.seeds, TRAINED)
        results = []
        with ProgressBar(cells, desc=bench.task.name, unit="cell") as bar:
            for cell in bar:
                bar.set_postfix_str(f"{cell.method} {cell.ratio:g}")
                results.append((cell, bench.result(cell)))
        return summarize_cells(iter(results))

    def _methods(self, bench: "MultilabelBench") -> list[str]:
        from kclip.evaluation.benchmark.cells import LINEAR_PROBE, TRANSFERRED
        from kclip.training.benchmark.methods import TRAINED

        known = [*bench.zero_shot, *TRAINED, LINEAR_PROBE]
        known += [TRANSFERRED] if self.transfer_from else []
        unknown = [name for name in self.methods if name not in known]
        if unknown:
            raise UserError(f"--methods has {unknown[0]!r}; choose from {', '.join(known)}")
        return [name for name in known if not self.methods or name in self.methods]
