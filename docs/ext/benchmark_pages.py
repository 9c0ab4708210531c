"""A page for every suite that ``python -m benchmarks`` has left, by device and release of JAX."""

import shutil
from pathlib import Path

SECTION = """# {device}

```{{toctree}}
:maxdepth: 1
:glob:

*
```
"""


def write(app):
    generated = Path(app.srcdir) / "results" / "generated"
    shutil.rmtree(generated, ignore_errors=True)
    for folder in sorted((Path(app.srcdir).parent / "benchmarks" / "results").glob("*/")):
        shutil.copytree(folder, generated / folder.name, ignore=shutil.ignore_patterns("*.json"))
        section = SECTION.format(device=folder.name.replace("-", " "))
        (generated / folder.name / "index.md").write_text(section)


def setup(app):
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
