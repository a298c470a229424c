"""The one way through the house: a room imports only from rooms to its left."""

import ast
from pathlib import Path

import pytest
from draw_rooms import FLOORS

KCLIP = Path(__file__).parents[1] / "kclip"

ROOMS = [room for _, _, rooms in FLOORS for room in rooms]
# Inside data, too: what is right of a room is made from it.
DATA_ROOMS = [
    "image_record",
    "images",
    "copies",
    "sources",
    "records",
    "collections",
    "pipeline",
    "labelled",
    "benchmarks",
]
MOST_LINES = 260
MOST_LOOSE_MODULES = 6
MOST_LINES_OF_A_CONSTRUCTOR = 70


def room_of(path: Path) -> str:
    return path.relative_to(KCLIP).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[tuple[str, ...]]:
    """The parts of each name below `kclip` that a file imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {tuple(name.split(".")[1:]) for name in names if name.startswith("kclip.")}


def imported_rooms(path: Path) -> set[str]:
    return {parts[0] for parts in imported_modules(path)} - {room_of(path)}


FILES = [
    path for path in sorted(KCLIP.rglob("*.py")) if path.parent != KCLIP or path.stem != "__init__"
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(KCLIP).as_posix())
def test_a_file_imports_only_from_its_left(path):
    rank = ROOMS.index(room_of(path))
    assert {room for room in imported_rooms(path) if ROOMS.index(room) >= rank} == set()


def test_files_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize("room, other", [("data", "models"), ("models", "data")])
def test_data_and_models_do_not_know_each_other(room, other):
    for path in (KCLIP / room).rglob("*.py"):
        assert other not in imported_rooms(path), path


def test_inside_data_a_file_imports_only_from_its_left():
    for path in (KCLIP / "data").rglob("*.py"):
        own = path.relative_to(KCLIP / "data").parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        rooms = {parts[1] for parts in imported_modules(path) if parts[0] == "data"} - {own}
        rank = DATA_ROOMS.index(own)
        assert {room for room in rooms if DATA_ROOMS.index(room) > rank} == set(), path


def test_nothing_but_the_command_line_imports_a_command():
    for path in FILES:
        imports = any(parts[0] == "commands" for parts in imported_modules(path))
        assert not imports or room_of(path) == "cli", path


def test_few_modules_lie_loose():
    loose = [path.name for path in KCLIP.glob("*.py")]
    assert len(loose) <= MOST_LOOSE_MODULES, loose


@pytest.mark.parametrize("room", ["layers", "losses", "models"])
def test_models_do_without_tensorflow(room):
    for path in (KCLIP / room).rglob("*.py"):
        assert "tensorflow" not in path.read_text().replace('"tensorflow"', ""), path


def test_a_constructor_fits_on_one_screen():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                assert node.end_lineno - node.lineno < MOST_LINES_OF_A_CONSTRUCTOR, path
