"""Real processes: every way a hook can end, or not end."""

import os
import pwd
import resource
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from renewd.clock import SystemClock
from renewd.config.targets import HookCommand
from renewd.hooks import child, command, descendants
from renewd.hooks.command import Ran
from renewd.hooks.variables import VARIABLES

LONG = 600  # a hook given this much is expected to end well before


def hook(*argv: str, timeout: float = LONG, user: str | None = None) -> HookCommand:
    return HookCommand(argv, " ".join(argv), timedelta(seconds=timeout), user)


def sh(line: str, **options) -> HookCommand:
    return hook("/bin/sh", "-c", line, **options)


def run(told: HookCommand, variables=None, **options) -> Ran:
    return command.run(told, variables or {}, **options)


def alive(pid: int) -> bool:
    """A process that is gone, or ended and not reaped by whoever adopted it, is not alive."""
    process = descendants._process(pid)
    return process is not None and process.state != "Z"


def pids(folder) -> list[int]:
    """Of the processes that wrote theirs into files of this folder."""
    return [int(file.read_text()) for file in folder.iterdir()]


def test_a_hook_that_ends_with_0_went_well():
    ran = run(sh("echo out; echo err >&2"))
    assert (ran.ok, ran.why, ran.output) == (True, "", "out\nerr")
    assert ran.seconds >= 0


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    ("told", "why"),
    [
        pytest.param(sh("exit 3"), "ended with 3", id="an exit code"),
        pytest.param(sh("kill -KILL $$"), "killed by signal 9 (SIGKILL)", id="a signal with a name"),
        pytest.param(sh("kill -40 $$"), "killed by signal 40", id="a real-time signal"),
        pytest.param(hook("ngnix", "-t"), "ngnix: no such program", id="a program that is not there"),
        pytest.param(
            hook("/no/such/thing"), "/no/such/thing: no such program", id="a path that is not there"
        ),
        pytest.param(hook("/etc"), "/etc: is a folder, not a program", id="a folder"),
        pytest.param(hook(), "an empty command: no such program", id="nothing at all"),
        pytest.param(
            hook("true", user="nobody-there"), "there is no user nobody-there to run it as", id="no such user"
        ),
    ],
)
def test_a_failure_is_told_in_words(told, why):
    ran = run(told)
    assert (ran.ok, ran.why) == (False, why)


@pytest.mark.fault(85)
def test_a_file_that_is_not_executable_is_named_with_the_remedy(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert run(hook(str(script))).why == f"{script}: is not executable; chmod +x {script} makes it so"


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            "#!/no/such/interpreter\n",
            "the interpreter named in its first line is not there",
            id="interpreter",
        ),
        pytest.param(
            "echo hello\n",
            "it is no program: a script needs a first line such as #!/bin/sh",
            id="no first line",
        ),
    ],
)
def test_a_script_that_the_kernel_does_not_take_is_told_in_words(tmp_path, text, why):
    script = tmp_path / "script"
    script.write_text(text)
    script.chmod(0o700)
    assert run(hook(str(script))).why == f"{script}: {why}"


@pytest.mark.fault(98)
def test_a_hook_finds_nothing_in_its_environment_but_what_it_is_told(monkeypatch):
    for name in ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "HTTPS_PROXY", "RENEWD_SECRET", "LISTEN_FDS"):
        monkeypatch.setenv(name, "secret")
    ran = run(hook("env"), {"RENEWD_NAME": "shop.example"})
    found = dict(line.split("=", 1) for line in ran.output.splitlines())
    assert set(found) == {"PATH", "LANG", "RENEWD_NAME", "RENEWD_HOOK_ID"}
    assert found["LANG"] == "C.UTF-8"
    assert found["RENEWD_NAME"] == "shop.example"


def test_variables_never_replace_what_is_renewds_own():
    assert command.environment({"PATH": "/evil"}, "1-1")["PATH"].startswith("/usr/local/sbin:")
    assert not set(VARIABLES) & set(command.environment({}, "1-1"))


def test_a_hook_runs_in_the_root_folder_with_a_narrow_umask_and_nothing_to_read():
    ran = run(sh("pwd; umask; cat; ls /proc/self/fd | wc -l"))
    assert ran.output.splitlines() == ["/", "0077", "4"]  # 0, 1, 2, and the folder that ls looks at


