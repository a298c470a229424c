"""A model's README.md: what it is, how it is used, what made it and what it was measured on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import kclip
from kclip.reports.cards.figures import (
    MeasuredOn,
    figures_for_hubs,
    figures_in_words,
    forgetting_in_words,
)
from kclip.reports.cards.kinds import KINDS
from kclip.reports.markdown import code, escape, markdown_table

_PACKAGES = ("keras", "keras-hub", "tensorflow")


@dataclass(frozen=True)
class Base:
    """Weights that a model starts from.

    Attributes:
        name: what people know them by; no path.
        repository: "owner/name" on the Hugging Face hub, or None.
        license: as their own card has it; None where it says nothing.
    """

    name: str
    repository: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class ModelCard:
    """All that the card of a trained model is made of.

    Attributes:
        name: of the model.
        kind: a key of `KINDS`.
        bases: weights that it started from; none where all began at random.
        trained_on: name -> value: data, splits, counts.
        recipe: setting -> value: those that are no defaults, and the seed.
        measured_on: part of the results -> where its figures come from.
        results: of the run; empty where there are none yet.

    Example:
        >>> card = ModelCard("mine", "image_classifier", [], {"data": "pets"}, {"seed": 0})
        >>> print(card.text()[:24])
        ---
        library_name: keras-
    """

    name: str
    kind: str
    bases: Sequence[Base]
    trained_on: Mapping[str, Any]
    recipe: Mapping[str, Any]
    measured_on: Mapping[str, MeasuredOn] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The card as Markdown with the YAML header of Hugging Face's model cards."""
        kind = KINDS[self.kind]
        sections = {
            "Use": [self._use(), _STANDS_FOR.format(code(self.name))],
            "Trained on": [_table(self.trained_on)],
            "Recipe": [_table(self.recipe), _DEFAULTS, f"Versions: {_versions()}."],
            "Measured": figures_in_words(self.results, self.measured_on),
            "Before and after fine-tuning": forgetting_in_words(self.results),
            "Limits": ["\n".join(f"- {limit}" for limit in kind.limits)],
            "Licence": [_licence(self.bases)],
        }
        parts = [f"---\n{self._header()}\n---", f"# {escape(self.name)}"]
        parts += [f"{kind.title}, trained with kclip on Keras. {kind.about}", *self._start()]
        for title, paragraphs in sections.items():
            parts += [f"## {title}", *paragraphs] if paragraphs else []
        return "\n\n".join(parts) + "\n"

    def _use(self) -> str:
        name = json.dumps(self.name, ensure_ascii=False)
        return f"```python\n{KINDS[self.kind].use.format(name=name)}```"

    def _header(self) -> str:
        from huggingface_hub import ModelCardData

        kind = KINDS[self.kind]
        repositories = [base.repository for base in self.bases if base.repository]
        return ModelCardData(
            library_name="keras-clip",
            pipeline_tag=kind.pipeline_tag,
            tags=["keras", "kclip", *kind.tags],
            base_model=repositories or None,
            model_name=self.name,
            eval_results=figures_for_hubs(self.results, self.measured_on) or None,
        ).to_yaml()

    def _start(self) -> list[str]:
        if not self.bases:
            return ["All its weights began at random."]
        return [f"It starts from {_and(code(base.name) for base in self.bases)}."]


_STANDS_FOR = (
    "{} stands for the path of this folder. On the Hugging Face hub its name there, `owner/name`, "
    "will do in its place."
)
_DEFAULTS = "All other settings have their defaults."
_OWN_LICENCE = "No weights of others went into it. Its licence is for those who trained it to name."
_FROM_OTHERS = (
    "The licences of the weights that it starts from hold for it, too. Its own, and that of its "
    "data, are for those who trained it to name."
)


def _licence(bases: Sequence[Base]) -> str:
    if not bases:
        return _OWN_LICENCE
    lines = [
        f"- {code(base.name)}: {escape(base.license)}"
        if base.license
        else f"- {code(base.name)}: unknown, since no card of theirs says it; look it up before use"
        for base in bases
    ]
    return "\n".join([_FROM_OTHERS, "", *lines])


def _versions() -> str:
    others = [f"{package} {version(package)}" for package in _PACKAGES]
    return ", ".join([f"kclip {kclip.__version__}", *others])


def _table(values: Mapping[str, Any]) -> str:
    return markdown_table(("", ""), values.items())


def _and(words: Any) -> str:
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} and {last}" if first else last
