"""A perfect reader of generated captions, written apart from the code that writes them."""

import re
from collections.abc import Iterator, Sequence

from kclip.data.sources.synthetic.scenes import Group, Scene

ADJECTIVES = {
    **dict.fromkeys(("small", "little", "tiny"), ("size", "small")),
    **dict.fromkeys(("large", "big"), ("size", "large")),
    **dict.fromkeys(("plain", "solid"), ("texture", "plain")),
    **dict.fromkeys(("striped", "stripy", "with stripes"), ("texture", "striped")),
    **dict.fromkeys(("dotted", "spotted", "with dots"), ("texture", "dotted")),
    **{
        colour: ("colour", colour)
        for colour in "red orange yellow green cyan blue purple pink".split()
    },
}
COUNTS = {"a": 1, "an": 1, "": 1, "two": 2, "a pair of": 2, "three": 3, "a group of three": 3}
NOUN = r"(?P<shape>circle|square|triangle|star|cross|heart)(?:e?s)?\b"
ADJECTIVE = r"(?:" + "|".join(word for word in ADJECTIVES if " " not in word) + r")"
GROUP = re.compile(
    r"\b(?P<count>(?:a group of three|a pair of|an?|two|three) )?"
    rf"(?P<before>(?:{ADJECTIVE} )*){NOUN}"
    rf"(?: in (?P<colour>{ADJECTIVE}))?(?: (?P<ending>with (?:stripes|dots)))?"
)

# What is left of a sentence once its groups are cut out, and what that says.
PAIRS_IN_ORDER = {
    "# to the left of #": "left",
    "# left of #": "left",
    "# on the left and # on the right": "left",
    "on the left #, on the right #": "left",
    "# above #": "above",
    "# over #": "above",
    "# at the top and # at the bottom": "above",
    "at the top #, at the bottom #": "above",
}
PAIRS_REVERSED = {
    "# to the right of #": "left",
    "# right of #": "left",
    "# on the right and # on the left": "left",
    "# below #": "above",
    "# under #": "above",
    "# at the bottom and # at the top": "above",
}
PAIRS_UNTOLD = {"# and #", "# together with #"}
SIDE_WORDS = {"upper": "top", "lower": "bottom", "center": "middle"}
ROWS = {
    "side by side": "row",
    "in a row": "row",
    "next to each other": "row",
    "in a column": "column",
    "one above the other": "column",
}


def captions_fit(caption: str, scenes: Sequence[Scene]) -> list[bool]:
    """Whether each scene agrees with everything that the caption says."""
    told_groups, arrangement, background = read_caption(caption)
    return [
        (background is None or background == scene.background)
        and (arrangement is None or arrangement == scene.arrangement)
        and any(
            len(order) == len(told_groups) and all(map(group_fits, told_groups, order))
            for order in _orders(scene, arrangement)
        )
        for scene in scenes
    ]


def read_caption(caption: str) -> tuple[list[dict], str | None, str | None]:
    """Groups (first the left or upper one where told), arrangement and background as told."""
    text = caption.removesuffix(".")
    text = re.sub("^an? (photo|picture|image|drawing) of ", "", text)
    background = None
    if found := re.search(" (?:on|against) a (light|pale|dark) background$", text):
        background = "dark" if found[1] == "dark" else "light"
        text = text[: found.start()]
    groups = [read_group(found) for found in GROUP.finditer(text)]
    rest = GROUP.sub("#", text)
    if len(groups) == 1:
        return groups, read_place(rest), background
    if rest in PAIRS_REVERSED:
        return groups[::-1], PAIRS_REVERSED[rest], background
    if rest not in PAIRS_UNTOLD:
        return groups, PAIRS_IN_ORDER[rest], background
    return groups, None, background


def read_group(found: re.Match) -> dict:
    told = {"count": COUNTS[(found["count"] or "").strip()], "shape": found["shape"]}
    words = [*found["before"].split(), found["colour"], found["ending"]]
    for word in filter(None, words):
        name, value = ADJECTIVES[word]
        assert name not in told, f"{name} told twice: {found[0]}"
        told[name] = value
    return told


def read_place(rest: str) -> str | None:
    rest = re.sub("there is|there are|we see|#|,", "", rest).strip()
    if not rest or rest in ROWS:
        return ROWS.get(rest)
    words = [SIDE_WORDS.get(word, word) for word in rest.split()]
    place = [word for word in words if word not in {"on", "in", "at", "the", "side", "corner"}]
    assert set(place) <= {"top", "bottom", "left", "right", "middle"}, rest
    return " ".join(place)


def group_fits(told: dict, group: Group) -> bool:
    return all(getattr(group, name) == value for name, value in told.items())


def _orders(scene: Scene, arrangement: str | None) -> Iterator[tuple[Group, ...]]:
    yield scene.groups
    if arrangement is None:
        yield scene.groups[::-1]
