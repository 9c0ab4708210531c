"""Results on disk: whole or not at all, never lost, one comparison at a time."""

import csv
import dataclasses
import errno
import json
import os
import re
import shutil

import pytest

from braintools_qps._comparison import locks, storage
from braintools_qps._comparison.locks import locked
from braintools_qps._comparison.provenance import resumed
from braintools_qps._comparison.resumable import Checkpoint
from braintools_qps._comparison.storage import load, opened
from braintools_qps._comparison.workers import Journal
from braintools_qps._defaults import CHECKPOINT_NAME, JOURNAL_NAME, JSON_NAME
from braintools_qps.records import CandidateResult, Comparison, Curves, Scores

RESULT = CandidateResult(
    label="Sigmoid",
    spec={"name": "Sigmoid", "alpha": 4.0},
    scores=Scores(
        test=(0.5, 0.25),
        validation=(0.5, float("nan")),
        test_at_best_epoch=(0.5, 0.5),
        best_epoch=(1, 1),
        firing_rate=(0.1, 0.1),
        spikes=(3.0, 4.0),
    ),
    curves=Curves(loss=((1.0,), (2.0,)), validation=((0.5,), (0.5,))),
)
ONE = Comparison(
    task={"name": "mine", "sha256": "abc"},
    settings={"epochs": 1},
    seeds=(0, 1),
    candidates=(RESULT.spec,),
    results=(RESULT,),
    environment={"cores": 2, "packages": {"jax": "1", "numpy": "1"}},
)
OTHER = dataclasses.replace(ONE, task={"name": "other"})


def save(comparison, directory):
    with opened(directory) as store:
        store.save(comparison)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def full_disk(monkeypatch, below):
    """Nothing more can be written below a directory, though files can be made."""
    real = os.fsync

    def fsync(descriptor):
        if str(below) in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(storage.os, "fsync", fsync)


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path):
    save(ONE, tmp_path / "new" / "results")
    assert load(tmp_path / "new" / "results") == ONE
    assert names(tmp_path / "new" / "results") == ["comparison.csv", "comparison.json"]
    json.loads(
        (tmp_path / "new" / "results" / "comparison.json").read_text(), parse_constant=pytest.fail
    )


def test_the_csv_has_a_line_for_each_seed_and_for_a_failure(tmp_path):
    failed = CandidateResult("S2NN", {"name": "S2NN"}, error="ValueError: no, it is not")
    both = dataclasses.replace(ONE, candidates=(RESULT.spec, failed.spec), results=(RESULT, failed))
    save(both, tmp_path)
    with open(tmp_path / "comparison.csv") as file:
        lines = list(csv.DictReader(file))
    assert [line["seed"] for line in lines] == ["0", "1", ""]
    assert [line["test"] for line in lines] == ["0.5", "0.25", ""]
    assert [line["final_loss"] for line in lines] == ["1.0", "2.0", ""]
    assert [line["error"] for line in lines] == ["", "", "ValueError: no, it is not"]


def test_an_earlier_comparison_is_renamed_and_a_resumed_one_replaced(tmp_path):
    save(ONE, tmp_path)
    with opened(tmp_path) as store:
        store.save(OTHER)
        store.save(OTHER)
    assert load(tmp_path) == OTHER
    assert Comparison.from_json((tmp_path / "comparison-1.json").read_text()) == ONE
    with opened(tmp_path) as store:
        store.load()
        store.save(ONE)
    assert names(tmp_path) == sorted(
        f"comparison{number}.{suffix}" for number in ("", "-1") for suffix in ("csv", "json")
    )


