"""Each reader on a few images in the data set's own layout."""

import numpy as np
import pytest
from image_files import noise_pixels, noise_png
from scipy.io import savemat

from kclip.data.benchmarks.animals10 import read_animals10
from kclip.data.benchmarks.celeba import read_celeba
from kclip.data.benchmarks.cifar import read_cifar10, read_cifar100
from kclip.data.benchmarks.imagenet import read_imagenet
from kclip.data.benchmarks.pets import read_pets
from kclip.data.images.opening import load_image
from kclip.data.labelled.class_names import ANIMALS10
from kclip.errors import UserError


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)


def labels_by_file(images):
    return {record.file_name: record.labels[0] for record in images.records}


# CIFAR


def cifar_rows(labels, label_bytes):
    """The official form: labels, then 1,024 bytes each of red, green and blue, by rows."""
    rows = []
    for number, label in enumerate(labels):
        planes = noise_pixels(number, 32, 32).transpose(2, 0, 1)
        rows.append(bytes([9] * (label_bytes - 1) + [label]) + planes.tobytes())
    return b"".join(rows)


def test_cifar10(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    write(folder / "test_batch.bin", cifar_rows([3, 0], 1))
    write(folder / "batches.meta.txt", "airplane\nautomobile\nbird\ncat\n\n")
    for data_dir in (tmp_path, folder):
        images = read_cifar10(data_dir)
        assert labels_by_file(images) == {
            "test_batch/00000.png": "cat",
            "test_batch/00001.png": "airplane",
        }
        assert list(images.classes) == ["airplane", "automobile", "bird", "cat"]
    pixels = np.asarray(load_image(images.records[1].image))
    np.testing.assert_array_equal(pixels, noise_pixels(1, 32, 32))


def test_cifar100_uses_the_fine_label(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    write(folder / "test.bin", cifar_rows([1, 0, 1], 2))
    write(folder / "fine_label_names.txt", "apple\naquarium_fish\n")
    assert list(labels_by_file(read_cifar100(tmp_path)).values()) == [
        "aquarium_fish", "apple", "aquarium_fish",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "names", "message"),
    [
        (cifar_rows([0], 1)[:-1], "a\nb\n", "has 3072 bytes, not a multiple of 3073"),
        (b"", "a\nb\n", "has 0 bytes"),
        (cifar_rows([7], 1), "a\nb\n", "has the label 7, but .* names 2 classes"),
    ],
)
def test_a_damaged_cifar(tmp_path, data, names, message):
    write(tmp_path / "test_batch.bin", data)
    write(tmp_path / "batches.meta.txt", names)
    with pytest.raises(UserError, match=message):
        read_cifar10(tmp_path)


# Oxford-IIIT Pets


def test_pets(tmp_path):
    rows = "Abyssinian_201 1 1 1\nsaint_bernard_2 30 2 22\n"
    write(tmp_path / "annotations" / "test.txt", rows)
    write(tmp_path / "images" / "Abyssinian_201.jpg", b"")
    images = read_pets(tmp_path)
    assert labels_by_file(images) == {
        "Abyssinian_201.jpg": "Abyssinian",
        "saint_bernard_2.jpg": "saint_bernard",
    }
    assert images.classes["saint_bernard"] == ("saint bernard",)
    assert images.records[0].image == tmp_path / "images" / "Abyssinian_201.jpg"


def test_a_list_of_pets_in_another_form(tmp_path):
    write(tmp_path / "annotations" / "test.txt", "Abyssinian_201.jpg\n")
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="test.txt line 1 is 'Abyssinian_201.jpg'; expected 2"):
        read_pets(tmp_path)


# ImageNet

MAPPING = "n01440764 tench, Tinca tinca\nn02012849 crane\nn03126707 crane\n"
NAMES = {
    "n01440764": ("tench", "Tinca tinca"),
    "n02012849": ("crane",),
    "n03126707": ("crane",),
}


@pytest.mark.parametrize("place", ["val", "ILSVRC/Data/CLS-LOC/val", "."])
def test_imagenet_in_synset_folders(tmp_path, place):
    write(tmp_path / place / "n03126707" / "ILSVRC2012_val_00000002.JPEG", b"")
    write(tmp_path / place / "n01440764" / "ILSVRC2012_val_00000001.JPEG", b"")
    write(tmp_path / "LOC_synset_mapping.txt", MAPPING)
    images = read_imagenet(tmp_path)
    assert labels_by_file(images) == {
        "n01440764/ILSVRC2012_val_00000001.JPEG": "n01440764",
        "n03126707/ILSVRC2012_val_00000002.JPEG": "n03126707",
    }
    assert images.classes == NAMES


def test_imagenet_without_names(tmp_path):
    write(tmp_path / "val" / "n01440764" / "1.JPEG", b"")
    write(tmp_path / "val" / "n02012849" / "2.JPEG", b"")
    assert read_imagenet(tmp_path).classes == {"n01440764": (), "n02012849": ()}


def test_imagenet_of_kaggle(tmp_path):
    images_dir = tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val"
    for number in (1, 2):
        write(images_dir / f"ILSVRC2012_val_{number:08d}.JPEG", b"")
    write(tmp_path / "LOC_synset_mapping.txt", MAPPING)
    solution = "ImageId,PredictionString\nILSVRC2012_val_00000002,n02012849 85 1 499 272 \n"
    solution += "ILSVRC2012_val_00000001,n01440764 1 2 3 4 n01440764 5 6 7 8 \n"
    write(tmp_path / "LOC_val_solution.csv", solution)
    assert list(labels_by_file(read_imagenet(tmp_path)).values()) == ["n01440764", "n02012849"]
    write(images_dir / "ILSVRC2012_val_00000003.JPEG", b"")
    with pytest.raises(UserError, match="doesn't name ILSVRC2012_val_00000003.JPEG"):
        read_imagenet(tmp_path)


