"""People are told once, told when it is well again, and nobody who cannot be reached delays anything."""

import json
import socket
from pathlib import Path

import pytest

from tests.postbox import Hook, Mailbox
from tests.programs import renewd, running, until
from tests.world import World

A, B = "a.example", "b.example"


def test_a_test_message_arrives_by_web_and_by_mail(world: World):
    with Hook() as hook, Mailbox() as mailbox:
        path = world.write(A, notify={"urls": [hook.url, mailbox.url]})
        sent = renewd(path, "notify", "test")
        assert sent.returncode == 0, sent.stderr
        assert "this is a test" in hook.messages[0]["message"]
        assert hook.messages[0]["title"].startswith("renewd: test (")
        assert "this is a test" in mailbox.mails[0]


def test_who_cannot_be_told_is_named_without_the_secret(world: World):
    with Hook() as hook:
        url = f"json://user:s3cr3t@127.0.0.1:{hook.port}/hook"
        hook.status = 500
        secret = world.folder / "url"
        secret.write_text(url)
        secret.chmod(0o600)
        path = world.write(A, notify={"urls": [{"file": str(secret)}, "nonsense://s3cr3t"]})
        sent = renewd(path, "notify", "test")
        assert sent.returncode == 1
        assert "notify.urls[0], notify.urls[1] did not take it" in sent.stderr
        assert "s3cr3t" not in sent.stdout + sent.stderr


def test_where_nobody_is_named_the_test_says_so(world: World):
    assert "no key `notify`" in renewd(world.write(A), "notify", "test").stderr


def test_a_failure_is_told_once_over_restarts_and_taken_back_when_it_is_well(world: World):
    world.sandbox.seed(A, days_left=None)
    world.sandbox.fault("order", "status=500", None)
    with Hook() as hook:
        path = world.write(A, notify={"urls": [hook.url]})
        with running(path) as daemon:
            daemon.wait_for("attempt.failed")
            daemon.wait_for("notify.sent")
            assert daemon.end() == 0
        (told,) = hook.messages
        assert told["type"] == "failure"
        assert told["title"].startswith(f"{A}: failed (")
        kept = world.folder / "sandbox" / "state" / "notices.json"
        assert json.loads(kept.read_text())["said"] == {f"failed/renewal/{A}": 0}
        with running(path) as daemon:
            daemon.wait_for("pass.ended")
            assert daemon.end() == 0
        assert len(hook.messages) == 1
        world.sandbox.faults.clear()
        assert renewd(path, "renew").returncode == 0
        with running(path) as daemon:
            daemon.wait_for("notify.sent")
            assert daemon.end() == 0
        assert hook.messages[1]["type"] == "success"
        assert hook.messages[1]["title"].startswith(f"{A}: well again (")
        assert json.loads(kept.read_text())["said"] == {}


def test_what_cannot_be_told_delays_nothing_and_is_told_later(world: World):
    for name in (A, B):
        world.sandbox.seed(name, days_left=None)
    with Hook() as hook:
        hook.status = 500
        path = world.write(A, B, notify={"urls": [hook.url], "on": ["renewed"]})
        with running(path) as daemon:
            assert daemon.wait_for("pass.ended")["renewed"] == 2
            daemon.wait_for("notify.failed")
            assert daemon.end() == 0


def runs(pid: str) -> bool:
    """Whether the process has not ended; of one that nobody has reaped yet there is no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def test_what_is_being_told_ends_with_the_daemon(world: World):
    world.sandbox.seed(A, days_left=None)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"json://127.0.0.1:{mute.getsockname()[1]}/?rto=600"
        with running(world.write(A, notify={"urls": [url], "on": ["renewed"]})) as daemon:
            daemon.wait_for("pass.ended")
            sender, _ = mute.accept()
            with sender:
                tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
                children = [pid for task in tasks for pid in (task / "children").read_text().split()]
                assert daemon.end() == 0
                until(lambda: not any(runs(pid) for pid in children))


@pytest.mark.parametrize("on", [["renewed"], ["failed"]])
def test_a_renewal_is_told_if_that_was_asked_for(world: World, on: list[str]):
    world.sandbox.seed(A, days_left=None)
    with Hook() as hook:
        path = world.write(
            A, notify={"urls": [hook.url], "on": on}, heartbeat=f"http://127.0.0.1:{hook.port}/beat"
        )
        with running(path) as daemon:
            daemon.wait_for("pass.ended")
            hook.wait(hits=1 + (on == ["renewed"]))
            assert daemon.end() == 0
        assert ["renewed until" in each["message"] for each in hook.messages] == [True] * (on == ["renewed"])


def test_validate_tells_addresses_that_no_service_takes(world):
    kept = world.folder / "address"
    kept.write_text("http://example.com")
    kept.chmod(0o600)
    urls = ["foo://x", "json://localhost/", {"file": str(kept)}, "mailto://u:p4nary@"]
    told = renewd(world.write(A, notify={"urls": urls}), "validate")
    assert told.returncode == 2
    assert [number for number in range(4) if f"notify.urls[{number}]: Apprise knows" in told.stderr] == [
        0,
        2,
        3,
    ]
    assert "p4nary" not in told.stderr
