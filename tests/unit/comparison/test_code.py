"""Functions as keys of saved runs have them."""

from braintools_qps._comparison.code import described, sources


def test_a_function_that_closes_over_itself_or_over_a_name_without_a_value():
    def make(classes):
        return make, later, classes

    name = f"{__name__}:{make.__qualname__}"
    assert described(make) == name
    assert [file.rpartition("/")[2] for file in sources([make])] == ["test_code.py"]
    later = 3
    assert described(make) == [name, later]
