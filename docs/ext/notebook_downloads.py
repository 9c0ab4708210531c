"""Every executed page can be downloaded as a notebook, its outputs included.

Roles and directives of Sphinx become plain Markdown there, which Jupyter shows as it is meant.
"""

import json
import re
from pathlib import Path

from author_year import authors
from pybtex.database import parse_file

FENCE = re.compile(r"^(`{3,}|:{3,})\{([\w:-]+)\}[^\n]*\n(.*?)^\1[ ]*$\n?", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)
ROLE = re.compile(r"\{([\w:]+)\}`([^`]*)`")
WITH_TARGET = re.compile(r"(.*\S)\s*<([^>]*)>", re.DOTALL)
EMPTY_LINK = re.compile(r"\[([^\]]*)\]\(([\w./-]+\.(?:md|rst))(?:#[\w-]+)?\)")
DEFINITION = re.compile(r"^(\S.*)\n: +((?:.*\n)(?:  .*\n)*)", re.MULTILINE)
LANGUAGES = {"code-block", "literalinclude"}
DROPPED = {"bibliography", "eval-rst", "toctree"}


def offer(app, pagename, templatename, context, doctree):
    """Put the notebook that myst-nb has executed where the theme's download button looks for it."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.exists():
        return
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    plain = Plain(app, pagename)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = plain.markdown("".join(cell["source"]))
    offered = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    offered.parent.mkdir(parents=True, exist_ok=True)
    offered.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), encoding="utf-8")
    context["ipynb_source"] = f"{pagename}.ipynb"


class Plain:
    """Markdown without Sphinx, for one page."""

    def __init__(self, app, pagename):
        self.titles = {name: title.astext() for name, title in app.env.titles.items()}
        self.folder = Path(pagename).parent
        self.papers = parse_file(str(Path(app.srcdir) / "references.bib")).entries

    def markdown(self, text):
        text = FENCE.sub(self._fence, text)
        text = ROLE.sub(self._role, text)
        text = EMPTY_LINK.sub(lambda m: m[1] or self._title(m[2]), text)
        return DEFINITION.sub(r"- **\1**: \2", text)

    def _fence(self, match):
        _, name, body = match.groups()
        if name in DROPPED:
            return ""
        body = OPTION.sub("", body).lstrip("\n")
        return f"```\n{body}```\n" if name in LANGUAGES else body

    def _role(self, match):
        role, content = match.groups()
        if role == "math":
            return f"${content}$"
        if role.startswith("cite"):
            return self._citation(role, content)
        text, target = self._parts(content)
        if role == "doc":
            return text or self._title(target)
        return f"`{text or (target.rpartition('.')[2] if target[0] == '~' else target)}`"

    def _parts(self, content):
        match = WITH_TARGET.fullmatch(content)
        return (match[1], match[2]) if match else ("", content)

    def _title(self, target):
        path = (Path("/") / self.folder / target).resolve().with_suffix("")
        return f"*{self.titles.get(str(path).lstrip('/'), target)}*"

    def _citation(self, role, key):
        paper = self.papers[key]
        name = authors(paper.persons["author"])
        year = paper.fields["year"]
        return f"{name} ({year})" if role == "cite:t" else f"({name}, {year})"


def setup(app):
    app.connect("html-page-context", offer, priority=400)  # before the theme makes its buttons
    return {"parallel_read_safe": True, "parallel_write_safe": True}
