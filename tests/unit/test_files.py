"""Every writer of the package: whole files, links, pipes."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from report_records import FLOW

from braintools_qps import write_report
from braintools_qps._files import write_file

posix = pytest.mark.skipif(os.name == "nt", reason="no pipe has a name there, few may make links")


def test_text_is_utf_8_and_what_was_there_is_replaced(tmp_path):
    for content, held in ((b"\xff", b"\xff"), ("caf\u00e9", b"caf\xc3\xa9")):
        write_file(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == held
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_other(tmp_path, monkeypatch):
    write_file(tmp_path / "a", "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, "new")


@posix
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, is_there):
    target, link = tmp_path / "target", tmp_path / "link"
    if is_there:
        target.write_text("a longer text than the new one")
    link.symlink_to(target)
    write_file(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.fixture
def pipe(tmp_path):
    """A pipe in the file system, and what somebody reads from it until its writer closes it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        yield path, pool.submit(path.read_bytes)
    assert stat.S_ISFIFO(path.stat().st_mode)


@posix
def test_a_pipe_gets_the_content_and_stays(pipe):
    path, read = pipe
    write_file(path, "new")
    assert read.result(timeout=60) == b"new"


@posix
def test_a_report_goes_through_a_link_into_a_pipe(pipe, tmp_path):
    path, read = pipe
    (tmp_path / "report.html").symlink_to(path)
    write_report(FLOW, tmp_path / "report.html")
    assert read.result(timeout=60).startswith(b"<!doctype html>")
