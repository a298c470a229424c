"""Draws a generated scene with Pillow."""

import colorsys
import math
from collections.abc import Iterator
from functools import cache
from random import Random

from PIL import Image, ImageDraw

from kclip.data.sources.synthetic.scenes import Group, Scene

_RGB = tuple[int, int, int]

IMAGE_SIZE = 96
# Everything is drawn three times as large and averaged down: smooth edges at little cost.
_SCALE = 3
_CANVAS = IMAGE_SIZE * _SCALE

# Hue in degrees, saturation, value. Random changes of the hue stay far below half the distance
# between neighbours.
_COLOURS = {
    "red": (0, 0.88, 0.88),
    "orange": (29, 0.95, 0.98),
    "yellow": (53, 0.88, 0.98),
    "green": (128, 0.78, 0.66),
    "cyan": (183, 0.75, 0.88),
    "blue": (222, 0.82, 0.88),
    "purple": (272, 0.70, 0.72),
    "pink": (328, 0.50, 0.98),
}
_HUE_JITTER = 4.0
_BACKGROUND_VALUES = {"light": (0.84, 0.98), "dark": (0.12, 0.28)}

# Distances in pixels of the final image.
_RADII = {"small": (13.0, 15.0), "large": (20.5, 22.5)}
_NEAR, _CENTRE, _FAR = 25.0, 48.0, 71.0
_POSITION_JITTER = 2.0
_TILT_DEGREES = 10.0


def draw_scene(scene: Scene, random: Random) -> Image.Image:
    """Draws a scene; exact positions, sizes, tilts and tints vary with ``random``.

    Returns:
        RGB image of ``IMAGE_SIZE`` x ``IMAGE_SIZE`` pixels.

    Example:
        >>> from kclip.data.sources.synthetic.scenes import sample_scene
        >>> draw_scene(sample_scene(Random(0)), Random(0)).size
        (96, 96)
    """
    image = _draw_background(scene.background, random)
    for group, centre in _place_objects(scene, random):
        _draw_object(image, group, centre, random)
    return image.reduce(_SCALE)


def _draw_background(background: str, random: Random) -> Image.Image:
    """A smooth change from one pale (or dark) tint to a neighbouring one."""
    hue, saturation = random.uniform(0, 360), random.uniform(0.02, 0.12)
    ends = []
    for _ in range(2):
        value = random.uniform(*_BACKGROUND_VALUES[background])
        ends.append(Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), _rgb(hue, saturation, value)))
    turn = random.choice((None, *Image.Transpose))
    gradient = _gradient() if turn is None else _gradient().transpose(turn)
    small = Image.composite(ends[0], ends[1], gradient)
    return small.resize((_CANVAS, _CANVAS), Image.Resampling.NEAREST)


def _place_objects(scene: Scene, random: Random) -> Iterator[tuple[Group, tuple[float, float]]]:
    """Pairs each object's group with its centre (x, y) in pixels of the final image."""
    if len(scene.groups) == 1:
        group = scene.groups[0]
        centres = {1: _single_centre, 2: _double_centres, 3: _corner_centres}[group.count]
        placed = [(group, centre) for centre in centres(scene.arrangement, random)]
    else:
        placed = [
            # An "above" scene is a "left" scene with x and y exchanged.
            (group, (along, across) if scene.arrangement == "left" else (across, along))
            for group, along in zip(scene.groups, (_NEAR, _FAR), strict=True)
            for across in ((_CENTRE,) if group.count == 1 else (_NEAR, _FAR))
        ]
    for group, (x, y) in placed:
        jitter = random.uniform(-_POSITION_JITTER, _POSITION_JITTER)
        yield group, (x + jitter, y + random.uniform(-_POSITION_JITTER, _POSITION_JITTER))


def _single_centre(position: str, random: Random) -> list[tuple[float, float]]:
    x = _NEAR if "left" in position else _FAR if "right" in position else _CENTRE
    y = _NEAR if "top" in position else _FAR if "bottom" in position else _CENTRE
    return [(x, y)]


def _double_centres(arrangement: str, random: Random) -> list[tuple[float, float]]:
    across = random.choice((_NEAR, _CENTRE, _FAR))
    row = [(along, across) for along in (_NEAR, _FAR)]
    return row if arrangement == "row" else [(x, y) for y, x in row]


