"""compare with out=: what it saves, keeps and resumes."""

import json
import multiprocessing
import tempfile

import pytest
from small_comparison import OPTIONS, X, Y, press_ctrl_c_at, without_times

from braintools_qps import compare
from braintools_qps._comparison import storage
from braintools_qps._comparison.storage import load, opened


def test_files_hold_one_line_for_each_candidate_and_seed(tmp_path):
    comparison = compare(["QPseudoSpike(alpha=4)"], out=tmp_path, **OPTIONS)
    assert load(tmp_path) == comparison
    header, *lines = (tmp_path / "comparison.csv").read_text().splitlines()
    assert header.startswith("surrogate,seed,test,")
    assert [line.split(",")[:2] for line in lines] == [
        ["QPseudoSpike(alpha=4)", "0"],
        ["QPseudoSpike(alpha=4)", "4"],
    ]
    assert float(lines[1].split(",")[2]) == comparison.results[0].scores.test[1]
    names = ["comparison-curves.csv", "comparison-trials.csv", "comparison.csv", "comparison.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_interruption_keeps_what_is_finished_and_resume_goes_on(tmp_path):
    candidates = ["Sigmoid", "QPseudoSpike(alpha=2)"]

    with pytest.raises(KeyboardInterrupt):
        compare(candidates, out=tmp_path, callback=press_ctrl_c_at(6), **OPTIONS)
    kept = load(tmp_path)
    assert [result.label for result in kept.results] == ["Sigmoid"]
    assert not kept.finished

    trained = []
    watch = lambda event: trained.append((event.labels, event.epochs_done, event.epochs))
    resumed = compare(candidates, out=tmp_path, resume=True, callback=watch, **OPTIONS)
    label = ("QPseudoSpike(alpha=2)",)
    assert trained == [(label, 2, 4), (label, 4, 4), (label, 4, 4)]  # the last with the result
    assert resumed.finished
    assert resumed == load(tmp_path)
    assert without_times(resumed) == without_times(compare(candidates, **OPTIONS))


@pytest.mark.thorough
def test_resume_with_other_candidates_keeps_all_results(tmp_path):
    first = compare(["QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=8)"], out=tmp_path, **OPTIONS)
    asked = ["QPseudoSpike(alpha=8)", "QPseudoSpike(alpha=4)"]
    trained = []
    watch = lambda event: trained.append(event.labels)
    both = compare(asked, out=tmp_path, resume=True, callback=watch, **OPTIONS)
    assert set(trained) == {("QPseudoSpike(alpha=4)",)}
    assert [result.surrogate.alpha for result in both.results] == [2.0, 8.0, 4.0]
    assert both.results[:2] == first.results
    assert both.finished
    assert load(tmp_path) == both
    assert all(label in repr(both) for label in ("alpha=2", "alpha=8", "alpha=4"))


def test_resume_writes_a_file_that_was_deleted(tmp_path):
    compare(["QPseudoSpike"], out=tmp_path, **OPTIONS)
    before = (tmp_path / "comparison.csv").read_text()
    (tmp_path / "comparison.csv").unlink()
    compare(["QPseudoSpike"], out=tmp_path, resume=True, **OPTIONS)
    assert (tmp_path / "comparison.csv").read_text() == before


def test_candidates_that_had_not_finished_and_are_not_asked_for_are_given_up(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compare(["Sigmoid", "QPseudoSpike"], out=tmp_path, callback=press_ctrl_c_at(6), **OPTIONS)
    resumed = compare(["Sigmoid"], out=tmp_path, resume=True, **OPTIONS)
    assert resumed.finished
    assert [spec["name"] for spec in resumed.candidates] == ["Sigmoid"]


def test_each_comparison_so_far_is_reported(tmp_path):
    so_far = []

    def report(event):
        if event.result is not None:
            labels = [result.label for result in event.comparison.results]
            so_far.append((event.result.label, labels, event.directory))

    compare(["Sigmoid", "QPseudoSpike"], out=tmp_path, callback=report, **OPTIONS)
    first, both = ["Sigmoid"], ["Sigmoid", "QPseudoSpike"]
    assert so_far == [("Sigmoid", first, tmp_path), ("QPseudoSpike", both, tmp_path)]


@pytest.mark.thorough
def test_an_earlier_comparison_in_the_directory_is_kept(tmp_path):
    def stop(event):
        raise KeyboardInterrupt

    alphas = lambda name: [
        spec["alpha"] for spec in json.loads((tmp_path / name).read_text())["candidates"]
    ]
    compare(["QPseudoSpike(alpha=2)"], out=tmp_path, **OPTIONS)
    (tmp_path / "comparison.png").write_text("figure")
    with pytest.raises(KeyboardInterrupt):
        compare(["QPseudoSpike(alpha=4)"], out=tmp_path, callback=stop, **OPTIONS)
    assert alphas("comparison.json") == [2.0]  # so that --resume still finds it
    for alpha in (4, 8):
        compare([f"QPseudoSpike(alpha={alpha})"], out=tmp_path, **OPTIONS)
    assert alphas("comparison.json") == [8.0]
    assert alphas("comparison-1.json") == [2.0]
    assert alphas("comparison-2.json") == [4.0]
    assert (tmp_path / "comparison-1.png").read_text() == "figure"
    assert "alpha=4" in (tmp_path / "comparison-2.csv").read_text()
    assert not (tmp_path / "comparison.png").exists()


@pytest.mark.parametrize("obstacle", ["", "below"])
def test_a_directory_that_cannot_be_written_to_is_noticed_before_training(tmp_path, obstacle):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / obstacle
    trained = []
    with pytest.raises(OSError, match="a directory that can be written to, got .* Give another"):
        compare(["QPseudoSpike"], out=out, callback=trained.append, **OPTIONS)
    assert not trained


def test_after_a_failed_save_the_callback_is_told_where_results_are(tmp_path, monkeypatch):
    places = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def watch(event):
        places.append(event.directory)
        if event.result is None:
            monkeypatch.setattr(storage, "_written_beside", full_in(tmp_path / "out"))

    with pytest.warns(UserWarning, match="could not be written .*, but are saved in .*Copy them"):
        found = compare(["QPseudoSpike"], out=tmp_path / "out", callback=watch, **OPTIONS)
    assert places[0] == tmp_path / "out"
    assert load(places[-1]) == found
    assert places[-1].name.startswith("comparison-")


def full_in(directory):
    """Stands for a full disk, which takes nothing more in one directory."""
    write = storage._written_beside

    def written(path, content):
        if path.parent == directory:
            raise OSError(28, "No space left on device")
        return write(path, content)

    return written


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved")
    compare(["QPseudoSpike(alpha=4)"], out=directory, **OPTIONS)
    return directory


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 3}, r"different settings: epochs 2, now 3. Repeat the options"),
        ({"seeds": [0]}, r"different seeds: \[0, 4\], now \[0\]"),
        ({"task": (X[::-1], Y)}, "a different task: sha256"),
    ],
)
def test_resume_refuses_other_options(change, message, saved):
    with pytest.raises(ValueError, match=message):
        compare(["QPseudoSpike(alpha=4)"], out=saved, resume=True, **(OPTIONS | change))


def test_resume_needs_a_directory_and_a_readable_file(tmp_path):
    with pytest.raises(ValueError, match="resume=True needs out="):
        compare(resume=True, **OPTIONS)
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(ValueError, match="is not a comparison that this version"):
        compare(out=tmp_path, resume=True, **OPTIONS)


def _try_to_open(directory, answer):
    try:
        with opened(directory):
            answer.put("opened")
    except FileExistsError as error:
        answer.put(str(error))


@pytest.mark.thorough
def test_two_processes_cannot_write_into_one_directory(tmp_path):
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    with opened(tmp_path):
        other = context.Process(target=_try_to_open, args=(tmp_path, answer))
        other.start()
        text = answer.get(timeout=120)
        other.join()
    assert text.startswith("only one comparison at a time")
    with opened(tmp_path):  # the lock is gone with the one who held it
        pass
    assert not list(tmp_path.iterdir())
