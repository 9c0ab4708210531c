"""One text table and one HTML table."""

from braintools_qps.records.table import html_table, text_table

ROWS = [["name", "growth"], ["QPseudoSpike", "1.00"], ["<b>", "-"]]


def test_text():
    assert text_table(ROWS) == ("name          growth\nQPseudoSpike    1.00\n<b>                -")


def test_html():
    assert html_table(ROWS) == (
        "<table>\n"
        "<tr><th>name</th><th>growth</th></tr>\n"
        "<tr><td>QPseudoSpike</td><td>1.00</td></tr>\n"
        "<tr><td>&lt;b&gt;</td><td>-</td></tr>\n"
        "</table>"
    )


def test_what_is_said_below_a_table_is_in_its_html():
    assert html_table(ROWS[:1], ["it is < 1", "and no more"]) == (
        "<table>\n<tr><th>name</th><th>growth</th></tr>\n</table>\n"
        "<p>it is &lt; 1</p>\n<p>and no more</p>"
    )
