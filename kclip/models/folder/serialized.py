"""Which classes a config may name, and where: looked through before Keras builds anything."""

from dataclasses import dataclass, field
from pathlib import Path

from kclip.errors import UserError
from kclip.reading import read_json_file

# Beside these Keras reads `compile_config`, which builds what it names.
_KEYS = {"module", "class_name", "config", "registered_name", "shared_object_id", "build_config"}
# Arguments of the closed list's classes for which a text is a file, or something to download.
_NAMES_A_FILE = ("weights", "vocabulary", "merges", "proto", "config_file", "shared_with")
_OWN_FILES = ("tokenizer.json", "image_converter.json", "preprocessor.json")
# Numbers that take memory which no weights stand for: pixels, and positions by positions.
_LARGEST = {
    "image_size": 4096,
    "resize_size": 8192,
    "sequence_length": 2**13,
    "max_sequence_length": 2**17,
}
_POLICIES = "float32 float16 bfloat16 float64 mixed_float16 mixed_bfloat16 int32 int64 string bool"


@dataclass(frozen=True)
class Places:
    """What the configs of a kind of folder may name.

    Attributes:
        classes: a file's name, or that of an argument that holds an object -> the registered
            names of what may stand there.
        unread: classes that files which are never read may name.
    """

    classes: dict[str, set[str]]
    unread: set[str] = field(default_factory=set)

    @property
    def everywhere(self):
        """All classes that may be named at all."""
        return set().union(self.unread, {"keras.DTypePolicy"}, *self.classes.values())


def check_configs(folder, places):
    """Raises a `UserError` where a config of the folder names what `places` does not allow.

    Args:
        folder: path of a preset of KerasHub, or a model folder of kclip.
        places: `Places`.
    """
    for path in sorted(Path(folder).glob("*.json")):
        content = read_config_file(path)
        for name in sorted(_class_names(content)):
            if name not in places.everywhere:
                raise UserError(
                    f"{str(path)!r} names the class {name!r}, which a kclip model has no use for; "
                    "the folder was not loaded"
                )
        if path.name in places.classes:
            _check(path, content, path.name, places.classes | {"dtype": {"keras.DTypePolicy"}})


def read_config_file(path):
    """The object in a config; an empty one where it holds another kind of value.

    Raises:
        UserError: it is missing or no JSON.
    """
    try:
        content = read_json_file(path)
    except FileNotFoundError:
        raise UserError(
            f"{str(path.parent)!r} holds no {path.name}, so it is no model folder of kclip; "
            "give the model/ folder that train_dual_encoder wrote"
        ) from None
    except (ValueError, OSError):
        raise UserError(f"{str(path)!r} is not valid JSON; copy the model folder again") from None
    return content if isinstance(content, dict) else {}


def _check(path, value, place, classes):
    """Goes through a config; `place` is the name of the argument or file that `value` is."""
    if isinstance(value, list):
        for item in value:
            _check(path, item, place, classes)
    elif isinstance(value, dict) and "class_name" in value:
        _check_object(path, value, place, classes)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check(path, item, name, classes)
    else:
        _check_plain(path, value, place)


def _check_object(path, value, place, classes):
    name = looked_up_name(value)
    if name not in classes.get(place, ()):
        raise UserError(
            f"{str(path)!r} has a {name} as its {place}, where none belongs; the folder was not "
            "loaded"
        )
    if unknown := sorted(set(value) - _KEYS):
        raise UserError(
            f"{str(path)!r} has {unknown[0]} beside its {place}, which a kclip model has no use "
            "for; the folder was not loaded"
        )
    _check(path, value.get("build_config"), "build_config", classes)  # shapes of inputs alone
    arguments = value.get("config")
    if place == "dtype":
        policy = arguments.get("name") if isinstance(arguments, dict) else None
        _check_plain(path, policy, "dtype")
    elif isinstance(arguments, dict):
        for argument, item in arguments.items():
            _check(path, item, argument, classes)


def _check_plain(path, value, place):
    if place in _NAMES_A_FILE and isinstance(value, str) and value not in _OWN_FILES:
        raise UserError(
            f"{str(path)!r} says {place} {value[:100]!r}, but a model folder holds all that it "
            "needs and names nothing outside of itself; the folder was not loaded"
        )
    if place == "dtype" and value is not None and value not in _POLICIES.split():
        raise UserError(
            f"{str(path)!r} says dtype {str(value)[:100]!r}; expected one of "
            f"{', '.join(_POLICIES.split())}"
        )
    most = _LARGEST.get(place, 10**10)
    if isinstance(value, (int, float)) and abs(value) > most:
        raise UserError(
            f"{str(path)!r} says {place} {value}; {most:,} is the most that kclip takes"
        )


def _class_names(config):
    """Every class that Keras would look up for this config: registered names, or module.class."""
    if isinstance(config, list):
        return set().union(*map(_class_names, config))
    if not isinstance(config, dict):
        return set()
    names = set().union(*map(_class_names, config.values()))
    if "class_name" in config:
        names.add(looked_up_name(config))
    return names


def looked_up_name(config):
    """The class that Keras takes for a serialized object: its registered name, or module.class."""
    # Keras takes the class of a registered name, whatever `class_name` says; they must agree.
    class_name, registered = config["class_name"], config.get("registered_name")
    if registered is None:
        return f"{config.get('module')}.{class_name}"
    if str(registered).split(">")[-1] != class_name:
        return f"{class_name} ({registered})"
    return str(registered)
