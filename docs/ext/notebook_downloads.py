"""Every executed page can be downloaded as a notebook, its outputs included."""

import shutil
from pathlib import Path


def offer(app, pagename, templatename, context, doctree):
    """Put the notebook that myst-nb has executed where the theme's download button looks for it."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.exists():
        return
    offered = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    offered.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(executed, offered)
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    app.connect("html-page-context", offer, priority=400)  # before the theme makes its buttons
    return {"parallel_read_safe": True, "parallel_write_safe": True}
