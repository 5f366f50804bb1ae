"""What comes in to the lab and what goes out with it: the only paths there are, whose pages may call, and the headers.

Streamlit looks a stranger's ``Origin`` up by asking an outside service for our own address. Here a call from another
page is refused before that, and an ``Origin`` that is ours goes no further, so that nothing is ever asked for outside.

Streamlit bounds the size of an upload, but neither how many a session holds nor how many connections are open: that is here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.websockets import WebSocketClose

from results.language import LOCALES, catalogue, say

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATHS: Final = re.compile(
    r"/(|favicon\.png|lab\.(css|js)|_stcore/(health|host-config|stream|upload_file/[\w-]+/[\w-]+)"
    r"|media/[\w.-]+|static/[\w./-]+)"
)
"""Every path that the page uses. Streamlit has more: measurements, an interface for programs, other pages."""
STATIC: Final = Path(streamlit.__file__).parent / "static"
HERE: Final = Path(__file__).resolve().parent


MOST_FILES: Final = 16
"""that a session's uploads may be at a time"""
MOST_BYTES: Final = 2_000_000
"""that they may hold. One that is too large for figures comes in, so that the page can say what is wrong with it."""
REMEMBERED: Final = 1000
"""Sessions whose uploads are counted: many more than Streamlit has at a time"""


class Gate:
    """ASGI middleware.

    Parameters
    ----------
    hosts : the names that the server is known by; none given, every name is taken
    headers : of every answer
    connections : websockets, one for each page that is open, at most
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], headers: dict[str, str], connections: int) -> None:
        self.app, self.hosts, self.headers, self.connections = app, frozenset(hosts), headers, connections
        self._open = 0
        self._uploads = Uploads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call through, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None:
            scope["headers"] = [header for header in scope["headers"] if header[0] != b"origin"]
            await self._let_through(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        else:
            await refused(scope, receive, self._with_headers(send))

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not PATHS.fullmatch(scope["path"]):
            return PlainTextResponse("there is no such page", 404)
        try:
            name, page = urlsplit(f"//{host}").hostname, None if origin is None else urlsplit(origin).netloc
        except ValueError:
            return PlainTextResponse("Host or Origin is none", 400)
        if self.hosts and name not in self.hosts:
            return PlainTextResponse("the lab is not known by this name: see --host", 421)
        if page is not None and page != host:
            return PlainTextResponse("another page may not call the lab", 403)
        return None

    async def _let_through(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if self._open >= self.connections:
                await WebSocketClose(1013)(scope, receive, send)
                return
            self._open += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self._open -= 1
        elif "/upload_file/" in scope["path"]:
            await self._uploads(self.app, scope, receive, self._with_headers(send))
        else:
            await self.app(scope, receive, self._with_headers(send))

    def _with_headers(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        return sent


class Uploads:
    """What the uploads of each session hold: a session that would hold too much is told so."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, dict[str, int]] = OrderedDict()  # bytes, by session and file
        self._coming: set[tuple[str, str]] = set()

    async def __call__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call about an upload through to the application."""
        session, file = (str(part) for part in scope["path"].split("/")[-2:])
        refused = self._refused(scope, session, file)
        if refused is not None:
            await refused(scope, receive, send)
            return
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        put = scope["method"] == "PUT"
        if put:  # counted before it is there, since many may come at once
            self._held.setdefault(session, {})[file] = int(Headers(scope=scope)["content-length"])
            self._coming.add((session, file))
        try:
            await app(scope, receive, sent)
        finally:
            self._coming.discard((session, file))
            if (scope["method"] == "DELETE" or put) and put != (200 <= status < 300):
                self._forget(session, file)
            while len(self._held) > REMEMBERED:
                self._held.popitem(last=False)

    def _refused(self, scope: Scope, session: str, file: str) -> Response | None:
        if (session, file) in self._coming:
            return PlainTextResponse("this upload is still coming", 409)
        if scope["method"] != "PUT":
            return None
        length = Headers(scope=scope).get("content-length", "")
        if not re.fullmatch("[0-9]{1,12}", length):
            return PlainTextResponse("an upload says how long it is", 411)
        held = self._held.get(session, {})
        if file in held or len(held) >= MOST_FILES or sum(held.values()) + int(length) > MOST_BYTES:
            return PlainTextResponse("this session has uploaded too much", 413)
        return None

    def _forget(self, session: str, file: str) -> None:
        held = self._held.get(session, {})
        held.pop(file, None)
        if not held:
            self._held.pop(session, None)


FILES: Final = {"lab.css": "text/css", "lab.js": "text/javascript"}
"""Files of ours that the page reads."""


def file(name: str) -> Callable[[Request], Awaitable[Response]]:
    """What answers with one of our files."""
    content = (HERE / name).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=FILES[name], headers={"Cache-Control": "no-cache"})

    return answer


class Index:
    """The page's HTML, which is Streamlit's with our language, title and stylesheet, and what a browser may do with it."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.pages = {each: _html(each) for each in LOCALES}
        scripts = re.findall(r"<script>(.*?)</script>", self.pages[lang], re.DOTALL)
        self.headers = _headers([hashlib.sha256(script.encode()).digest() for script in scripts])

    async def page(self, request: Request) -> Response:
        """The page in the language that the address asks for."""
        asked = parse_qs(request.url.query).get("lang", [self.lang])[-1]
        return HTMLResponse(self.pages.get(asked, self.pages[self.lang]), headers={"Cache-Control": "no-cache"})


def _html(lang: str) -> str:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    html = re.sub(r"<!--.*?-->|<link[^>]*service-desc[^>]*>|<noscript>.*?</noscript>", "", html, flags=re.DOTALL)
    html = html.replace('<html lang="en">', f'<html lang="{lang}">')
    html = html.replace("<title>Streamlit</title>", f"<title>{say('lab.title', lang)}</title>")
    words = {each["en"]: each["nb"] for each in catalogue()["lab_own_words"].values()}
    ours = (
        f'<meta name="familiebaner-words" content="{escape(json.dumps(words))}">'
        '<link rel="stylesheet" href="./lab.css"><script type="module" src="./lab.js"></script></head>'
    )
    html = html.replace("</head>", ours)
    return html.replace("<body>", f"<body><noscript><p>{say('lab.no_script', lang)}</p></noscript>").strip()


def _headers(scripts: list[bytes]) -> dict[str, str]:
    """Nothing from anywhere but here, no script that is not a file of ours, and no other page around this one."""
    inline = " ".join(f"'sha256-{base64.b64encode(script).decode()}'" for script in scripts)
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' {inline}",
        "style-src": "'self' 'unsafe-inline'",  # Streamlit writes its styles as it goes
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
