"""Cells of tables: an interval stays in one line, and a sentence has room on a narrow screen."""

import re

from docutils import nodes

INTERVAL = re.compile(r"\(([-+\d.]+%?) to ([-+\d.]+%?)\)")
IN_ONE_LINE = "(\\1\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}\\2)"
SENTENCE = 25  # characters and more
MANY = 7  # columns, among which there is no room for whole intervals


def shape(app, doctree, docname):
    for group in doctree.findall(nodes.tgroup):
        for entry in group.findall(nodes.entry):
            if len(entry.astext()) >= SENTENCE:
                entry["classes"].append("sentence")  # custom.css
            if group["cols"] < MANY:
                keep_intervals(entry)


def keep_intervals(entry):
    for text in [*entry.findall(nodes.Text)]:
        if INTERVAL.search(text):
            text.parent.replace(text, nodes.Text(INTERVAL.sub(IN_ONE_LINE, text)))


def setup(app):
    app.connect("doctree-resolved", shape)  # when the outputs of a page's code are tables
    return {"parallel_read_safe": True, "parallel_write_safe": True}
