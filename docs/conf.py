"""The Sphinx site. Nothing is fetched from a network, neither to build it nor to read it."""

import os
import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "ext"))

# Inherited by the kernels that run the pages; set before matplotlib is imported here.
os.environ["MATPLOTLIBRC"] = str(DOCS / "matplotlibrc")
os.environ["PYTHONWARNINGS"] = ",".join([
    "ignore:Error reading persistent compilation cache",  # an earlier build was ended in writing
])  # fmt: skip
os.environ["TQDM_DISABLE"] = "1"  # pages show results, not how long they took (cell_outputs.py)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Every page is a process of its own: what one has compiled, the others need not.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(DOCS / "_build" / "jax"))
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

from numpydoc.xref import DEFAULT_LINKS  # noqa: E402

import braintools_qps  # noqa: E402
from braintools_qps import records  # noqa: E402

project = "braintools_qps"
author = "braintools_qps developers"
copyright = author
metadata = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
version = release = metadata["version"]
urls = metadata.get("urls", {})  # the public addresses, once there are any

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "matplotlib.sphinxext.plot_directive",
    "myst_nb",
    "numpydoc",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    # In docs/ext
    "author_year",
    "cell_outputs",
    "coverage_check",
    "ecosystem_links",
    "notebook_downloads",
    "offline_mathjax",
    "readable_signatures",
    "self_contained",
    "table_cells",
    "thumbnails",
]

templates_path = ["_templates"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
nitpicky = True
default_role = "py:obj"

# Notebooks
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # of a cell: ends what hangs, and leaves a busy machine its time
nb_merge_streams = True
nb_render_markdown_format = "myst"  # the default knows no tables
nb_output_stderr = "warn"  # a page that warns its reader fails the build
nb_ipywidgets_js = {}  # its default loads scripts from the network
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Mathematics, from the copy of MathJax that sphinx-mathjax-offline puts beside the pages
mathjax3_config = {"options": {"enableMenu": False}}

# API reference
autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # numpydoc's Parameters state types, shapes and units
python_maximum_signature_line_length = 80  # longer ones have a line for each parameter
numpydoc_show_class_members = False
# Types in the lists of parameters: ours and the ecosystem's are links, int and str are not.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    **{name: name for name in DEFAULT_LINKS},
    **{name: f"braintools_qps.records.{name}" for name in records.__all__},
    **{name: f"braintools_qps.{name}" for name in braintools_qps.__all__},
    "Array": "jax.Array",
    "array": "jax.Array",
    "logger": "logging.Logger",
    "path": "pathlib.Path",
    "Quantity": "brainunit.Quantity",
    "Surrogate": "braintools.surrogate.Surrogate",
    "Task": "braintools_qps.load_task",
    "Unit": "brainunit.Unit",
    "array_like": "numpy.array_like",
    **{
        name: f":obj:`{name}`"
        for name in (
            "brainstate.State", "brainstate.nn.Module", "braintools.surrogate.Surrogate",
            "brainunit.Unit", "brainunit.UnitMismatchError", "distributed.Client",
            "matplotlib.axes.Axes", "numpy.ndarray", "pandas.DataFrame", "pathlib.Path",
        )
    },
}  # fmt: skip
numpydoc_validation_checks = {"GL08", "SS03", "SS04", "PR01", "PR02", "PR04", "RT01"}
numpydoc_validation_exclude = {
    r"\.__\w+__$",
    r"\.[A-Z]\w+$",
    r"\.on_\w+$",  # called by a trainer, not by a reader
}
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

# Figures drawn by the plot directive
plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = False
plot_rcparams = {}
plot_apply_rcparams = False

html_theme = "sphinx_book_theme"
html_title = f"braintools_qps {release}"
html_baseurl = urls.get("Documentation", "")
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/favicon.svg"
html_theme_options = {
    "show_toc_level": 2,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the sidebar has the search field already
    **({"repository_url": urls["Repository"]} if "Repository" in urls else {}),
    "use_repository_button": "Repository" in urls,
}
html_context = {"default_mode": "auto"}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
