"""What a check of data found: one value for each thing that looks wrong."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

SERIOUS, WARNING, NOTE = "serious", "warning", "note"
LEVELS = (SERIOUS, WARNING, NOTE)
MAX_EXAMPLES = 10


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    Attributes:
        kind: what it is, in a few fixed words.
        level: `SERIOUS` (figures or training will be wrong), `WARNING` (look at it) or `NOTE`.
        message: what was found, in a sentence.
        advice: what to do, in a sentence.
        examples: names or texts that show it, at most `MAX_EXAMPLES`.
        rows: rows of images that show it, at most `MAX_EXAMPLES`.
    """

    kind: str
    level: str
    message: str
    advice: str
    examples: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON can hold it, without the rows."""
        return {name: value for name, value in asdict(self).items() if name != "rows"} | {
            "examples": list(self.examples)
        }


def make_finding(
    kind: str,
    level: str,
    message: str,
    advice: str,
    examples: Sequence[str] = (),
    rows: Sequence[int] = (),
) -> Finding:
    """A finding with no more examples than are shown."""
    return Finding(
        kind, level, message, advice, tuple(examples[:MAX_EXAMPLES]), tuple(rows[:MAX_EXAMPLES])
    )


def by_level(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings, the serious ones first."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def counted(count: int, what: str, plural: str | None = None) -> str:
    """Writes a number and what it counts.

    Example:
        >>> counted(1, "image"), counted(1200, "image"), counted(2, "class", "classes")
        ('1 image', '1,200 images', '2 classes')
    """
    return f"{count:,} {what if count == 1 else plural or what + 's'}"
