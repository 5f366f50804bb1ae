"""The command ``run.py lab``: serve the planners' page, on this machine alone unless told otherwise."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

from scenarios.options import add_options, whole_number
from simulation.errors import InputError

PAGE: Final = Path(__file__).resolve().parent / "page.py"
PORT: Final = 8501
REPLICATES: Final = 500
SWITCH: Final = 0.0005
"""Seconds after which a thread gives way to one that waits: the model needs the interpreter some times a replicate"""
PARTS: Final = ("scenarios.lab.controls", "scenarios.lab.tabs")
LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "--port", type=whole_number(0, 65535), default=PORT, metavar="N", help=f"port (default: {PORT}; 0: a free one)"
    )
    parser.add_argument(
        "--address", default="127.0.0.1", metavar="A", help="address to listen on (default: 127.0.0.1, this machine)"
    )
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="a name the server is known by; may be repeated"
    )
    parser.add_argument(
        "--replicates",
        type=whole_number(2, 10_000),
        default=REPLICATES,
        metavar="N",
        help=f"replicates of an answer, two to a draw (default: {REPLICATES})",
    )
    parser.add_argument(
        "--sessions",
        type=whole_number(1, 1000),
        default=20,
        metavar="N",
        help="the most sessions at once (default: 20)",
    )
    add_options(parser, "workers", "lang")


def main(args: argparse.Namespace) -> int:
    """Serve until told to stop: 0 after SIGTERM; Ctrl-C is an interruption, as for other commands."""
    try:
        import streamlit  # noqa: F401
    except ImportError:
        raise InputError(
            "the page needs Streamlit, which is not installed", key="lab", allowed="pip install -e '.[lab]'"
        ) from None
    with listening(args.address, args.port) as listener:
        from scenarios.lab import rooms
        from scenarios.lab.painters import MOST
        from scenarios.lab.workbench import Limits

        for part in PARTS:  # so that who comes first need not wait for them
            importlib.import_module(part)

        limits = Limits(sessions=args.sessions, replicates=args.replicates, workers=args.workers)
        share_the_interpreter()
        rooms.start(rooms.Settings(args.lang, limits, painters=MOST))
        rooms.prepare()
        try:
            serve(listener, args)
        finally:
            rooms.close()
    return 0


def share_the_interpreter() -> None:
    """Let what answers a planner take the interpreter from what draws for another, and leave what was imported uncollected."""
    sys.setswitchinterval(SWITCH)
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def listening(address: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; ``InputError`` where it cannot."""
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
    except (OSError, UnicodeError):
        problem = f"{address[:80]!r} is not an address of this machine"
        raise InputError(problem, key="--address", allowed="127.0.0.1, 0.0.0.0 or another") from None
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(place)
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            problem = f"{port} at {address} cannot be used: {words}"
            raise InputError(problem, key="--port", allowed="another port; 0 finds a free one") from None
        listener.listen(128)
        yield listener


def serve(listener: socket.socket, args: argparse.Namespace) -> None:
    """Serve on a socket until a signal comes; ``KeyboardInterrupt`` where it was Ctrl-C."""
    import uvicorn

    class Server(uvicorn.Server):
        """Leaves signals to :func:`told_to_stop`, so that being told to stop is no failure."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    app = application(args)
    settings = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=8 * 2**20,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = Server(settings)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    with told_to_stop(server.handle_exit):  # from before there is an event loop, which must not be left half made
        print(f"http://{shown}:{port}", flush=True)
        server.run(sockets=[listener])
    if signal.SIGINT in server._captured_signals:
        raise KeyboardInterrupt


@contextlib.contextmanager
def told_to_stop(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM handled so."""
    before = {each: signal.signal(each, handle) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def application(args: argparse.Namespace) -> Any:
    """The ASGI application: Streamlit with our page, behind the gate."""
    import streamlit as st
    from starlette.middleware import Middleware
    from starlette.routing import Route

    from scenarios.lab.gate import FILES, Gate, Index, file

    configure()
    index = Index(args.lang)
    hosts = (*LOCAL, *args.host) if args.host or _is_local(args.address) else ()
    return st.App(
        PAGE,
        routes=[Route("/", index.page), *(Route(f"/{name}", file(name)) for name in FILES)],
        middleware=[Middleware(Gate, hosts=hosts, headers=index.headers, connections=connections(args.sessions))],
    )


def connections(sessions: int) -> int:
    """How many pages may be open: also those that have been told that the lab is full, and those that are being left."""
    return 2 * sessions + 20


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def configure() -> None:
    """Streamlit's settings: ours, whatever stands in the user's home or in the current folder."""
    from streamlit import config

    config.get_config_files = _no_files
    config.get_config_options(force_reparse=True, options_from_flags=dict(SETTINGS))


def _no_files(file_name: str) -> list[str]:
    return []


SETTINGS: Final[dict[str, Any]] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "client.showSidebarNavigation": False,
    "global.developmentMode": False,
    "logger.level": "error",
    "logger.hideWelcomeMessage": True,
    "runner.magicEnabled": False,
    "runner.postScriptGC": False,  # a tenth of a second of every thread, each time something is shown
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.enableAgentApi": False,
    "server.maxUploadSize": 1,
    "server.disconnectedSessionTTL": 30,
    "theme.base": "light",
    "theme.primaryColor": "#005a9c",
    "theme.textColor": "#1a1a1a",
    "theme.linkColor": "#005a9c",
}
