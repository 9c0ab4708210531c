"""What a browser shows of a page, by Chromium without a window; tests are skipped without it."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --virtual-time-budget=5000"
)
# The page itself must not scroll sideways, and these parts must fit into what holds them.
MEASURE = """
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument, too_wide = (part) => part.scrollWidth > part.clientWidth + 1;
  const parts = [page.documentElement, ...page.querySelectorAll(PARTS)].filter(too_wide);
  document.body.innerHTML = "";
  const names = parts.map((part) => part.tagName + "." + part.className);
  document.body.dataset.wide = JSON.stringify(names);
};
"""


def too_wide(page, width, folder, parts="table, pre, p"):
    """The parts of a page, HTML text, that are cut or scroll sideways in a window of this width."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    frame = f'<iframe width="{width}" height="900" style="border: 0" srcdoc="{html.escape(page)}">'
    script = MEASURE.replace("PARTS", json.dumps(parts))
    around = folder / "around.html"
    around.write_text(f"<!doctype html><body>{frame}</iframe><script>{script}</script>", "utf-8")
    flags = [*FLAGS.split(), f"--user-data-dir={folder / 'chromium'}", "--dump-dom"]
    run = subprocess.run([CHROMIUM, *flags, around.as_uri()], capture_output=True, text=True)
    (said,) = re.findall(r'data-wide="(.*?)"', run.stdout)
    return json.loads(html.unescape(said))
