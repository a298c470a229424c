"""What prompts, synonyms and calibration are worth to zero-shot classification on CIFAR-10.

python benchmarks/zero_shot_prompts.py --model runs/flickr8k/model

Embeds the images once. Nothing is chosen by these figures: all sets of templates are listed, and
the temperature is fitted on a fifth of the images, which no figure is measured on.
"""

import argparse
import json
import os
from pathlib import Path

from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.data.labelled.class_names import read_class_names
from kclip.data.labelled.stratified import sample_fraction
from kclip.evaluation.zero_shot import zero_shot_results
from kclip.inference.embedded_images import embed_labelled_images
from kclip.inference.embedder import Embedder
from kclip.reports.markdown import markdown_table
from kclip.zero_shot.classifier import ZeroShotClassifier
from kclip.zero_shot.prompts import resolve_templates

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/zero_shot_prompts.json"
IMAGES = Path(os.environ.get("KCLIP_DATA", ROOT.parent / "shared/data")) / "cifar10_test"
SYNONYMS = ROOT / "benchmarks/cifar10_classes.txt"
TEMPLATES = ["a photo of a {}.", "{}", "photos", "small_pictures", "animals"]


def measure(embedder, images, classes, template, seed):
    """Accuracy on all images, and on four fifths the calibration error before and after."""
    classifier = ZeroShotClassifier.from_names(embedder, classes, resolve_templates([template]))
    drawn, rest = sample_fraction(images.labels, 0.2, seed)
    fitted = images.rows(drawn)
    calibrated = classifier.calibrated(fitted.labels, fitted.embeddings)
    results = zero_shot_results(calibrated, images.rows(rest), None)
    error = results["calibration"]["expected_calibration_error"]
    percents = {
        "accuracy": zero_shot_results(classifier, images, None)["accuracy"],
        "accuracy on 4/5": results["accuracy"],
        "ECE before": error["before"],
        "ECE after": error["after"],
    }
    row = {name: round(100 * value, 1) for name, value in percents.items()}
    return row | {"temperature": round(calibrated.temperature, 2)}


def main() -> None:
    """Measures all rows, prints them as a table and saves them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="runs/flickr8k/model")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of calibration images")
    args = parser.parse_args()
    embedder, folder = Embedder.from_name(args.model), read_labelled_folder(IMAGES)
    synonyms = {label: read_class_names(SYNONYMS)[label] for label in folder.classes}
    images = embed_labelled_images(embedder.embed_images, folder)
    rows = [
        {"templates": template, "names": name}
        | measure(embedder, images, classes, template, args.seed)
        for name, classes in (("one", folder.classes), ("synonyms", synonyms))
        for template in TEMPLATES
    ]
    print(markdown_table(list(rows[0]), [list(row.values()) for row in rows]))
    command = "python benchmarks/zero_shot_prompts.py"
    report = {"command": command, "model": args.model, "seed": args.seed, "rows": rows}
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
