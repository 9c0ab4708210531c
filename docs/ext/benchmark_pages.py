"""A page for every suite that ``python -m benchmarks`` has left, and a table of links to them.

The pages are reached from ``results/benchmarks``; the navigation does not list them.
"""

import json
import shutil
from pathlib import Path

ORPHAN = "---\norphan: true\n---\n\n"
OURS = "braintools-qps"


def write(app):
    generated = Path(app.srcdir) / "results" / "generated"
    shutil.rmtree(generated, ignore_errors=True)
    for page in (page for folder in folders(app.srcdir) for page in folder.glob("*.md")):
        copy = generated / page.parent.name / page.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(ORPHAN + page.read_text(encoding="utf-8"), encoding="utf-8")


def offer_links(app, config):
    config.myst_substitutions["benchmark_tables"] = links(folders(app.srcdir))


def folders(docs):
    return sorted((Path(docs).parent / "benchmarks" / "results").glob("*/"))


def links(folders):
    """A row for every suite, with a link for every device and release that it was measured on."""
    suites = sorted({page.stem for folder in folders for page in folder.glob("*.md")})
    rows = [["suite", *map(title, folders)], ["---"] * (1 + len(folders))]
    rows += [[suite, *(link(folder, suite) for folder in folders)] for suite in suites]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def title(folder):
    """What a folder such as ``cpu-jax-0.10-wide`` was measured on."""
    device, _, release = folder.name.partition("-jax-")
    release, _, wide = release.partition("-")
    return f"{device.upper()}, JAX {release}" + (", 512-bit vectors" if wide else "")


def link(folder, suite):
    file = folder / f"{suite}.md"
    if not file.exists():
        return ""
    version = json.loads(file.with_suffix(".json").read_text())["environment"]["versions"][OURS]
    provisional = ", provisional" if "provisional" in file.read_text(encoding="utf-8") else ""
    return f"[{version}](generated/{folder.name}/{suite}.md){provisional}"


def setup(app):
    app.connect("config-inited", offer_links)
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
