"""Headless Chromium by its DevTools protocol, for measurements of a page: keys, the mouse, screenshots, its console."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

START_SECONDS = 60
NAMES = ("chromium", "chromium-browser", "google-chrome")
KEYS = {
    "ArrowRight": 39,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowDown": 40,
    "Enter": 13,
    "Escape": 27,
    "Delete": 46,
    "End": 35,
    "Home": 36,
    "PageDown": 34,
    "Tab": 9,
}


class Browser:
    """A browser with one page; `console` holds errors and uncaught exceptions, with their texts."""

    def __init__(self) -> None:
        self.console: list[str] = []
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._folder = tempfile.mkdtemp(prefix="browser-")

    async def start(self, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        program = next((found for found in map(shutil.which, NAMES) if found), None)
        if program is None:
            raise SystemExit("no Chromium was found; install one, as with apt-get install chromium")
        flags = ["--headless=new", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={self._folder}"]
        flags += ["--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", f"--window-size={width},{height}"]
        self._process = await asyncio.create_subprocess_exec(
            program, *flags, "about:blank", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        address = await asyncio.wait_for(self._find_address(), START_SECONDS)
        self._drain = asyncio.create_task(self._read_away())
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://{address}/json") as answer:
            page = next(found for found in await answer.json() if found["type"] == "page")
        self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=2**28)
        self._reader = asyncio.create_task(self._read())
        for name in ("Page", "Runtime", "Log", "Network", "Performance"):
            await self.call(f"{name}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.use_theme(dark)

    async def use_theme(self, dark: bool) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def _find_address(self) -> str:
        assert self._process.stderr is not None
        while True:
            line = (await self._process.stderr.readline()).decode(errors="replace")
            found = re.search(r"ws://([^/]+)/", line)
            if found:
                return found[1]
            if not line:
                raise SystemExit("Chromium ended before it could be used")

    async def _read_away(self) -> None:
        assert self._process.stderr is not None
        while await self._process.stderr.readline():
            pass

    async def _read(self) -> None:
        async for message in self._socket:
            found = json.loads(message.data)
            if "id" in found:
                future = self._waiting.pop(found["id"], None)
                if future is not None and not future.done():
                    future.set_result(found)
                continue
            self._note(found["method"], found["params"])

    def _note(self, method: str, params: Any) -> None:
        if method == "Runtime.exceptionThrown":
            detail = params["exceptionDetails"]
            self.console.append(str(detail.get("exception", {}).get("description", detail["text"])))
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.console.append(" ".join(str(part.get("value", part.get("description"))) for part in params["args"]))
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.console.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def call(self, method: str, **params: Any) -> Any:
        self._number += 1
        future = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        found = await asyncio.wait_for(future, 120)
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error']['message']}")
        return found["result"]

    async def run(self, script: str) -> Any:
        """The value of an expression, also of a promise."""
        found = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"].get("exception", {}).get("description")))
        return found["result"].get("value")

    async def wait_for(self, script: str, seconds: float = 20.0) -> None:
        """Waits until an expression is true."""
        for _ in range(int(seconds * 20)):
            if await self.run(f"Boolean({script})"):
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{script} is not true after {seconds:g} s")

    async def open(self, address: str) -> None:
        await self.call("Page.navigate", url=address)
        await self.wait_for("document.readyState === 'complete'")

    async def press(self, key: str, modifiers: int = 0) -> None:
        """A key, down and up; 2 is Ctrl, 8 is Shift."""
        code = KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 and not modifiers else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def write(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def click(self, x: float, y: float, modifiers: int = 0) -> None:
        await self.drag([(x, y)], modifiers)

    async def drag(self, points: list[tuple[float, float]], modifiers: int = 0) -> None:
        """Presses at the first point, moves by all others and releases at the last."""
        mouse = {"button": "left", "clickCount": 1, "modifiers": modifiers}
        event = "Input.dispatchMouseEvent"
        await self.call(event, type="mousePressed", x=points[0][0], y=points[0][1], **mouse)
        for x, y in points[1:]:
            await self.call(event, type="mouseMoved", x=x, y=y, button="left", buttons=1, modifiers=modifiers)
        await self.call(event, type="mouseReleased", x=points[-1][0], y=points[-1][1], **mouse)

    async def photograph(self, path: Path) -> None:
        """A screenshot as PNG, or as WebP where the name ends so."""
        kind = "webp" if path.suffix == ".webp" else "png"
        found = await self.call("Page.captureScreenshot", format=kind)
        path.write_bytes(base64.b64decode(found["data"]))

    async def stop(self) -> None:
        await self._socket.close()
        await self._session.close()
        self._process.terminate()
        await self._process.wait()
        self._reader.cancel()
        self._drain.cancel()
        shutil.rmtree(self._folder, ignore_errors=True)
