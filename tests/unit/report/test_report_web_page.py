"""The page beside a daemon: it begins, follows the configuration and ends, and nothing that happens to it stops a renewal."""

import grp
import http.client
import os
import socket
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.daemon import events as own
from renewd.daemon.service import Daemon
from renewd.renewal import events
from renewd.report.web import looking
from renewd.report.web.attached import Attached
from renewd.report.web.events import PageFailed, PageServed
from tests.programs import until
from tests.world import World

A = "a.example"


@pytest.fixture
def world(tmp_path, clock):
    """A sandbox and a folder, on the fake clock."""
    world = World(tmp_path, clock)
    world.sandbox.seed(A, days_left=None)
    yield world
    world.close()


@pytest.fixture
def port():
    """A port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def start(world, monkeypatch):
    """A daemon with its page, as `renewd run` puts them together; ticks are the test's."""
    monkeypatch.setattr(looking, "PAUSE", 0.0)
    monkeypatch.setattr(looking, "SHARE", 0)
    started = []

    def start(**web):
        def emit(event):
            world.events.append(event)
            page.heard(event)

        page = Attached(emit, world.clock)
        path = world.write(A, **({"web": web} if web else {}))
        daemon = Daemon(path, emit, world.clock, ticked=page.ticked)
        page.daemon = daemon
        daemon.page = page
        world._contexts.append(daemon.context)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.emit(own.Leaving(signal=""))


def ask(place, path="/", **headers):
    """(status, text) from a port or a socket's path."""
    connection = http.client.HTTPConnection("127.0.0.1", place if isinstance(place, int) else 80, timeout=30)
    if not isinstance(place, int):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(place))
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def serves(place):
    try:
        return ask(place, "/livez")[0] == 200
    except OSError:
        return False


def settle(page):
    """Until all that happened has been looked at."""
    until(lambda: page._looking._seen == page.board.heard.changed and not page._looking._wanted.is_set())
    until(lambda: page.board.known is not None)


def listen(port):
    return {"listen": f"127.0.0.1:{port}"}


def test_without_the_key_nothing_is_imported_and_nothing_listens(start):
    daemon = start()
    daemon.tick()
    assert daemon.page._page is None


def test_what_a_pass_renews_stands_on_the_page(world, start, port):
    daemon = start(**listen(port))
    daemon.tick()
    assert [event.at for event in world.told(PageServed)] == [f"http://127.0.0.1:{port}/"]
    until(lambda: "All 1 are well" in ask(port)[1])
    status, text = ask(port, f"/certificate/{A}")
    assert status == 200
    assert "renewed" in text
    assert "order.creating" in text
    status, text = ask(port, "/metrics")
    assert 'renewd_attempts_total{outcome="renewed"} 1.0' in text
    assert f'renewd_certificate_usable{{name="{A}"}} 1' in text
    assert f'renewd_certificate_budget_left{{name="{A}"}} 2' in text
    assert ask(port, "/healthz") == (200, "healthy\n")


@pytest.mark.fault(74)
def test_a_refused_configuration_stands_on_the_page_and_in_the_metrics_until_a_right_one_comes(
    world, start, port
):
    daemon = start(**listen(port))
    daemon.tick()
    path = Path(daemon.path)
    right = path.read_text()
    path.write_text(f"{right}\nlogg: {{}}\n")
    assert not daemon.reload()
    assert "unknown key; did you mean log?" in ask(port)[1]
    assert "renewd_config_last_reload_successful 0" in ask(port, "/metrics")[1]
    assert "renewd_config_reload_failures_total 1" in ask(port, "/metrics")[1]
    path.write_text(right)
    assert daemon.reload()
    assert "did you mean" not in ask(port)[1]
    assert "renewd_config_last_reload_successful 1" in ask(port, "/metrics")[1]


def test_a_reload_moves_the_page_and_another_ends_it(world, start, port):
    daemon = start(**listen(port))
    daemon.tick()
    assert serves(port)
    path = world.folder / "web.sock"
    world.write(A, web={"socket": str(path)})
    assert daemon.reload()
    daemon.tick()
    assert not serves(port)
    assert serves(path)
    world.write(A)
    assert daemon.reload()
    daemon.tick()
    assert not path.exists()


