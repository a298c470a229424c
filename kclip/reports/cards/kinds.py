"""What the cards of the three kinds of models say of their own: tags, use, limits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of model folder.

    Attributes:
        title: what it is, in a few words.
        about: what it does, in a sentence.
        pipeline_tag: its task on the Hugging Face hub.
        tags: for searches there.
        use: Python that runs, with `{name}` for the quoted folder.
        limits: what its figures do not say, each a sentence of Markdown.
    """

    title: str
    about: str
    pipeline_tag: str
    tags: tuple[str, ...]
    use: str
    limits: tuple[str, ...]


_DUAL_ENCODER = Kind(
    title="Image–text dual encoder",
    about="It puts images and sentences into one space, so that images are found by a sentence and "
    "classified by names without labels.",
    pipeline_tag="zero-shot-image-classification",
    tags=("clip", "image-text-retrieval", "zero-shot-image-classification"),
    use="""\
import kclip
import numpy as np

model, preprocess, tokenize = kclip.load({name})
images = np.stack([preprocess("photo.jpg")])
texts = tokenize(["a photo of a cat", "a photo of a dog"])
print(model.predict_probabilities(images, texts))
""",
    limits=(
        "The figures hold for images and sentences like those above; others were not measured.",
        "The languages of the captions were not looked at: expect it to know those that it was "
        "trained on, and no others.",
        "Probabilities compare the names that are given. After any loss but sigmoid they sum to 1, "
        "whatever the image shows.",
    ),
)
_RECOGNIZER = Kind(
    title="Multi-label classifier",
    about="It scores each of a list of classes on an image, several of which may be right at once.",
    pipeline_tag="image-classification",
    tags=("clip", "multi-label-classification", "image-classification"),
    use="""\
import kclip

recognizer = kclip.MultiLabelRecognizer.from_folder({name})
scores = recognizer.predict_scores(["photo.jpg"])
print(dict(zip(recognizer.class_names, scores[0].tolist())))
""",
    limits=(
        "It scores the classes of `classes.json` alone; the figures hold for these, on images like "
        "those above.",
        "Scores are no decisions: thresholds are chosen by `evaluate_multilabel`.",
    ),
)
_CLASSIFIER = Kind(
    title="Image classifier",
    about="It puts an image into one of the classes that it was trained on.",
    pipeline_tag="image-classification",
    tags=("image-classification",),
    use="""\
import kclip

classifier = kclip.TrainedClassifier.from_folder({name})
probabilities = classifier.embed_images(["photo.jpg"])
print(dict(zip(classifier.class_names, probabilities[0].tolist())))
""",
    limits=(
        "It knows the classes of `config.json` alone: an image of anything else gets one of them, "
        "too.",
        "The epoch that is kept was chosen on the images that the figures come from, so they are a "
        "little too high; `compare_classifiers` measures on others.",
    ),
)

KINDS = {
    "dual_encoder": _DUAL_ENCODER,
    "multilabel_classifier": _RECOGNIZER,
    "image_classifier": _CLASSIFIER,
}
