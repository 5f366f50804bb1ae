"""What comes in to the lab and what goes out with it: the only paths there are, whose pages may call, and the headers.

Streamlit looks a stranger's ``Origin`` up by asking an outside service for our own address. Here a call from another
page is refused before that, and an ``Origin`` that is ours goes no further, so that nothing is ever asked for outside.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
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
    r"/(|favicon\.png|lab\.(css|js)|_stcore/(health|host-config|stream|upload_file/[\w./-]+)|media/[\w.-]+|static/[\w./-]+)"
)
"""Every path that the page uses. Streamlit has more: measurements, an interface for programs, other pages."""
STATIC: Final = Path(streamlit.__file__).parent / "static"
HERE: Final = Path(__file__).resolve().parent


class Gate:
    """ASGI middleware. ``hosts`` are the names that the server is known by; none given, every name is taken."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], headers: dict[str, str]) -> None:
        self.app, self.hosts, self.headers = app, frozenset(hosts), headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call through, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None:
            scope["headers"] = [header for header in scope["headers"] if header[0] != b"origin"]
            await self.app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        else:
            await refused(scope, receive, self._with_headers(send))

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not PATHS.fullmatch(scope["path"]):
            return PlainTextResponse("there is no such page", 404)
        if self.hosts and urlsplit(f"//{host}").hostname not in self.hosts:
            return PlainTextResponse("the lab is not known by this name: see --host", 421)
        if origin is not None and urlsplit(origin).netloc != host:
            return PlainTextResponse("another page may not call the lab", 403)
        return None

    def _with_headers(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        return sent


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
