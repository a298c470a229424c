"""What docs/architecture.md says of places and lists is so."""

import re
import typing
from pathlib import Path

import pytest

from kclip.cli import COMMANDS
from kclip.config.clip_decoder import DecoderHead
from kclip.config.dual_encoder import Objective
from kclip.config.loggers import LoggerName
from kclip.data.benchmarks.registry import PROTOCOLS
from kclip.zero_shot.prompts import template_sets

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FUTURE = {"kclip/distribution/", "kclip/server/"}


def options(config, field: str) -> set[str]:
    return set(typing.get_args(typing.get_type_hints(config)[field]))


def stems(folder: str, pattern: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob(pattern)} - {"__init__"}


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:kclip|tests|scripts|docs)/[^`]*)`", PAGE)))
)
def test_every_place_exists(path):
    assert (ROOT / path.replace("NAME", "search_images")).exists() != (path in FUTURE)


def test_there_are_fourteen_tasks():
    table = PAGE.split("## Where does it go?")[1]
    assert len(re.findall(r"^\| (?:a|an|prompt) ", table, re.M)) == 14


def test_every_command_has_its_file_and_its_script():
    assert set(COMMANDS) == stems("kclip/commands", "*.py") == stems("scripts", "*.py")


def test_every_loss_can_be_built():
    from kclip.training.dual_encoder.building import build_loss

    for name in options(Objective, "loss"):
        assert callable(build_loss(Objective(loss=typing.cast(typing.Any, name))))


def test_every_head_can_be_asked_for():
    from kclip.models.multilabel_classifier.decoder_layers import HEADS

    assert set(HEADS) == options(DecoderHead, "kind")


def test_every_source_has_its_file_or_reader():
    from kclip.data.sources.registry import SOURCES
    from kclip.data.sources.source_options import SourceOptions

    assert set(SOURCES) == options(SourceOptions, "source")
    modules = {kind.read.__name__.removeprefix("_read_") for kind in SOURCES.values()}
    assert modules <= stems("kclip/data/sources", "*")


def test_every_logger_is_known():
    from kclip.training.common.loggers import check_loggers

    assert set(typing.get_args(LoggerName)) == {"tensorboard", "wandb", "mlflow"}
    check_loggers(["tensorboard"])


def test_every_set_of_templates_is_a_file_and_every_benchmark_uses_one():
    sets = set(template_sets())
    assert sets == stems("kclip/zero_shot/templates", "*.txt")
    named = {template for protocol in PROTOCOLS.values() for template in protocol.templates}
    assert all(template in sets or "{}" in template for template in named)
