"""Tables: an interval stays in one line; on a narrow screen sentences, answers and numbers fit."""

import re

from docutils import nodes

INTERVAL = re.compile(r"\(([-+\d.]+%?) to ([-+\d.]+%?)\)")
IN_ONE_LINE = "(\\1\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}\\2)"
SENTENCE = 25  # characters and more
MANY = 7  # columns, among which there is no room for whole intervals
ANSWERS = {"here", "the same as"}  # headings of a last column that the others lead to


def shape(app, doctree, docname):
    for group in doctree.findall(nodes.tgroup):
        if ANSWERS & {entry.astext() for entry in last_headings(group)}:
            group.parent["classes"].append("answer-last")  # custom.css
        if all(entry.astext().isdecimal() for row in rows(group) for entry in row[1:]):
            group.parent["classes"].append("numbers")  # custom.css
        for entry in group.findall(nodes.entry):
            if len(entry.astext()) >= SENTENCE:
                entry["classes"].append("sentence")  # custom.css
            if group["cols"] < MANY:
                keep_intervals(entry)


def last_headings(group):
    return [row[-1] for head in group.findall(nodes.thead) for row in head.findall(nodes.row)]


def rows(group):
    return [row for body in group.findall(nodes.tbody) for row in body.findall(nodes.row)]


def keep_intervals(entry):
    for text in [*entry.findall(nodes.Text)]:
        if INTERVAL.search(text):
            text.parent.replace(text, nodes.Text(INTERVAL.sub(IN_ONE_LINE, text)))


def setup(app):
    app.connect("doctree-resolved", shape)  # when the outputs of a page's code are tables
    return {"parallel_read_safe": True, "parallel_write_safe": True}
