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

import pytest

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


class Browser:
    """One window. Args: profile, a directory of its own; dark, whether pages are to be dark."""

    def __init__(self, profile: Path, *, dark: bool = False) -> None:
        if shutil.which(DRIVER) is None:
            pytest.skip("chromedriver is not installed: apt-get install chromium chromium-driver")
        self._profile, self._dark = profile, dark
        self._session = ""

    def __enter__(self) -> Self:
        self._driver = subprocess.Popen(
            [DRIVER, "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HOME": str(self._profile)},
            start_new_session=True,
        )
        try:
            assert self._driver.stdout is not None
            said = iter(self._driver.stdout.readline, "")
            port = next(
                int(found[1]) for line in said if (found := re.search(r"successfully on port (\d+)", line))
            )
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
            arguments = [*ARGUMENTS, f"--user-data-dir={self._profile}"]
            if self._dark:
                arguments.append("--force-dark-mode")
            options = {"args": arguments}
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

    def resize(self, width: int, height: int) -> None:
        """Of the page itself, as a phone has it: a window has a least width."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._do(
            "POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Returns: what the script returns."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

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
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return window.innerWidth")
        self.resize(width, min(6000, height))
        path.write_bytes(base64.b64decode(self._do("GET", "/screenshot")))

    def complaints(self) -> list[str]:
        """What the browser has to say of the page: errors, and what its policy has stopped."""
        entries = self._do("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]
