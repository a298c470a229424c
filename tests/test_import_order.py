"""The one way through the house: a room imports only from rooms to its left."""

import ast
from pathlib import Path

import pytest

KCLIP = Path(__file__).parents[1] / "kclip"

# From left to right; rooms of one set do not import each other.
ROOMS = [
    {"errors", "console"},
    {"files"},
    {"config"},
    {"data", "layers", "metrics"},
    {"losses"},
    {"models"},
    {"features"},
    {"inference"},
    {"zero_shot"},
    {"multilabel", "retrieval"},
    {"export"},
    {"evaluation"},
    {"reports"},
    {"training"},
    {"commands"},
    {"cli"},
]
RANKS = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(KCLIP).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("kclip.")}
    return rooms - {room_of(path)}


FILES = [
    path for path in sorted(KCLIP.rglob("*.py")) if path.parent != KCLIP or path.stem != "__init__"
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(KCLIP)))
def test_a_file_imports_only_from_its_left(path):
    rank = RANKS[room_of(path)]
    assert {room for room in imported_rooms(path) if RANKS[room] >= rank} == set()


@pytest.mark.parametrize("room", ["layers", "losses", "models"])
def test_models_do_without_tensorflow(room):
    for path in (KCLIP / room).glob("*.py"):
        assert "tensorflow" not in path.read_text().replace('"tensorflow"', ""), path
