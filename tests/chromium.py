"""A page in headless Chromium: what it asks for, what it complains about, how wide it is.

Chromium's own protocol is spoken over a pipe, so that nothing has to be installed beside it.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
from contextlib import contextmanager
from itertools import count
from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]


class Page:
    """One tab. ``events`` holds whatever Chromium has told of it."""

    def __init__(self, commands, answers):
        self._commands, self._answers, self._numbers = commands, answers, count(1)
        self._session, self.events = {}, []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.do(f"{domain}.enable")

    def do(self, method, **params):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params, **self._session}
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path, *, width=1400, dark=False):
        """Load a file as a window of this width, in light or dark colours, shows it."""
        self.events.clear()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.do("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self.do("Page.navigate", url=Path(path).resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def evaluate(self, expression):
        result = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    @property
    def overflow(self):
        """How many pixels the page is wider than its window."""
        root = "document.documentElement"
        return self.evaluate(f"{root}.scrollWidth - {root}.clientWidth")

    @property
    def requests(self):
        """Every address asked for, the page's own included; data within the page is none."""
        asked = [e["params"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        addresses = [one["request"]["url"] for one in asked]
        return [address for address in addresses if not address.startswith("data:")]

    @property
    def complaints(self):
        """What the console shows: errors, warnings and whatever was printed."""
        kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [event["params"] for event in self.events if event["method"] in kinds]

    def screenshot(self, path):
        shot = self.do("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def pdf(self):
        return base64.b64decode(self.do("Page.printToPDF")["data"])

    def _read(self):
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            message += byte
        return json.loads(message)


@contextmanager
def page(profile):
    """A tab of a Chromium that keeps its files in a directory of its own and ends with the test."""
    (read_commands, write_commands), (read_answers, write_answers) = _pipe(), _pipe()
    actions = [  # Chromium reads from 3 and writes to 4
        (os.POSIX_SPAWN_DUP2, read_commands, 3),
        (os.POSIX_SPAWN_DUP2, write_answers, 4),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    arguments = [PROGRAM, *OPTIONS, f"--user-data-dir={profile}"]
    process = os.posix_spawn(PROGRAM, arguments, os.environ, file_actions=actions)
    os.close(read_commands)
    os.close(write_answers)
    try:
        with os.fdopen(write_commands, "wb") as commands, os.fdopen(read_answers, "rb") as answers:
            tab = Page(commands, answers)
            yield tab
            tab.do("Browser.close")
    finally:
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)


def _pipe():
    """Both ends of a pipe, out of the way of 3 and 4."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved
