"""The function that --model names."""

import re
import sys

import pytest

from braintools_qps._cli.data import factory_of


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A folder with a module, which is forgotten afterwards."""
    folder = tmp_path / "nets"
    folder.mkdir()
    (folder / "mine.py").write_text("def make(): return 'made'")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield folder
    for name in ("mine", "nets", "nets.mine"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("here", "path", "meant"),
    [
        (".", "./nets/mine.py", "nets.mine:make"),
        (".", "{nets}/mine.py", "nets.mine:make"),
        ("nets", "{nets}/mine.py", "mine:make"),
        ("other", "../nets/mine.py", "mine:make"),
    ],
)
def test_the_hint_for_a_path_works_as_it_says(here, path, meant, nets, tmp_path, monkeypatch):
    folder = tmp_path / here
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match="Did you mean") as caught:
        factory_of(path.format(nets=nets) + ":make")
    *_, hint = str(caught.value).partition("Did you mean ")
    assert re.findall("'(.*?)'", hint)[0] == meant
    assert hint.endswith(", run in its folder?") == (here == "other")
    if here == "other":
        monkeypatch.chdir(nets)
    assert factory_of(meant)() == "made"
