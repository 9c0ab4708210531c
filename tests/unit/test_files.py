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


@posix
def test_a_report_goes_through_a_link_into_a_pipe_which_stays(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "report.html"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        write_report(FLOW, link)
    assert read.result(timeout=60).startswith(b"<!doctype html>")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