def _corner_centres(arrangement: str, random: Random) -> list[tuple[float, float]]:
    return random.sample([(x, y) for x in (_NEAR, _FAR) for y in (_NEAR, _FAR)], 3)


def _draw_object(
    image: Image.Image, group: Group, centre: tuple[float, float], random: Random
) -> None:
    radius = random.uniform(*_RADII[group.size]) * _SCALE
    tilt = math.radians(random.uniform(-_TILT_DEGREES, _TILT_DEGREES))
    # Drawn on a patch just large enough and pasted: several times faster than on the canvas.
    middle = math.ceil(1.15 * radius)
    outline = [
        (
            middle + radius * (x * math.cos(tilt) - y * math.sin(tilt)),
            middle + radius * (x * math.sin(tilt) + y * math.cos(tilt)),
        )
        for x, y in _outline(group.shape)
    ]
    patch, rim = _draw_fill(group, 2 * middle, random)
    # The rim keeps a light pattern from melting into a light background.
    ImageDraw.Draw(patch).line([*outline, *outline[:2]], fill=rim, width=_SCALE + 1, joint="curve")
    mask = Image.new("L", patch.size)
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    corner = (round(centre[0] * _SCALE) - middle, round(centre[1] * _SCALE) - middle)
    image.paste(patch, corner, mask)


def _draw_fill(group: Group, extent: int, random: Random) -> tuple[Image.Image, _RGB]:
    """A square in the object's colour, with near-white stripes or dots; and the colour itself."""
    hue, saturation, value = _COLOURS[group.colour]
    hue += random.uniform(-_HUE_JITTER, _HUE_JITTER)
    colour = _rgb(hue, saturation, value * random.uniform(0.93, 1.02))
    fill = Image.new("RGB", (extent, extent), colour)
    if group.texture != "plain":
        shift = random.randrange(_CANVAS)
        pattern = _pattern(group.texture).crop((shift, shift, shift + extent, shift + extent))
        fill.paste(_rgb(hue, 0.08, 1.0), (0, 0), pattern)
    return fill, colour


@cache
def _gradient() -> Image.Image:
    return Image.linear_gradient("L").resize((IMAGE_SIZE, IMAGE_SIZE))


@cache
def _pattern(texture: str) -> Image.Image:
    """Mask of the light parts of a texture, twice the canvas wide so that it can be shifted."""
    extent = 2 * _CANVAS
    mask = Image.new("L", (extent, extent))
    draw = ImageDraw.Draw(mask)
    if texture == "striped":
        period, width = 8 * _SCALE, 3 * _SCALE
        for start in range(-extent, extent, period):
            draw.line([(start, 0), (start + extent, extent)], fill=255, width=width)
    else:
        period, radius = 8 * _SCALE, 2.1 * _SCALE
        for row, y in enumerate(range(0, extent, period)):
            # Every second row is moved by half a period, as on a dotted cloth.
            for x in range(row % 2 * period // 2, extent, period):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


@cache
def _outline(shape: str) -> tuple[tuple[float, float], ...]:
    """Corners of a shape within the unit disc; y points down."""
    if shape == "square":
        return ((-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84))
    if shape == "triangle":
        return ((0.0, -0.95), (0.94, 0.78), (-0.94, 0.78))
    if shape == "star":
        return _polar([(1.05, 0.43)[step % 2] for step in range(10)])
    if shape == "cross":
        a, b = 0.3, 0.98
        half = ((-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a))
        return (*half, *((-x, -y) for x, y in half))
    if shape == "heart":
        return tuple(_heart_point(2 * math.pi * step / 60) for step in range(60))
    return _polar([0.95] * 60)


def _polar(radii: list[float]) -> tuple[tuple[float, float], ...]:
    """Points at equal angles, the first one straight up."""
    angles = [2 * math.pi * step / len(radii) for step in range(len(radii))]
    return tuple(
        (r * math.sin(angle), -r * math.cos(angle)) for r, angle in zip(radii, angles, strict=True)
    )


def _heart_point(t: float) -> tuple[float, float]:
    """The heart curve of mathworld.wolfram.com/HeartCurve.html, scaled to the unit disc."""
    x = 16 * math.sin(t) ** 3
    y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
    return x / 16.5, -(y + 2.5) / 16.5


def _rgb(hue: float, saturation: float, value: float) -> _RGB:
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, min(value, 1.0))
    return round(255 * red), round(255 * green), round(255 * blue)
