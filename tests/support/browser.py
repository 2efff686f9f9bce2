"""A real browser that tells everything a page does: Debian's Chromium, driven over its DevTools protocol.

The protocol is spoken over two pipes (``--remote-debugging-pipe``, messages of JSON ended by NUL), which needs no
library at all; Playwright brings a Node.js and 50 MB, and is refused nothing by a page either. Everything the recorder
knows comes from the browser, not from the page: a page cannot hide a script, a request or a window from it. Source:
https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

_ICON = "/favicon.ico"
"""Asked for by the browser itself."""
_ERROR_PAGE = "chrome-error:"
"""The browser's own page in the place of one that was not to be had."""
MARK = "ran"
"""The function that a vector calls to show that it ran; the browser itself provides it."""
PATIENCE = 30.0
_OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--mute-audio"),
    *("--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--disable-domain-reliability", "--hide-scrollbars"),
    *("--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--no-pings"),
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,InterestFeedContentSuggestions",
    # Nothing but this machine exists, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--window-size=1200,900",
)
# The browser wants the pipes as descriptors 3 and 4.
_START = (
    "import os, sys; to, back = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2])); os.dup2(to, 3); os.dup2(back, 4); "
    "os.set_inheritable(3, True); os.set_inheritable(4, True); os.execv(sys.argv[3], sys.argv[3:])"
)