def test_no_open_file_of_renewds_reaches_a_hook(tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        assert "lock" not in run(sh("ls -l /proc/self/fd")).output


def test_arguments_are_words_that_no_shell_sees():
    assert run(hook("echo", "$HOME; *", "a b")).output == "$HOME; * a b"


@pytest.mark.fault(82)
def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path):
    ran = run(sh(f"sleep {LONG} & echo $! > {tmp_path}/pid; echo done"))
    (left,) = pids(tmp_path)
    assert (ran.ok, ran.output) == (True, "done")
    assert alive(left), "a hook may start what is to stay"
    os.kill(left, signal.SIGKILL)


@pytest.mark.fault(82)
def test_a_hook_that_closes_its_output_is_still_waited_for(tmp_path):
    ran = run(sh(f"exec >&- 2>&-; sleep 0.2; echo yes > {tmp_path}/done"))
    assert ran.ok
    assert (tmp_path / "done").exists()


@pytest.mark.fault(81, 83)
def test_a_hook_that_outlives_its_time_is_ended_with_its_children(tmp_path):
    ran = run(
        sh(
            f"sleep {LONG} & echo $! > {tmp_path}/child;"
            f"setsid sh -c 'echo $$ > {tmp_path}/left-the-session; sleep {LONG}' &"
            f"(setsid sh -c 'echo $$ > {tmp_path}/forked-twice; sleep {LONG}' &) ;"
            f"env -i setsid /bin/sh -c 'echo $$ > {tmp_path}/empty-environment; sleep {LONG}' & sleep {LONG}",
            timeout=1,
        )
    )
    assert (ran.ok, ran.why) == (False, "ran longer than 1 s and was ended, with its children")
    assert len(pids(tmp_path)) == 4
    assert not [pid for pid in pids(tmp_path) if alive(pid)]