def test_a_symlink_is_not_written_through(tmp_path):
    (tmp_path / "precious").write_text("mine")
    for name in ("comparison.json.part", "comparison.csv"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
    save(ONE, tmp_path)
    save(OTHER, tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_full_disk_is_noticed_before_training(tmp_path, monkeypatch):
    full_disk(monkeypatch, tmp_path)
    with (
        pytest.raises(OSError, match="a directory that can be written to, got .*No space"),
        opened(tmp_path / "new"),
    ):
        pass
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_loses_neither_old_nor_new_results(tmp_path, monkeypatch):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(storage.tempfile, "tempdir", str(elsewhere))
    save(ONE, out)
    with opened(out) as store:
        with monkeypatch.context() as patch:
            full_disk(patch, out)
            with pytest.warns(UserWarning, match="No space left.*are in .*elsewhere.*Copy them"):
                store.save(OTHER)
        assert names(out) == [".comparison.lock", "comparison.csv", "comparison.json"]
        assert load(out) == ONE
        (substitute,) = elsewhere.iterdir()
        assert load(substitute) == OTHER
        store.save(OTHER)  # there is space again
    assert load(out) == OTHER
    assert (out / "comparison-1.json").exists()


def test_where_nothing_can_be_written_the_warning_names_the_comparison(tmp_path, monkeypatch):
    with opened(tmp_path) as store:
        full_disk(monkeypatch, "/")
        with pytest.warns(UserWarning, match="nor elsewhere .*the Comparison that compare returns"):
            store.save(ONE)


def test_what_a_killed_process_had_not_renamed_is_removed(tmp_path):
    save(ONE, tmp_path)
    mine = tmp_path / ".comparison.notes"
    mine.touch()
    kept = names(tmp_path)
    for name in (CHECKPOINT_NAME, JSON_NAME):
        storage._written_beside(tmp_path / name, b"half")
    assert len(names(tmp_path)) == len(kept) + 2
    with opened(tmp_path):
        pass
    assert names(tmp_path) == kept


def test_a_lock_that_was_left_behind_holds_no_one_up(tmp_path):
    (tmp_path / ".comparison.lock").touch()
    one_at_a_time = "only one comparison at a time.*give another directory as out"
    with locked(tmp_path), pytest.raises(FileExistsError, match=one_at_a_time), locked(tmp_path):
        pass


def test_a_lock_is_removed_where_files_that_are_open_cannot_be(tmp_path, monkeypatch):
    """As on Windows."""
    real, closed = os.close, []

    def unlink(path, missing_ok=False):
        if not closed:
            raise PermissionError(errno.EACCES, "used by another process")
        os.unlink(path)

    monkeypatch.setattr(locks.os, "close", lambda file: (real(file), closed.append(file)))
    monkeypatch.setattr(locks.Path, "unlink", unlink)
    with locked(tmp_path):
        locks.abandon()
    assert names(tmp_path) == []


def test_a_directory_that_was_made_for_nothing_is_removed(tmp_path):
    with pytest.raises(KeyError), opened(tmp_path / "out"):
        raise KeyError
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{}",
        '{"format": "braintools_qps.comparison/1"}',
        json.dumps(ONE.to_dict() | {"results": 3}),
        json.dumps(ONE.to_dict() | {"results": [[]]}),
        json.dumps(ONE.to_dict() | {"seeds": ["a"]}),
        json.dumps(ONE.to_dict() | {"candidates": 1.5}),
        json.dumps(ONE.to_dict() | {"task": None}),
        json.dumps(ONE.to_dict() | {"candidates": []}),
        json.dumps(ONE.to_dict() | {"seeds": [0]}),
        ONE.to_json().replace("[0.5, 0.25]", "[0.5]"),
        ONE.to_json().replace("[[1.0], [2.0]]", "[[1.0], []]"),
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_file_that_is_no_comparison_is_told_as_such(tmp_path, text):
    (tmp_path / "comparison.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match="comparison.json is not a comparison that") as caught:
        load(tmp_path)
    assert "object has no attribute" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {"name": "mine", "sha256": "x"}}, "a different task: sha256 abc, now x"),
        ({"settings": {"epochs": 2}}, "different settings: epochs 1, now 2"),
        ({"seeds": (0,)}, "different seeds"),
    ],
)
def test_what_changes_the_meaning_of_results_is_not_resumed(tmp_path, change, message):
    save(ONE, tmp_path)
    with opened(tmp_path) as store, pytest.raises(ValueError, match=message):
        resumed(dataclasses.replace(ONE, **change, results=()), store)


def test_another_machine_is_a_warning_that_names_what_differs_or_an_error_if_strict(tmp_path):
    save(ONE, tmp_path)
    elsewhere = dataclasses.replace(
        ONE, environment={"cores": 4, "packages": {"jax": "2", "numpy": "1"}}
    )
    said = "a different environment: cores 2, now 4, packages jax 1, now 2. "
    with opened(tmp_path) as store:
        with pytest.raises(ValueError, match=said):
            resumed(elsewhere, store, strict=True)
        with pytest.warns(UserWarning, match=said):
            found = resumed(elsewhere, store)
        assert found.results == ONE.results
        assert found.environment["cores"] == 4
        assert found.environment["earlier"] == [dict(ONE.environment)]
        store.save(found)
    with opened(tmp_path) as store:  # the same machine again
        assert resumed(elsewhere, store, strict=True) == found


def test_a_symlink_in_place_of_the_lock(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".comparison.lock").symlink_to("precious")
    with pytest.raises(OSError, match=r"must let .comparison.lock be made.*Remove that file"):
        opened(tmp_path).__enter__()
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """As some clusters have; flock then says ENOLCK."""
    fcntl = pytest.importorskip("fcntl")

    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.warns(UserWarning, match="cannot be locked .*No locks"), opened(tmp_path) as store:
        store.save(ONE)
    assert names(tmp_path) == ["comparison.csv", "comparison.json"]


def test_a_directory_that_turns_into_a_file_costs_no_results(tmp_path, recwarn):
    out = tmp_path / "out"
    with opened(out) as store:
        store.save(ONE)
        store.forget()
        shutil.rmtree(out)
        out.touch()
        store.save(ONE)
        Checkpoint(out).remove()
        Journal(out, resume=True).close()
        Journal(out, resume=False).close()
    told = str(recwarn.pop(UserWarning).message)
    elsewhere = re.search(r"are in (.*)\. Copy them", told)[1]
    assert load(elsewhere) == ONE
    shutil.rmtree(elsewhere)


def test_a_journal_that_a_crash_has_left_full_of_anything(tmp_path):
    (tmp_path / JOURNAL_NAME).write_bytes(b'\xff\xfe\x00\n[1]\n3\n{"key": "a"\n')
    assert Journal(tmp_path, resume=True).trained("a") is None
