"""What README.md and its like show as code runs, or at least is taken by the commands."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from kclip.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "docs/guides/*.md", "tfrecords/*.md", "benchmarks/*.md")
    for path in sorted(ROOT.glob(pattern))
]
GUIDES = sorted(ROOT.glob("docs/guides/*.md"))  # each is read, and runs, from top to bottom


# What would be downloaded, and the folder among the examples' files that stands in for it.
STAND_INS = {"clip_vit_base_patch32": "clip-vit-base-patch32"}


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def python_blocks():
    for path in sorted(set(DOCUMENTS) - set(GUIDES)):
        for number, code in enumerate(blocks(path.read_text(encoding="utf-8"), "python")):
            yield pytest.param(code, id=f"{path.relative_to(ROOT)}-{number}")


def command_lines():
    """Every call of a command in a document, the Makefile or a workflow, as a list of words."""
    for path in DOCUMENTS:
        for language in ("sh", "bash", "console"):
            for block in blocks(path.read_text(encoding="utf-8"), language):
                yield from _calls(path, block)
    yield from _calls(ROOT / "Makefile", (ROOT / "Makefile").read_text(encoding="utf-8"))


def _calls(path, text):
    for line in text.replace("\\\n", " ").splitlines():
        script = re.search(r"python scripts/(\w+)\.py(.*)", line)
        call = script or re.match(r"\s*\$?\s*kclip ([\w-]+)(.*)", line)
        if call:
            name = f"{path.relative_to(ROOT)}: {call[1]} {' '.join(call[2].split())[:40]}"
            yield pytest.param(call[1], shlex.split(call[2], comments=True), id=name)


@pytest.mark.parametrize("code", list(python_blocks()))
def test_python_runs(code, example_files):
    run(code, {"__name__": "document"})


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_a_guide_runs_from_top_to_bottom(path, example_files):
    names = {"__name__": "document"}
    for code in blocks(path.read_text(encoding="utf-8"), "python"):
        run(code, names)


def run(code, names):
    for download, local in STAND_INS.items():
        code = code.replace(f'"{download}"', f'"{local}"')
    exec(compile(code, "document", "exec"), names)


@pytest.mark.parametrize("name, arguments", list(command_lines()))
def test_commands_take_their_flags(name, arguments, monkeypatch):
    command = getattr(importlib.import_module(f"kclip.commands.{name}"), COMMANDS[name][0])
    taken = []
    monkeypatch.setattr(command, "run", lambda self: taken.append(self))
    main(name, arguments)
    assert len(taken) == 1


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_knows_its_targets(path):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for code in re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", path.read_text(), re.MULTILINE):
        assert code[0] or code[1] in targets


def test_there_is_something_to_run():
    assert len(list(python_blocks())) >= 5
    assert len(list(command_lines())) >= 20
