import threading

import numpy as np
import pytest

from kclip.commands.manage_features import ManageFeatures
from kclip.errors import UserError
from kclip.features.store import FeatureStore


@pytest.fixture
def store(tmp_path):
    return FeatureStore.at(tmp_path / "features")


def writes(value, calls=None):
    def compute(folder):
        if calls is not None:
            calls.append(value)
        np.save(folder / "array.npy", np.full(1000, value))

    return compute


def test_arrays_are_computed_once(store):
    calls = []
    for _ in range(2):
        folder = store.computed_once("a", writes(1.0, calls), {"features": "ones"})
    assert calls == [1.0] and np.load(folder / "array.npy").mean() == 1
    (entry,) = store.entries()
    assert (entry.name, entry.about["features"]) == ("a", "ones") and entry.num_bytes > 8000


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "no_note"])
def test_what_is_damaged_is_computed_again(store, damage):
    path = store.computed_once("a", writes(1.0), {}) / "array.npy"
    if damage == "changed":
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(bytes(data))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    else:
        (path if damage == "missing" else path.parent / "about.json").unlink()
    assert np.load(store.computed_once("a", writes(2.0), {}) / "array.npy").mean() == 2


def test_a_computation_that_fails_leaves_nothing(store):
    def fails(folder):
        (folder / "half").write_bytes(b"1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.computed_once("a", fails, {})
    assert store.entries() == []
    killed = store.folder / ".a-killed"  # what a process that was killed leaves
    killed.mkdir()
    store.computed_once("a", writes(1.0), {})
    assert not killed.exists()


def test_two_at_once_compute_it_once_and_both_have_it(store):
    calls, entered, second_waits = [], threading.Event(), threading.Event()

    def slow(folder):
        entered.set()
        second_waits.wait(10)
        writes(1.0, calls)(folder)

    means = []

    def run(compute):
        folder = store.computed_once("a", compute, {})
        means.append(np.load(folder / "array.npy").mean())

    first = threading.Thread(target=run, args=(slow,))
    first.start()
    entered.wait(10)
    second = threading.Thread(target=run, args=(writes(2.0, calls),))
    second.start()
    second_waits.set()
    first.join()
    second.join()
    assert calls == [1.0] and means == [1.0, 1.0]


def test_the_place_is_the_flag_or_the_variable_or_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KCLIP_FEATURES_DIR", str(tmp_path / "variable"))
    assert FeatureStore.at(tmp_path / "flag").folder == tmp_path / "flag"
    assert FeatureStore.at().folder == tmp_path / "variable"
    monkeypatch.delenv("KCLIP_FEATURES_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert FeatureStore.at().folder.parts[-2:] == ("kclip", "features")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be kept in .*another --features-dir, or set KCLIP"):
        FeatureStore.at(tmp_path / "file" / "features").computed_once("a", writes(1.0), {})


def test_they_are_listed_and_deleted(store, capsys):
    for name in ("a", "b"):
        store.computed_once(name, writes(1.0), {"features": "ones", "data": "records"})
    ManageFeatures("list", features_dir=store.folder).run()
    assert capsys.readouterr().out.splitlines()[0].split() == "a 0.0 MiB ones, records".split()
    with pytest.raises(UserError, match="there are no features 'c'"):
        ManageFeatures("delete", ("a", "c"), store.folder).run()
    with pytest.raises(UserError, match="delete needs names"):
        ManageFeatures("delete", (), store.folder).run()
    ManageFeatures("delete", ("a",), store.folder).run()
    assert [entry.name for entry in store.entries()] == ["b"]
    ManageFeatures("delete", ("all",), store.folder).run()
    assert store.entries() == [] and not list(store.folder.glob("*.lock"))
