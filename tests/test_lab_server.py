"""The command that serves the planners' page: how it starts, whom it answers, how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios.options import Parser
from simulation.errors import InputError

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[lab]'")
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import InvalidStatus, Subprotocol
from websockets.sync.client import connect

from scenarios.lab import gate, server
from scenarios.lab.painters import MOST

ROOT = Path(__file__).resolve().parent.parent
FEW = ("--replicates", "4")  # so that the place it opens with is soon ready, and the processors free


def start(home: Path, *options: str) -> subprocess.Popen[str]:
    """The command, as a user with an empty home starts it from another folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "lab", *options],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextlib.contextmanager
def serving(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address that it says."""
    process = start(home, "--port", "0", *options)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        address = address.replace("0.0.0.0", "127.0.0.1")
        assert address.startswith("http://127.0.0.1:"), process.communicate()[1]
        yield process, address
    finally:
        process.kill()
        process.communicate()


def status(address: str, path: str = "/", method: str = "GET", data: bytes | None = None, **headers: str) -> int:
    asked = urllib.request.Request(address + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_asks_nothing_answers_and_stops_when_it_is_told_to(tmp_path: Path, stop: signal.Signals, code: int) -> None:
    with serving(tmp_path) as (process, address):
        assert status(address) == 200
        process.send_signal(stop)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in errors


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("ready", [False, True], ids=["at once", "when all is ready"])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_of_its_own_stays_however_it_stops_and_none_says_anything(
    tmp_path: Path, stop: signal.Signals, ready: bool
) -> None:
    with serving(tmp_path) as (process, address):
        until(lambda: len(processes(process.pid)) > MOST)
        if ready:
            with contextlib.ExitStack() as end:
                assert Visit(address, end).session
            time.sleep(3)  # for the painters to have read their modules
        if stop == signal.SIGINT:
            os.killpg(process.pid, stop)  # as a terminal does
        else:
            process.send_signal(stop)
        _, errors = process.communicate(timeout=40)
        until(lambda: not processes(process.pid))
    assert "Traceback" not in errors
    if stop != signal.SIGKILL:  # then Python may say that it cleans up
        assert errors == ("" if stop == signal.SIGTERM else "interrupted\n")


def processes(session: int) -> list[int]:
    """Those that were begun by a process, it among them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of = stat.read_text(encoding="utf-8").rpartition(") ")[2].split()[:4]
            if int(of) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found


def test_a_port_that_is_taken_is_told_in_one_message(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start(tmp_path, "--port", str(port))
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert errors.count("\n") == 1
    assert f"--port: {port}" in errors


def test_settings_of_the_user_and_of_the_folder_change_nothing(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    settings = '[server]\nbaseUrlPath = "elsewhere"\n[browser]\ngatherUsageStats = true\n'
    (tmp_path / ".streamlit" / "config.toml").write_text(settings, encoding="utf-8")
    with serving(tmp_path, *FEW) as (_, address):
        assert status(address, "/_stcore/health") == 200
        assert status(address, "/elsewhere/_stcore/health") == 404


def test_only_the_page_and_what_it_needs_are_there_and_only_for_itself(tmp_path: Path) -> None:
    with serving(tmp_path, *FEW) as (_, address):
        assert status(address, "/lab.css") == 200
        for path in (
            "/_stcore/metrics",
            "/_stcore/agent/openapi.json",
            "/../run.py",
            "/app/static/x",
            "/static/../../x",
        ):
            assert status(address, path) in {400, 404}
        assert status(address, Host="elsewhere.example") == 421
        assert status(address, Origin="http://elsewhere.example") == 403
        assert status(address, Origin=address) == 200


@pytest.mark.parametrize("options", [(), ("--address", "0.0.0.0")], ids=["names", "any name"])
def test_a_host_or_an_origin_that_is_none_is_refused_and_breaks_nothing(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with serving(tmp_path, *FEW, *options) as (process, address):
        for wrong in ("[", "a]b", "[::1"):
            assert status(address, Host=wrong) == 400
            assert status(address, Origin=f"http://{wrong}") == 400
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert errors == ""


class Visit:
    """A page that is open, without a browser."""

    def __init__(self, address: str, until: contextlib.ExitStack) -> None:
        stream = address.replace("http", "ws") + "/_stcore/stream"
        known = [Subprotocol("streamlit")]
        # What is sent after the first message is not read here, and to close would be to wait for that.
        self.socket = until.enter_context(connect(stream, subprotocols=known, max_size=None, close_timeout=0.1))
        self.address = address

    def upload(self, file: str, size: int, method: str = "PUT") -> int:
        """Upload a file of so many bytes, as the page does."""
        head = b'--edge\r\nContent-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\n'
        data = head + bytes(size) + b"\r\n--edge--\r\n" if method == "PUT" else None
        return status(self.address, self._path(file), method, data, **self._headers)

    def refused(self, file: str, size: int) -> int:
        """Begin to upload a file: what is answered before a byte of it is sent."""
        asked = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=20)
        asked.request("PUT", self._path(file), headers=self._headers | {"Content-Length": str(size)})
        return asked.getresponse().status

    def _path(self, file: str) -> str:
        return f"/_stcore/upload_file/{self.session}/{file}"

    @property
    def _headers(self) -> dict[str, str]:
        kind = {"Content-Type": "multipart/form-data; boundary=edge"}
        return kind | {"Cookie": self.cookie, "X-Xsrftoken": self.cookie.partition("=")[2]}

    @functools.cached_property
    def session(self) -> str:
        """What Streamlit calls it."""
        self.socket.send(BackMsg(rerun_script=ClientState()).SerializeToString())
        while True:
            message = ForwardMsg.FromString(bytes(self.socket.recv(20)))
            if message.HasField("new_session"):
                return str(message.new_session.initialize.session_id)

    @functools.cached_property
    def cookie(self) -> str:
        """The cookie that tells our page from others."""
        with urllib.request.urlopen(self.address + "/_stcore/health", timeout=20) as response:
            return str(response.headers["Set-Cookie"]).partition(";")[0]


def test_a_session_holds_so_many_uploads_and_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    with serving(tmp_path, *FEW) as (_, address), contextlib.ExitStack() as end:
        visit, small, large = Visit(address, end), 100, 900_000
        for i in range(gate.MOST_FILES):
            assert visit.upload(f"small-{i}", small) == 204
        assert visit.refused("small-0", small) == visit.refused("another", small) == 413
        for i in range(gate.MOST_FILES):
            assert visit.upload(f"small-{i}", 0, "DELETE") == 204
        assert visit.upload("large-0", large) == visit.upload("large-1", large) == 204
        assert visit.refused("large-2", large) == 413
        assert visit.upload("large-0", 0, "DELETE") == 204
        assert visit.upload("large-2", large) == 204
        other = Visit(address, end)
        assert other.upload("large-0", large) == 204
        other.session = "nobody"
        assert other.refused("large-0", large) == 400


def test_so_many_uploads_at_once_and_no_more() -> None:
    through: list[str] = []
    go_on = asyncio.Event()

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        through.append(scope["method"])
        await go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def call(method: str, file: str, length: str | None) -> int:
        answers: list[Message] = []

        async def send(message: Message) -> None:
            answers.append(message)

        headers = [] if length is None else [(b"content-length", length.encode())]
        scope = {"type": "http", "method": method, "path": f"/_stcore/upload_file/me/{file}", "headers": headers}
        await uploads(app, scope, receive, send)
        return int(answers[0]["status"])

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def many() -> list[int]:
        calls = [asyncio.create_task(call("PUT", f"{i}", "10")) for i in range(gate.MOST_FILES + 1)]
        calls += [asyncio.create_task(call(method, "0", "10")) for method in ("PUT", "DELETE")]
        calls += [asyncio.create_task(call("PUT", "x", length)) for length in (None, "-1", "9" * 5000)]
        while not all(each.done() for each in calls[gate.MOST_FILES :]):
            await asyncio.sleep(0)
        go_on.set()
        return [await each for each in calls]

    uploads = gate.Uploads()
    assert asyncio.run(many()) == [204] * gate.MOST_FILES + [413, 409, 409, 411, 411, 411]
    assert through == ["PUT"] * gate.MOST_FILES


def test_so_many_pages_are_open_and_no_more(tmp_path: Path) -> None:
    with serving(tmp_path, *FEW, "--sessions", "1") as (_, address), contextlib.ExitStack() as end:
        visits = [Visit(address, end) for _ in range(server.connections(1))]
        assert not opens(address)
        visits[0].socket.close()
        until(lambda: opens(address))


def opens(address: str) -> bool:
    with contextlib.ExitStack() as end:
        try:
            return bool(Visit(address, end))
        except InvalidStatus:
            return False


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_name_of_its_own_is_answered_behind_a_web_server(tmp_path: Path) -> None:
    with serving(tmp_path, *FEW, "--host", "lab.example.no") as (_, address):
        assert status(address, Host="lab.example.no", Origin="https://lab.example.no") == 200
        assert status(address, Host="other.example.no") == 421


def test_without_streamlit_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamlit", None)
    parser = Parser("lab", "")
    server.add_arguments(parser)
    with pytest.raises(InputError, match=r"pip install -e '\.\[lab\]'"):
        server.main(parser.read([]))


@pytest.mark.parametrize("address", ["192.0.2.1", "no such address", ""])
def test_an_address_that_is_not_this_machine_s_is_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"--(port|address)"), server.listening(address, 0):
        pass
