"""What a generated scene holds: coloured shapes with size, texture, count and position."""

from dataclasses import dataclass
from random import Random

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
SIZES = ("small", "large")
TEXTURES = ("plain", "striped", "dotted")
BACKGROUNDS = ("light", "dark")
POSITIONS = (
    "top left",
    "top",
    "top right",
    "left",
    "middle",
    "right",
    "bottom left",
    "bottom",
    "bottom right",
)

# Each colour and each shape in it comes twice, so neither alone tells more than half of the
# classes apart: only a model that joins what it learnt of both can name them all.
NEVER_TRAINED = (
    ("red", "circle"),
    ("red", "square"),
    ("blue", "square"),
    ("blue", "triangle"),
    ("green", "triangle"),
    ("green", "star"),
    ("yellow", "star"),
    ("yellow", "circle"),
)
TRAINED = tuple(
    (colour, shape)
    for colour in COLOURS
    for shape in SHAPES
    if (colour, shape) not in NEVER_TRAINED
)

# Single objects lead, because class prompts ("a photo of a red circle.") speak of them.
_KINDS = {"single": 45, "counted": 15, "pair": 25, "counted pair": 15}


@dataclass(frozen=True)
class Group:
    """One to three equal objects."""

    colour: str
    shape: str
    size: str
    texture: str
    count: int = 1

    @property
    def label(self) -> str:
        """Class name of the objects, such as ``"red circle"``."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """One or two groups and how they lie.

    ``arrangement`` is, for one object, one of ``POSITIONS``; for two equal objects ``"row"`` or
    ``"column"``; for three ``"scattered"``; for two groups where the first lies as seen from
    the second, ``"left"`` or ``"above"``.
    """

    groups: tuple[Group, ...]
    arrangement: str
    background: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Sorted class names of the objects present, each once."""
        return tuple(sorted({group.label for group in self.groups}))

    @property
    def num_objects(self) -> int:
        """Objects drawn, 1 to 3."""
        return sum(group.count for group in self.groups)


def sample_scene(random: Random) -> Scene:
    """Draws a scene whose colour and shape pairs are all among ``TRAINED``.

    Example:
        >>> sample_scene(Random(0)).num_objects in (1, 2, 3)
        True
    """
    kind = random.choices(list(_KINDS), weights=list(_KINDS.values()))[0]
    first, second = random.sample(TRAINED, 2)
    if kind == "single":
        return sample_single(random, *first)
    if kind == "counted":
        group = _sample_group(random, *first, count=random.choice((2, 3)))
        arrangement = random.choice(("row", "column")) if group.count == 2 else "scattered"
        return Scene((group,), arrangement, random.choice(BACKGROUNDS))
    counts = random.choice(((1, 2), (2, 1))) if kind == "counted pair" else (1, 1)
    groups = (
        _sample_group(random, *first, count=counts[0]),
        _sample_group(random, *second, count=counts[1]),
    )
    return Scene(groups, random.choice(("left", "above")), random.choice(BACKGROUNDS))


def sample_single(random: Random, colour: str, shape: str) -> Scene:
    """Samples a scene of one object of the given class; size, texture and position are free."""
    group = _sample_group(random, colour, shape, count=1)
    return Scene((group,), random.choice(POSITIONS), random.choice(BACKGROUNDS))


def _sample_group(random: Random, colour: str, shape: str, count: int) -> Group:
    return Group(colour, shape, random.choice(SIZES), random.choice(TEXTURES), count)