def chromium() -> str:
    """The browser; skips the test, saying why, where there is none."""
    found = os.environ.get("NCP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("there is no chromium (apt-get install chromium, or set NCP_CHROMIUM to its path)")
    return found


@dataclass(frozen=True, order=True)
class Finding:
    """Something a page did: ``kind`` of script, request, navigation, window, download, dialog, console, frame."""

    kind: str
    what: str


@dataclass(frozen=True)
class Answer:
    """What a server of ``Site`` sends for a path."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """A web server on this machine. ``asked`` lists the paths that were asked for and do not exist here."""

    def __init__(self) -> None:
        self.answers = {_ICON: Answer(b"", {"Content-Type": "image/png"})}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = site.answers.get(self.path)
                if answer is None:
                    site.asked.append(self.path)
                self.send_response(200 if answer else 404)
                for name, value in (answer.headers if answer else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content) if answer else 0))
                self.end_headers()
                self.wfile.write(answer.content if answer else b"")

            do_POST = do_GET  # noqa: N815 - the name that the base class calls

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Browser:
    """One Chromium. Every page gets a context of its own: no cookie, cache or window is shared."""

    def __init__(self, executable: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        options = [*_OPTIONS, f"--user-data-dir={self._profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(to_browser), str(from_browser), executable, *options, "about:blank"],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._numbers = itertools.count(1)
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        self.call("Target.setDiscoverTargets", discover=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._to)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._from)
        for _ in range(20):
            shutil.rmtree(self._profile, ignore_errors=True)
            if not Path(self._profile).exists():
                break
            time.sleep(0.05)

    def call(self, method: str, session: str = "", /, **params: Any) -> dict[str, Any]:
        """The answer to a command; events that come meanwhile are kept. Raises ``BrowserError``."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            for each in self._read(left):
                if each.get("id") == number:
                    if "error" in each:
                        raise BrowserError(f"{method}: {each['error'].get('message')}")
                    return dict(each.get("result", {}))
        raise BrowserError(f"{method}: no answer")

    def listen(self, seconds: float) -> None:
        """Takes in the events of the next ``seconds``."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._read(left)

    def _read(self, seconds: float) -> list[dict[str, Any]]:
        """Answers that are there within that time; events go where they belong."""
        ready, _, _ = select.select([self._from], [], [], seconds)
        if not ready:
            return []
        got = os.read(self._from, 1 << 20)
        if not got:
            raise BrowserError("the browser ended")
        *whole, self._rest = (self._rest + got).split(b"\0")
        answers = []
        for each in map(json.loads, whole):
            if "method" in each:
                self.events.append(each)
                self._on_event(each)
            else:
                answers.append(each)
        return answers

    def _on_event(self, event: dict[str, Any]) -> None:
        # A dialog stops the page until somebody answers it.
        if event["method"] == "Page.javascriptDialogOpening":
            number = next(self._numbers)
            message = {
                "id": number,
                "method": "Page.handleJavaScriptDialog",
                "params": {"accept": True},
                "sessionId": event["sessionId"],
            }
            os.write(self._to, json.dumps(message).encode() + b"\0")


class BrowserError(Exception):
    """The browser refused a command or ended."""


# Everything a reader can do to an element, without asking where it is on the screen, and whatever else it has a handler
# for. Runs in a world of its own: the page sees its events and nothing of it.
_PROVOKE = """
(() => {
  const all = [...document.querySelectorAll('*')];
  const mouse = ['pointerover', 'mouseover', 'mouseenter', 'mousemove', 'mousedown', 'mouseup', 'mouseout'];
  for (const each of document.querySelectorAll('details')) each.open = true;
  for (const each of all) {
    // Each element gets its own, so nothing needs to bubble.
    for (const name of mouse) each.dispatchEvent(new MouseEvent(name, {cancelable: true, view: window}));
    for (const name of each.getAttributeNames())
      if (/^on/i.test(name)) each.dispatchEvent(new Event(name.slice(2).toLowerCase(), {cancelable: true}));
    if (each.tabIndex >= 0) each.focus();  // on any other element it does nothing but lay out the page again
    if (each.click) each.click();
    else each.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, view: window}));
  }
  return all.length;
})()
"""
_CLICKABLE = "a, button, summary, label, input, select, textarea, area, form, object, embed, iframe, [tabindex]"


@dataclass
class Recording:
    """What a page did by itself and under the hands of a reader. ``elements`` that were provoked."""

    findings: list[Finding] = field(default_factory=list)
    elements: int = 0


class Page:
    """A page in a context of its own, recorded from before its first byte."""

    def __init__(self, browser: Browser, *, width: int = 1200, height: int = 900) -> None:
        self._browser = browser
        self._context = browser.call("Target.createBrowserContext")["browserContextId"]
        self._start = len(browser.events)
        browser.call("Browser.setDownloadBehavior", behavior="deny", browserContextId=self._context, eventsEnabled=True)
        self._target = browser.call("Target.createTarget", url="about:blank", browserContextId=self._context)[
            "targetId"
        ]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Debugger", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Runtime.addBinding", name=MARK)
        self.resize(width, height)
        self.url = ""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrowserError):
            self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)
        del self._browser.events[self._start :]

    def open(self, url: str) -> None:
        """Loads a page and waits until it has stopped loading."""
        self.url = url
        started = len(self._browser.events)
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if any(
                each["method"] == "Page.loadEventFired" and each.get("sessionId") == self._session
                for each in self._browser.events[started:]
            ):
                return
            self._browser.listen(0.02)
        raise BrowserError("the page does not stop loading")

    def provoke(self, *, clicks: int = 10) -> int:
        """Moves over, clicks, focuses and types on every element; some with a real mouse. The number of elements."""
        frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = self.call("Page.createIsolatedWorld", frameId=frame, worldName="reader")["executionContextId"]
        given = self.call("Runtime.evaluate", contextId=world, expression=_PROVOKE, returnByValue=True)
        count = int(given.get("result", {}).get("value") or 0)
        with contextlib.suppress(BrowserError):  # the page may be gone by now, and that is on record
            root = self.call("DOM.getDocument", depth=0)["root"]["nodeId"]
            for node in self.call("DOM.querySelectorAll", nodeId=root, selector=_CLICKABLE)["nodeIds"][:clicks]:
                self._click(node)
        return count

    def _click(self, node: int) -> None:
        try:
            self.call("DOM.scrollIntoViewIfNeeded", nodeId=node)
            quad = self.call("DOM.getContentQuads", nodeId=node)["quads"][0]
        except (BrowserError, IndexError):
            return  # nothing of it is on the screen
        x, y = (quad[0] + quad[4]) / 2, (quad[1] + quad[5]) / 2
        for kind, button in (("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def resize(self, width: int, height: int) -> None:
        """The window, in pixels of CSS."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self) -> bytes:
        """PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def findings(self) -> list[Finding]:
        """Everything on record but the page itself."""
        return sorted({each for event in self._browser.events[self._start :] for each in self._found(event)})

    def _found(self, event: dict[str, Any]) -> Iterator[Finding]:
        method, given = event["method"], event["params"]
        if event.get("sessionId", self._session) != self._session:
            return
        match method:
            case "Runtime.bindingCalled":
                yield Finding("script", f"{given['name']}({given['payload']})")
            case "Debugger.scriptParsed":
                # Our own commands stand in the reader's world.
                auxiliary = given.get("executionContextAuxData") or {}
                if auxiliary.get("type", "default") == "default" and not given["url"].startswith(_ERROR_PAGE):
                    yield Finding("script", given["url"].partition("?")[0])
            case "Runtime.exceptionThrown":
                yield Finding("script", given["exceptionDetails"].get("text", ""))
            case "Runtime.consoleAPICalled":
                yield Finding("console", given["type"])
            case "Log.entryAdded":
                yield Finding("console", given["entry"]["text"][:200])
            case "Page.javascriptDialogOpening":
                yield Finding("dialog", given["message"])
            case "Network.requestWillBeSent":
                address = given["request"]["url"]
                by_browser = given.get("documentURL", "").startswith(_ERROR_PAGE) or address.endswith(_ICON)
                if address.partition("#")[0] != self.url and not by_browser:
                    yield Finding("request", address[:200])
            case "Network.webSocketCreated" | "Network.webTransportCreated":
                yield Finding("request", given["url"][:200])
            case "Page.frameNavigated":
                address = given["frame"]["url"]
                is_own = address in (self.url, "about:blank") and "parentId" not in given["frame"]
                if not is_own and not address.startswith(_ERROR_PAGE):
                    yield Finding("navigation", address[:200])
            case "Page.frameRequestedNavigation" | "Page.frameScheduledNavigation":
                if given["url"].partition("#")[0] != self.url:  # to a place on the page itself
                    yield Finding("navigation", given["url"][:200])
            case "Page.frameAttached":
                yield Finding("frame", "attached")
            case "Page.windowOpen":
                yield Finding("window", given["url"][:200])
            case "Target.targetCreated":
                about = given["targetInfo"]
                is_ours = about["targetId"] == self._target or about["type"] in ("browser_ui", "tab")
                if about.get("browserContextId") == self._context and not is_ours:
                    yield Finding("window", f"{about['type']} {about['url'][:200]}")
            case "Browser.downloadWillBegin" | "Page.downloadWillBegin":
                yield Finding("download", given["url"][:200])


def record(browser: Browser, url: str, *, settle: float = 0.1) -> Recording:
    """Opens a page, does to it what a reader can do, and tells what it did."""
    with Page(browser) as page:
        page.open(url)
        count = page.provoke()
        browser.listen(settle)
        return Recording(page.findings(), count)
