"""Describes a generated scene in English."""

from random import Random

from kclip.data.sources.synthetic.scenes import SHAPES, Group, Scene

_SIZES = {"small": ("small", "small", "little", "tiny"), "large": ("large", "large", "big")}
_TEXTURES = {
    "plain": ("plain", "solid"),
    "striped": ("striped", "striped", "stripy"),
    "dotted": ("dotted", "dotted", "spotted"),
}
_TEXTURE_ENDINGS = {"striped": "with stripes", "dotted": "with dots"}
_COUNTS = {2: ("two", "two", "a pair of"), 3: ("three", "three", "a group of three")}
_PLURALS = {shape: f"{shape}es" if shape == "cross" else f"{shape}s" for shape in SHAPES}

# The usual order comes more than once: it is the one of class prompts. The last form has no
# place for "plain".
_GROUP_FORMS = (
    "{count} {size} {texture} {colour} {shape}",
    "{count} {size} {texture} {colour} {shape}",
    "{count} {texture} {size} {colour} {shape}",
    "{count} {size} {texture} {shape} in {colour}",
    "{count} {size} {colour} {shape} {ending}",
)

_POSITIONS = {
    "left": ("on the left", "on the left side"),
    "right": ("on the right", "on the right side"),
    "top": ("at the top",),
    "bottom": ("at the bottom",),
    "middle": ("in the middle", "in the center"),
    "top left": ("in the top left corner", "at the top left", "in the upper left"),
    "top right": ("in the top right corner", "at the top right", "in the upper right"),
    "bottom left": ("in the bottom left corner", "at the bottom left", "in the lower left"),
    "bottom right": ("in the bottom right corner", "at the bottom right", "in the lower right"),
    "row": ("side by side", "in a row", "next to each other"),
    "column": ("in a column", "one above the other"),
}
_ONE_GROUP_FORMS = (
    "{group} {position}",
    "{group} {position}",
    "{there} {group} {position}",
    "{position}, {there} {group}",
)
_TWO_GROUP_FORMS = {
    "left": (
        "{first} to the left of {second}",
        "{first} left of {second}",
        "{second} to the right of {first}",
        "{second} right of {first}",
        "{first} on the left and {second} on the right",
        "{second} on the right and {first} on the left",
        "on the left {first}, on the right {second}",
    ),
    "above": (
        "{first} above {second}",
        "{first} over {second}",
        "{second} below {first}",
        "{second} under {first}",
        "{first} at the top and {second} at the bottom",
        "{second} at the bottom and {first} at the top",
        "at the top {first}, at the bottom {second}",
    ),
    "untold": ("{first} and {second}", "{second} and {first}", "{second} together with {first}"),
}
_OPENINGS = ("a photo of ", "a picture of ", "an image of ", "a drawing of ")
_THERE = {1: ("there is", "we see"), 2: ("there are", "we see"), 3: ("there are", "we see")}
_BACKGROUNDS = {
    "light": ("on a light background", "against a pale background"),
    "dark": ("on a dark background", "against a dark background"),
}
# A caption tells each detail with one of these probabilities; 0 gives "a red circle".
_DETAIL = (0.0, 0.6, 0.9, 0.9, 1.0)


def describe_scene(scene: Scene, random: Random, num_captions: int = 5) -> list[str]:
    """Writes different captions of a scene, in lower case.

    Every caption names the colour, shape and number of all objects. Size, texture, position and
    background are left out now and then; the more details are told, the longer the caption.

    Example:
        >>> from kclip.data.sources.synthetic.scenes import sample_single
        >>> scene = sample_single(Random(0), "red", "circle")
        >>> len(set(describe_scene(scene, Random(0))))
        5
    """
    captions: dict[str, None] = {}
    while len(captions) < num_captions:
        captions[_describe(scene, random, random.choice(_DETAIL))] = None
    return list(captions)


def _describe(scene: Scene, random: Random, detail: float) -> str:
    phrases = [_describe_group(group, random, detail) for group in scene.groups]
    position_told = random.random() < detail
    if len(phrases) == 1:
        sentence = _one_group_sentence(scene, phrases[0], position_told, random)
    else:
        forms = _TWO_GROUP_FORMS[scene.arrangement if position_told else "untold"]
        sentence = random.choice(forms).format(first=phrases[0], second=phrases[1])
    if random.random() < 0.4 * detail:
        sentence += f" {random.choice(_BACKGROUNDS[scene.background])}"
    if sentence.startswith(tuple(phrases)) and random.random() < 0.35:
        sentence = random.choice(_OPENINGS) + sentence
    return sentence + random.choice((".", ""))


def _one_group_sentence(scene: Scene, phrase: str, position_told: bool, random: Random) -> str:
    if not position_told or scene.arrangement not in _POSITIONS:
        # Queries and class prompts are often bare: "red circle".
        bare = scene.groups[0].count == 1 and random.random() < 0.2
        return phrase.partition(" ")[2] if bare else phrase
    return random.choice(_ONE_GROUP_FORMS).format(
        group=phrase,
        there=random.choice(_THERE[scene.groups[0].count]),
        position=random.choice(_POSITIONS[scene.arrangement]),
    )


def _describe_group(group: Group, random: Random, detail: float) -> str:
    """A noun phrase such as ``"two big striped red circles"``."""
    plain = group.texture == "plain"
    form = random.choice(_GROUP_FORMS[:-1] if plain else _GROUP_FORMS)
    # A plain object is seldom called plain.
    texture_told = random.random() < (0.3 * detail if plain else detail)
    words = form.format(
        count="{count}" if group.count == 1 else random.choice(_COUNTS[group.count]),
        size=random.choice(_SIZES[group.size]) if random.random() < 0.9 * detail else "",
        texture=random.choice(_TEXTURES[group.texture]) if texture_told else "",
        ending=_TEXTURE_ENDINGS.get(group.texture, "") if texture_told else "",
        colour=group.colour,
        shape=group.shape if group.count == 1 else _PLURALS[group.shape],
    ).split()
    if words[0] == "{count}":
        words[0] = "an" if words[1][0] in "aeiou" else "a"
    return " ".join(words)
