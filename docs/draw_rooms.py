"""Draws docs/rooms.png, the floors of the package and who imports whom, from the code itself.

python docs/draw_rooms.py
"""

import ast
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

DOCS = Path(__file__).parent
KCLIP = DOCS.parent / "kclip"

# From the ground up: a room imports from the floors below it alone. tests/test_import_order.py
# reads this list, so the figure cannot say anything else than the test.
FLOORS = [
    (
        "ground",
        "errors, lines and bars, settings",
        ["errors", "console", "reading", "files", "config"],
    ),
    ("images and captions", "what goes in", ["data"]),
    ("mathematics", "what it is made of", ["inputs", "layers", "losses", "metrics"]),
    ("models", "towers, heads, folders", ["models", "features"]),
    ("inference", "files and strings in, embeddings out", ["inference", "zero_shot"]),
    ("uses", "labels, search, exports", ["multilabel", "retrieval", "export"]),
    ("judgement", "results, then figures and pages", ["evaluation", "reports"]),
    ("training", "one loop, three trainings", ["training"]),
    ("commands", "one file for each thing a user does", ["commands", "cli"]),
]
INK, BOX, FLOOR = "#22303c", "#ffffff", ("#eef3f7", "#e2eaf1")


def imports() -> Counter[tuple[str, str]]:
    """How many imports each room makes from each other room."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted(KCLIP.rglob("*.py")):
        room = path.relative_to(KCLIP).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kclip."):
                found[room, node.module.split(".")[1]] += 1
    return Counter({pair: n for pair, n in found.items() if pair[0] != pair[1]})


def draw() -> None:
    """Draws the floors on the left, and the imports as a triangle on the right."""
    figure, (house, table) = plt.subplots(
        1, 2, figsize=(15, 7), width_ratios=(1.2, 1), layout="constrained"
    )
    _draw_house(house)
    _draw_triangle(table, imports())
    figure.savefig(DOCS / "rooms.png", dpi=110, facecolor="white")


def _draw_house(axes) -> None:
    first, width = 0.42, 0.135
    right = first + max(len(rooms) for _, _, rooms in FLOORS) * (width + 0.01)
    for height, (name, about, rooms) in enumerate(FLOORS):
        axes.axhspan(height, height + 1, color=FLOOR[height % 2], lw=0)
        axes.text(0.02, height + 0.58, name, weight="bold", color=INK, va="center", fontsize=11)
        axes.text(0.02, height + 0.28, about, color=INK, va="center", fontsize=8.5)
        for column, room in enumerate(rooms):
            left = first + column * (width + 0.01)
            box = FancyBboxPatch(
                (left, height + 0.2), width - 0.02, 0.6, "round,pad=0,rounding_size=0.02", fc=BOX
            )
            axes.add_patch(box)
            center = left + (width - 0.02) / 2
            axes.text(center, height + 0.5, room, ha="center", va="center", fontsize=10)
    axes.set(xlim=(0, right), ylim=(0, len(FLOORS)), xticks=[], yticks=[])
    axes.set_title("The rooms: each imports from the floors below it", loc="left", color=INK)
    axes.set_frame_on(False)


def _draw_triangle(axes, found: Counter[tuple[str, str]]) -> None:
    rooms = [room for _, _, rooms in FLOORS for room in rooms]
    for (importer, imported), count in found.items():
        if importer in rooms and imported in rooms:
            x, y = rooms.index(imported), rooms.index(importer)
            axes.scatter(x, y, s=30 + 10 * min(count, 30), color="#3d6f9e", lw=0)
    axes.plot([-0.5, len(rooms) - 0.5], [-0.5, len(rooms) - 0.5], color="#b9c6d2", lw=1)
    axes.set_xticks(range(len(rooms)), rooms, rotation=60, ha="right")
    axes.set_yticks(range(len(rooms)), rooms)
    axes.set(xlim=(-0.7, len(rooms) - 0.3), ylim=(-0.7, len(rooms) - 0.3))
    axes.set_title("Imports: a row uses a column (larger: more often)", loc="left", color=INK)
    axes.grid(color="#eef3f7")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_frame_on(False)


if __name__ == "__main__":
    draw()
