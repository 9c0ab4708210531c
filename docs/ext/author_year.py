"""Label the list of references as the pages cite it: by authors and year."""

from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as Plain
from pybtex.style.labels import BaseLabelStyle


class Labels(BaseLabelStyle):
    def format_labels(self, sorted_entries):
        for entry in sorted_entries:
            yield f"{authors(entry.persons['author'])}, {entry.fields['year']}"


def authors(persons):
    last = [" ".join(person.last_names) for person in persons]
    return f"{last[0]} et al." if len(last) > 2 else " and ".join(last)


class Style(Plain):
    default_label_style = Labels


def setup(app):
    register_plugin("pybtex.style.formatting", "author_year", Style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