def test_a_page_may_come_with_a_reload(world, start, port):
    daemon = start()
    daemon.tick()
    world.write(A, web=listen(port))
    assert daemon.reload()
    daemon.tick()
    assert serves(port)


def test_a_reload_that_changes_other_things_leaves_connections_alone(world, start, port):
    daemon = start(**listen(port))
    daemon.tick()
    serving = daemon.page._page._serving
    world.write(A, web=listen(port), log={"level": "warning"})
    assert daemon.reload()
    daemon.tick()
    assert daemon.page._page._serving is serving


def test_an_address_that_is_taken_is_told_once_and_renewing_goes_on(world, start, port, clock):
    with socket.create_server(("127.0.0.1", port)):
        daemon = start(**listen(port))
        for _ in range(3):
            daemon.tick()
            clock.advance(timedelta(minutes=1))
        (told,) = world.told(PageFailed)
        assert "address already in use" in told.why
        assert world.told(events.Renewed)
    daemon.tick()
    assert serves(port), "and it is tried again"


def test_the_leaving_daemon_leaves_no_socket_behind(world, start, port):
    path = world.folder / "web.sock"
    daemon = start(socket=str(path), **listen(port))
    daemon.tick()
    assert serves(port)
    assert serves(path)
    daemon.emit(own.Leaving(signal="SIGTERM"))
    assert not serves(port)
    assert not path.exists()


def test_a_unix_socket_is_for_its_owner_and_group_alone(world, start):
    path = world.folder / "web.sock"
    daemon = start(socket=str(path), group="daemon")
    daemon.tick()
    found = path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert Path(path).group() == "daemon"
    assert ask(path, "/livez", Host="renewd.example.net")[0] == 200, (
        "a web server in front names it as it likes"
    )


def test_a_group_that_is_not_there_is_told_and_nothing_is_open_to_others(world, start):
    path = world.folder / "web.sock"
    start(socket=str(path), group="no-such-group").tick()
    assert "there is no group no-such-group" in world.told(PageFailed)[0].why
    assert not path.exists()
    assert world.told(events.Renewed)


def test_a_folder_gives_its_group_where_files_may_not_be_given_away(world, start, monkeypatch):
    folder = world.folder / "page"
    folder.mkdir()
    os.chown(folder, -1, grp.getgrnam("daemon").gr_gid)
    folder.chmod(0o2750)
    monkeypatch.setattr(os, "chown", lambda *_: pytest.fail("that is not allowed"))
    start(socket=f"{folder}/web.sock", group="daemon").tick()
    assert (folder / "web.sock").group() == "daemon"


def test_a_socket_that_a_dead_process_left_is_taken_over_and_a_living_ones_is_not(world, start):
    path = world.folder / "web.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        daemon = start(socket=str(path))
        daemon.tick()
        assert "address already in use" in world.told(PageFailed)[0].why
    daemon.tick()
    assert serves(path)


def test_a_file_in_the_sockets_place_is_not_touched(world, start):
    path = world.folder / "web.sock"
    path.write_text("mine")
    start(socket=str(path)).tick()
    assert path.read_text() == "mine"
    assert world.told(PageFailed)


@pytest.mark.parametrize("text", ["short", ""])
def test_a_token_that_keeps_nobody_out_is_no_token(world, start, port, text):
    token = world.folder / "token"
    token.write_text("long-enough-to-begin-with")
    token.chmod(0o600)
    daemon = start(token={"file": str(token)}, **listen(port))
    token.write_text(text)
    daemon.tick()
    assert world.told(PageFailed)
    assert not serves(port)
    assert world.told(events.Renewed)
    token.write_text("a-token-that-is-long-enough")
    daemon.tick()
    assert ask(port, "/livez")[0] == 401
    assert ask(port, "/livez", Authorization="Bearer a-token-that-is-long-enough")[0] == 200


def test_a_page_whose_thread_died_begins_again_with_the_next_tick(start, port):
    daemon = start(**listen(port))
    daemon.tick()
    serving = daemon.page._page._serving
    serving._loop.call_soon_threadsafe(serving._server.leaving.set)
    serving._thread.join(30)
    assert not serves(port)
    daemon.tick()
    assert serves(port)