@pytest.mark.fault(81)
def test_a_hook_that_does_not_listen_to_term_is_killed(tmp_path):
    ran = run(
        sh(f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done", timeout=0.5), grace=0.2
    )
    assert not ran.ok
    assert not [pid for pid in pids(tmp_path) if alive(pid)]


@pytest.mark.fault(81)
def test_a_stopped_hook_is_killed(tmp_path):
    ran = run(sh(f"echo $$ > {tmp_path}/pid; kill -STOP $$", timeout=0.5), grace=0.1)
    assert not ran.ok
    assert not [pid for pid in pids(tmp_path) if alive(pid)]


def test_a_hook_may_tidy_up_when_it_is_asked_to_end():
    ran = run(sh(f"trap 'echo tidied; exit 0' TERM; echo begun; sleep {LONG} & wait", timeout=0.5))
    assert (ran.ok, ran.output) == (False, "begun\ntidied")


@pytest.mark.fault(84)
def test_a_flood_of_output_neither_blocks_nor_is_kept():
    ran = run(sh("cat /dev/zero", timeout=0.5), grace=0.1)
    assert not ran.ok
    assert len(ran.output) < 66000


@pytest.mark.fault(84)
def test_the_last_of_a_long_output_is_kept():
    ran = run(sh("seq 1 100000; echo the end"))
    assert ran.ok
    assert ran.output.endswith("100000\nthe end")
    assert ran.output.startswith("(the beginning is left out)\n")
    assert len(ran.output) < 66000


def test_leaving_ends_a_hook_that_is_under_way(tmp_path):
    stop = threading.Event()
    done: list[Ran] = []
    line = f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; sleep {LONG}"
    thread = threading.Thread(target=lambda: done.append(run(sh(line), stop=stop)))
    thread.start()
    pause = threading.Event()
    while not (tmp_path / "pid").exists():
        pause.wait(0.01)
    stop.set()
    thread.join()
    assert done[0].why == "ended because renewd is leaving"
    assert not alive(pids(tmp_path)[0])


def test_nothing_is_started_while_leaving(tmp_path):
    stop = threading.Event()
    stop.set()
    ran = run(sh(f"touch {tmp_path}/was-run"), stop=stop)
    assert ran.why == "not started because renewd is leaving"
    assert not (tmp_path / "was-run").exists()


def test_no_descriptor_and_no_zombie_is_left_behind():
    def children() -> set[int]:
        return {process.pid for process in descendants._table().values() if process.parent == os.getpid()}

    run(sh("true"))
    files, processes = len(os.listdir("/proc/self/fd")), children()
    for line in ("true", "exit 1", "sleep 0.05 & true", "(setsid true &)"):
        run(sh(line))
    run(hook("/no/such/thing"))
    assert len(os.listdir("/proc/self/fd")) == files
    pause = threading.Event()
    while children() - processes:  # the two that live on do so for a moment only
        pause.wait(0.01)
        descendants.reap()


def test_hooks_of_several_threads_do_not_disturb_each_other():
    results: list[Ran] = []
    threads = [
        threading.Thread(
            target=lambda code=code: results.append(run(sh(f"(setsid true &); echo {code}; exit {code}")))
        )
        for code in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((ran.output, ran.why) for ran in results) == sorted(
        (str(code), f"ended with {code}" if code else "") for code in range(16)
    )


def test_a_hook_runs_as_another_user_where_renewd_is_root_and_is_refused_where_not():
    ran = run(sh("id -un; id -Gn", user="daemon"))
    if os.geteuid() == 0:
        assert ran.output.splitlines() == ["daemon", "daemon"]
    else:
        assert ran.why == "only root can run it as daemon, and renewd does not run as root"


def test_only_root_can_become_another_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (
        run(hook("true", user="daemon")).why
        == "only root can run it as daemon, and renewd does not run as root"
    )


def test_running_as_oneself_needs_no_root():
    assert run(hook("true", user=pwd.getpwuid(os.geteuid()).pw_name)).ok


@pytest.mark.fault(105)
def test_a_full_table_of_processes_is_a_failed_hook_and_nothing_more(monkeypatch):
    """The limit binds no root, so the error of fork is put in its place."""

    def full(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", full)
    assert run(hook("true")).why == "true: no process could be started: too many are running"


@pytest.mark.fault(104)
def test_no_free_descriptor_is_a_failed_hook_and_nothing_more():
    run(hook("true"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd")))
    outcomes = set()
    for spare in range(12):
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, hard))
        try:
            outcomes.add(run(sh("exit 5")).why)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert outcomes <= {
        "ended with 5",
        "/bin/sh: no process could be started: renewd has too many files open",
    }
    assert run(hook("true")).ok


class BrokenClock(SystemClock):
    """Stands for anything unforeseen in renewd itself while a hook runs."""

    def __init__(self) -> None:
        self.asked = 0

    def monotonic(self) -> float:
        self.asked += 1
        if self.asked > 3:
            raise ZeroDivisionError
        return super().monotonic()


def test_no_hook_outlives_an_error_of_renewds_own(tmp_path):
    line = f"echo $$ > {tmp_path}/pid; sleep {LONG}"
    with pytest.raises(ZeroDivisionError):
        run(sh(line), clock=BrokenClock())
    assert not [pid for pid in pids(tmp_path) if alive(pid)]
    assert not descendants._running


def test_a_process_that_cannot_be_watched_is_ended(monkeypatch):
    def none_left(pid):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", none_left)
    assert (
        run(sh(f"sleep {LONG}")).why == "/bin/sh: no process could be started: renewd has too many files open"
    )
    assert not descendants._running


@pytest.mark.fault(81)
def test_a_hook_that_outlives_even_kill_is_given_up(monkeypatch):
    """One that hangs in the kernel cannot be made here, so a kill that does nothing stands for it."""
    monkeypatch.setattr(child, "_DYING", 0.2)
    monkeypatch.setattr(os, "killpg", lambda *_: None)
    monkeypatch.setattr(descendants, "_kill", lambda _: None)
    ran = run(sh("sleep 3", timeout=0.2), grace=0.1)
    assert ran.why == "ran longer than 0.2 s and was ended, with its children; it cannot be killed"


FULL = """
import os, resource, sys
from datetime import timedelta
from renewd.config.targets import HookCommand
from renewd.hooks import command, descendants

told = HookCommand(("/bin/true",), "/bin/true", timedelta(seconds=20), None)
assert command.run(told, {}).ok  # all that is needed is loaded now
if os.geteuid() == 0:  # the limit binds no root
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
files = len(os.listdir("/proc/self/fd"))
print(command.run(told, {}).why)
assert len(os.listdir("/proc/self/fd")) == files
"""


@pytest.mark.fault(105)
@pytest.mark.usefixtures("uncounted")
def test_a_user_who_may_have_no_more_processes_has_a_failed_hook_and_nothing_more():
    """The kernel's own refusal to fork, in a process that is another user's."""
    ended = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False)
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert ended.stdout == "/bin/true: no process could be started: too many are running\n"
