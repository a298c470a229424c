from pathlib import Path

from soft_images import encoded, soft_image, write_soft_images

from kclip.commands.compare_classifiers import CompareClassifiers
from kclip.training.classifier.data import read_classifier_data


def seeds_of(images) -> set[str]:
    return {Path(name).parent.name + Path(name).stem for name in images.file_names}


def test_copies_are_on_one_side_of_every_sample_and_commands_agree(tmp_path):
    for name, start in (("cat", 0), ("dog", 100)):
        for path in write_soft_images(tmp_path / name, range(start, start + 10)):
            copy = encoded(soft_image(int(path.stem)), "JPEG", quality=60)
            path.with_suffix(".jpg").write_bytes(copy)
    data = read_classifier_data(tmp_path, None, 0.6, None, 0.5, seed=0)
    train, validation = seeds_of(data.train), seeds_of(data.validation)
    assert not train & validation
    assert (len(data.train), len(data.validation)) == (12, 12)
    command = CompareClassifiers(
        images=tmp_path, output=tmp_path / "out", zero_shot=("x",), train_fraction=0.6
    )
    probed, tested = command._read()
    assert seeds_of(probed) == train | validation
    assert not seeds_of(tested) & seeds_of(probed)