def test_a_missing_package_is_told_once_with_the_extra(world, start, port, monkeypatch):
    monkeypatch.delitem(sys.modules, "renewd.report.web.page", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "renewd.report.web.server", raising=False)
    daemon = start(**listen(port))
    daemon.tick()
    daemon.tick()
    (told,) = world.told(PageFailed)
    assert "renewd[web]" in told.remedy
    assert world.told(events.Renewed)


def test_a_look_that_fails_is_told_and_tried_again(world, start, port, monkeypatch):
    from renewd.report import snapshot

    daemon = start(**listen(port))
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "take", lambda _: 1 / 0)
        daemon.tick()
        until(lambda: world.told(PageFailed))
    assert "ZeroDivisionError" in world.told(PageFailed)[0].why
    daemon.tick()
    until(lambda: "All 1 are well" in ask(port)[1])


def test_a_journal_that_cannot_be_read_is_said_and_the_disk_is_shown(world, start, port):
    daemon = start(**listen(port))
    daemon.tick()
    until(lambda: "All 1 are well" in ask(port)[1])
    settle(daemon.page._page)
    daemon.context.close()
    database = Path(daemon.state_directory, "renewd.db")
    for each in database.parent.glob("renewd.db*"):
        each.unlink()
    database.mkdir()
    daemon.page._page._looking.want()
    until(lambda: "The journal could not be read" in ask(port)[1])
    assert "renewd_journal_readable 0" in ask(port, "/metrics")[1]
    assert f'renewd_certificate_usable{{name="{A}"}} 1' in ask(port, "/metrics")[1]


def test_what_another_process_did_is_looked_at_after_the_next_tick(world, start, port, clock):
    daemon = start(**listen(port))
    daemon.tick()
    until(lambda: "All 1 are well" in ask(port)[1])
    page = daemon.page._page
    settle(page)
    page._looking.ticked()
    assert not page._looking._wanted.is_set(), "nothing happened"
    seen = page.board.known
    os.utime(Path(daemon.state_directory, "renewd.db"))
    page.ticked()
    until(lambda: page.board.known is not seen)


def test_who_looks_at_what_is_old_has_it_looked_at_anew(world, start, port, clock):
    daemon = start(**listen(port))
    daemon.tick()
    until(lambda: "All 1 are well" in ask(port)[1])
    (world.folder / "live" / A / "fullchain.pem").unlink()
    clock.advance(timedelta(minutes=6))
    until(lambda: "missing" in ask(port)[1])


def test_nobodys_reading_holds_up_the_server(world, start, port, monkeypatch):
    from renewd.report.web import app

    monkeypatch.setattr(app, "_HISTORY_WITHIN", 0.05)
    daemon = start(**listen(port))
    daemon.tick()
    until(lambda: "All 1 are well" in ask(port)[1])
    hanging = socket.socketpair()
    page = daemon.page._page
    journal = daemon.context.journal
    monkeypatch.setattr(journal, "history", lambda *_: hanging[0].recv(1) and ())
    assert "the journal does not answer now" in ask(port, f"/certificate/{A}")[1]
    assert "the journal does not answer now" in ask(port, f"/certificate/{A}")[1]
    assert "too many look at once" in ask(port, f"/certificate/{A}")[1]
    assert ask(port, "/livez")[0] == 200
    assert page is not None
    for end in hanging:
        end.close()


def test_the_metrics_remember_the_last_pass_after_which_all_was_well(start, world, clock, port):
    def healthy():
        text = ask(port, "/metrics")[1]
        return [
            float(line.split()[1])
            for line in text.splitlines()
            if line.startswith("renewd_last_healthy_pass")
        ]

    world.sandbox.fault("order", "status=500", None)
    daemon = start(listen=f"127.0.0.1:{port}")
    daemon.tick()
    assert healthy() == []
    world.sandbox.faults.clear()
    clock.advance(timedelta(hours=14))
    daemon.tick()
    assert healthy() == [daemon.last_pass.timestamp()]
    well = daemon.last_pass
    daemon._well, daemon.last_pass = False, clock.now() + timedelta(hours=14)
    daemon.page.ticked(daemon)
    assert healthy() == [well.timestamp()]
