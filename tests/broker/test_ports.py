"""Where a broker that starts again listens: where it was, once the server of the one that was killed has let go."""

import socket
from pathlib import Path

import pytest

from broker import service


def held() -> tuple[socket.socket, int]:
    server = socket.create_server(("127.0.0.1", 0))
    return server, server.getsockname()[1]


def test_a_port_that_a_killed_brokers_server_still_holds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = held()
    monkeypatch.setattr(service.time, "sleep", lambda _: server.close())
    assert service._frees("127.0.0.1", port)


def test_a_port_that_another_program_keeps_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server, port = held()
    monkeypatch.setattr(service, "PORT_FREES", 0.0)
    with server:
        assert not service._frees("127.0.0.1", port)
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "port").write_text(str(port))
        assert service._last_port(tmp_path) is None


@pytest.mark.parametrize("text", ["", "x", "70000", "-1"])
def test_what_is_no_port_was_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "port").write_text(text)
    assert service._last_port(tmp_path) is None
