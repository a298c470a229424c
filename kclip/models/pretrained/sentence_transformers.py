"""How a folder of sentence-transformers makes one vector of a text's tokens."""

from kclip.errors import UserError
from kclip.files import path_inside
from kclip.models.pretrained.json_files import read_list_if_there, read_object_if_there
from kclip.reading import in_one_sentence

_MODES = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
}
_MODULES = ("Transformer", "Pooling", "Normalize")


def own_pooling(folder):
    """The pooling that a folder's `modules.json` leads to; None where it has no such file.

    Lengths of vectors have no say in a text tower, so a `Normalize` at the end changes nothing.

    Args:
        folder: Path.

    Returns:
        "mean", "first" or None.

    Raises:
        UserError: it pools in another way, or has further layers behind.
    """
    with in_one_sentence(f"modules.json in {str(folder)!r}", "download the folder again"):
        return _own_pooling(folder)


def _own_pooling(folder):
    modules = read_list_if_there(folder / "modules.json")
    if not modules:
        return None
    kinds = {str(module.get("type")).rpartition(".")[2]: module for module in modules}
    others = [kind for kind in kinds if kind not in _MODULES]
    if others:
        raise UserError(
            f"{str(folder)!r} has a {others[0]} behind its text tower, which kclip does not read; "
            "give --text.pooling mean, cls or first to take the tower without it"
        )
    place = path_inside(folder, kinds.get("Pooling", {}).get("path", ""), follow_links=True)
    config = read_object_if_there(place / "config.json")
    modes = [name for name, used in config.items() if name.startswith("pooling_mode_") and used]
    if len(modes) != 1 or modes[0] not in _MODES:
        raise UserError(
            f"{str(folder)!r} pools by {' and '.join(modes) or 'nothing'}; kclip knows "
            f"{' and '.join(_MODES)}: give --text.pooling to choose another way"
        )
    return _MODES[modes[0]]
