"""A real headless Chromium, driven by WebDriver, which is JSON over HTTP (https://www.w3.org/TR/webdriver2/)."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 30.0
ANSWER_S = 60.0
DRIVER = "chromedriver"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # the checks may run as root, in a container
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-proxy-server",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]


class BrowserMissingError(Exception):
    """Debian's package is not installed."""

    def __str__(self) -> str:
        remedy = "apt install chromium chromium-driver"
        return f"{DRIVER} is not installed: {remedy} (or leave these tests out: -m 'not browser')"


class Browser:
    """One window. Args: profile, a directory of its own. Raises: BrowserMissingError."""

    def __init__(self, profile: Path) -> None:
        if shutil.which(DRIVER) is None:
            raise BrowserMissingError
        self._profile = profile
        self._session = ""

    def __enter__(self) -> Self:
        self._profile.mkdir(parents=True, exist_ok=True)
        complaints = self._profile / "complaints"
        with complaints.open("wb") as stderr:
            self._driver = subprocess.Popen(
                [DRIVER, "--port=0"],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "HOME": str(self._profile)},
                start_new_session=True,
            )
        try:
            assert self._driver.stdout is not None
            said = ""
            while (found := re.search(r"successfully on port (\d+)", said)) is None:
                line = self._driver.stdout.readline()
                assert line, f"{DRIVER} has ended: {said}{complaints.read_text()}"
                said += line
            port = int(found[1])
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
            options = {"args": [*ARGUMENTS, f"--user-data-dir={self._profile}"]}
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})[
                "sessionId"
            ]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            self._call("DELETE", f"/session/{self._session}")
            self._connection.close()
        self._driver.terminate()
        self._driver.wait(PATIENCE_S)
        assert self._driver.stdout is not None
        self._driver.stdout.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = json.loads(self._connection.getresponse().read())["value"]
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        return self._call(method, f"/session/{self._session}{path}", body)

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self._do("POST", "/url", {"url": url})

    def run_before_pages(self, script: str) -> None:
        """Run this in every page that is opened from now on, before its own scripts."""
        wanted = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}}
        self._do("POST", "/goog/cdp/execute", wanted)

    def prefer(self, theme: str) -> None:
        """Have pages "light" or "dark", as their reader's system would."""
        wanted = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self._do("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": wanted})

    def resize(self, width: int, height: int) -> None:
        """Of the page itself, as a phone has it: a window has a least width."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._do(
            "POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Returns: what the script returns."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str) -> Any:
        """Returns: what the script gives to its last argument, which it calls."""
        return self._do("POST", "/execute/async", {"script": script, "args": []})

    def text(self, selector: str) -> str:
        """All that the first of these elements holds, as text."""
        found: str = self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
        return found

    def press(self, *keys: str) -> None:
        """On the keyboard, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._do("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        """Returns: what the condition returns, once that is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            assert time.monotonic() < deadline, (what, self.text("body"), self.complaints())
            time.sleep(0.05)
        return found

    def screenshot(self, path: Path) -> None:
        """The whole page as it would be on a screen of that width."""
        clip = self.run("return [window.innerWidth, document.documentElement.scrollHeight]")
        wanted = {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": clip[0], "height": min(6000, clip[1]), "scale": 1},
        }
        answer = self._do("POST", "/goog/cdp/execute", {"cmd": "Page.captureScreenshot", "params": wanted})
        path.write_bytes(base64.b64decode(answer["data"]))

    def complaints(self) -> list[str]:
        """What the browser has to say of the page: errors, and what its policy has stopped."""
        entries = self._do("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]
