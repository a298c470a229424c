"""What all figures share: colours, text that fits, and how they are written."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.files import printable, replaced_when_done

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#2b6cb0", "#dd6b20", "#2f855a", "#6b7280"
PALE = "#e5e7eb"
DPI = 144


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure as PNG; the file appears whole or not at all."""
    with replaced_when_done(path) as temporary:
        figure.savefig(
            temporary,
            dpi=DPI,
            facecolor="white",
            bbox_inches="tight",
            pad_inches=0.15,
            pil_kwargs={"compress_level": 3},  # photographs barely shrink beyond, but take seconds
        )


def finish_axes(axes: "Axes", title: str, unit: str) -> None:
    """Dresses axes whose y is a figure: a title, a unit, pale lines behind, no box."""
    axes.set_title(title, fontsize=12, pad=10)
    axes.set_ylabel(unit)
    axes.grid(axis="y", color=PALE)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_epochs(
    axes: "Axes", values: Sequence[float] | np.ndarray, label: str, color: str, style: str = "-"
) -> None:
    """Draws one value an epoch, from epoch 1."""
    epochs = np.arange(1, len(values) + 1)
    axes.plot(epochs, values, style, marker="o", ms=4, lw=1.8, color=color, label=label)


def finish_epochs(axes: "Axes", title: str, unit: str) -> None:
    """Dresses axes whose x is the epoch, from 1."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    finish_axes(axes, title, unit)


def cut(text: str, length: int) -> str:
    """Shortens a text to `length` characters, the last one an ellipsis.

    Example:
        >>> cut("red striped circle", 10)
        'red strip…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def wrapped(text: str, width: int) -> str:
    """Breaks a text into at most three lines of `width` characters."""
    return "\n".join(textwrap.wrap(text, width, max_lines=3, placeholder=" …"))


def plain(text: str) -> str:
    r"""Keeps matplotlib from reading dollar signs as formulas, and from failing at any text.

    Example:
        >>> plain("a $5 bill")
        'a \\$5 bill'
    """
    return printable(text).replace("$", r"\$")