def write_devkit(data_dir, answers):
    """As image-net.org's: 1-based numbers in an order of their own, parents at the end."""
    rows = [(2, "n01440764", "tench, Tinca tinca", 0), (1, "n03126707", "crane", 0)]
    rows += [(3, "n00001740", "entity", 2)]
    form = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    folder = data_dir / "ILSVRC2012_devkit_t12" / "data"
    write(folder / "ILSVRC2012_validation_ground_truth.txt", answers)
    savemat(folder / "meta.mat", {"synsets": np.array(rows, dtype=form)})


def test_imagenet_with_the_development_kit(tmp_path):
    for number in (1, 2):
        write(tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.JPEG", b"")
    write_devkit(tmp_path, "2\n1\n")
    images = read_imagenet(tmp_path)
    assert [record.labels[0] for record in images.records] == ["n01440764", "n03126707"]
    assert images.classes == {"n01440764": ("tench", "Tinca tinca"), "n03126707": ("crane",)}
    write_devkit(tmp_path, "3\n1\n")
    with pytest.raises(UserError, match="holds other lines than the numbers of meta.mat"):
        read_imagenet(tmp_path)


# CelebA


def write_celeba(data_dir, people):
    """`people`: one (identity, partition) an image."""
    names = [f"{number:06d}.jpg" for number in range(1, len(people) + 1)]
    rows = list(zip(names, people, strict=True))
    write(data_dir / "identity_CelebA.txt", "".join(f"{n} {who}\n" for n, (who, _) in rows))
    write(data_dir / "list_eval_partition.txt", "".join(f"{n} {p}\n" for n, (_, p) in rows))
    (data_dir / "img_align_celeba").mkdir(exist_ok=True)


PEOPLE = [(11, 2), (12, 2), (11, 2), (13, 1), (14, 0), (15, 0), (13, 1)]


def test_celeba_draws_from_the_test_partition_first(tmp_path):
    write_celeba(tmp_path, PEOPLE)
    images = read_celeba(tmp_path, num_identities=2, seed=0)
    assert labels_by_file(images) == {"000001.jpg": "11", "000002.jpg": "12", "000003.jpg": "11"}
    assert images.classes == {"11": ("celebrity 11",), "12": ("celebrity 12",)}
    assert {record.split for record in images.records} == {"test"}


def test_celeba_adds_partitions_until_there_are_enough(tmp_path):
    write_celeba(tmp_path, PEOPLE)
    assert set(read_celeba(tmp_path, 3, 0).classes) == {"11", "12", "13"}
    assert set(read_celeba(tmp_path, 5, 0).classes) == {"11", "12", "13", "14", "15"}
    drawn = {tuple(read_celeba(tmp_path, 4, seed).classes) for seed in range(20)}
    assert len(drawn) > 1  # of five people
    assert read_celeba(tmp_path, 4, 7) == read_celeba(tmp_path, 4, 7)


def test_celeba_in_its_own_folders(tmp_path):
    write_celeba(tmp_path, PEOPLE)
    for folder, name in (
        ("Anno", "identity_CelebA.txt"),
        ("Eval", "list_eval_partition.txt"),
        ("Img", "img_align_celeba"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / name).rename(tmp_path / folder / name)
    record = read_celeba(tmp_path, 2, 0).records[0]
    assert record.image == tmp_path / "Img" / "img_align_celeba" / "000001.jpg"


def test_mistakes_with_celeba(tmp_path):
    write_celeba(tmp_path, PEOPLE)
    with pytest.raises(UserError, match="--identities is 6, but the data set has 5"):
        read_celeba(tmp_path, 6, 0)
    write(tmp_path / "list_eval_partition.txt", "000001.jpg 2\n")
    with pytest.raises(UserError, match="list different images .7 and 1."):
        read_celeba(tmp_path, 2, 0)


# Animals-10


@pytest.mark.parametrize("place", ["raw-img", "."])
def test_animals10(tmp_path, place):
    for number, folder in enumerate(ANIMALS10):
        write(tmp_path / place / folder / f"{number}.png", noise_png(number))
    images = read_animals10(tmp_path)
    assert len(images.records) == 10
    assert images.classes["scoiattolo"] == ("squirrel",)
    assert list(images.classes)[:2] == ["cane", "cavallo"]


def test_an_animal_that_is_none_of_the_ten(tmp_path):
    write(tmp_path / "raw-img" / "cane" / "1.png", noise_png(1))
    write(tmp_path / "raw-img" / "drago" / "2.png", noise_png(2))
    with pytest.raises(UserError, match="has the class folder 'drago'; Animals-10 has cane, cav"):
        read_animals10(tmp_path)


@pytest.mark.parametrize(
    ("read", "where"),
    [
        (read_cifar10, "cs.toronto.edu.*binary version.*cifar-10-batches-bin/ with test_batch.bin"),
        (read_cifar100, "cifar-100-binary/ with test.bin and fine_label_names.txt"),
        (read_pets, "robots.ox.ac.uk.*images/ and annotations/test.txt"),
        (read_imagenet, "image-net.org.*val/n01440764"),
        (lambda folder: read_celeba(folder, 100, 0), "CelebA.html.*identity_CelebA.txt"),
        (read_animals10, "kaggle.com.*raw-img/"),
    ],
)
def test_a_missing_data_set_says_where_to_get_it_and_how_to_lay_it_out(tmp_path, read, where):
    with pytest.raises(UserError, match=f"is missing. .*{where}"):
        read(tmp_path)
