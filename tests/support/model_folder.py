"""What holds for every model folder that a training has written."""

from pathlib import Path

from huggingface_hub import ModelCard

from kclip.models.folder.content import OTHERS, WEIGHTS, named_by


def checked_card(run: Path) -> ModelCard:
    """The card of a run's model: it has figures, and nothing of this machine's paths."""
    folder = run / "model"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert named_by(WEIGHTS + OTHERS, files) == files
    card = ModelCard.load(folder / "README.md")
    assert card.data.eval_results and card.data.to_dict()["model-index"][0]["name"] == run.name
    for part in (str(run.parent), run.parent.parent.name):
        assert part not in card.content
    return card
