"""The command that serves the planners' page: how it starts, whom it answers, how it stops."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.options import Parser
from simulation.errors import InputError

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[lab]'")
from scenarios.lab import server

ROOT = Path(__file__).resolve().parent.parent


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
    )


@contextlib.contextmanager
def serving(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address that it says."""
    process = start(home, "--port", "0", *options)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), process.communicate()[1]
        yield process, address
    finally:
        process.kill()
        process.communicate()


def status(address: str, path: str = "/", **headers: str) -> int:
    asked = urllib.request.Request(address + path, headers=headers)
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
    with serving(tmp_path) as (_, address):
        assert status(address, "/_stcore/health") == 200
        assert status(address, "/elsewhere/_stcore/health") == 404


def test_only_the_page_and_what_it_needs_are_there_and_only_for_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, address):
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


def test_a_name_of_its_own_is_answered_behind_a_web_server(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "lab.example.no") as (_, address):
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
