"""The command line as a new user meets it: what each command says, its exit codes, and that wrong input costs nothing."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.certificates import Authority, negative
from tests.programs import renewd
from tests.world import World

A, B, SAN = "a.example", "b.example", "contoso.example,www.contoso.example"
TRACE = "Traceback"


def seeded(world: World, *names: str, **wishes: object) -> str:
    for name in names or (A,):
        world.sandbox.seed(name, **{"days_left": 80, **wishes})
    return world.write(*(names or (A,)))


def test_check_before_and_after(world: World):
    path = seeded(world, A, SAN)
    first = renewd(path, "check")
    assert first.returncode == 1
    assert "missing" in first.stdout
    assert renewd(path, "renew").returncode == 0
    second = renewd(path, "check")
    assert second.returncode == 0
    assert second.stdout.splitlines()[-1] == "2 watched · 2 ok"
    rows = json.loads(renewd(path, "check", "--json").stdout)["certificates"]
    assert [row["name"] for row in rows] == [A, SAN]
    assert rows[1]["domains"] == ["contoso.example", "www.contoso.example"]
    assert all(row["state"] == "ok" and row["problem"] is None for row in rows)


def test_one_renew_reloads_once_also_where_the_portal_holds_what_is_due_itself(world: World):
    ran = world.folder / "ran"
    ran.mkdir(mode=0o700)
    hooks = {hook: {"run": f"echo {hook} >>{ran}/log", "shell": True} for hook in ("check", "reload")}
    for name in (A, B):
        world.sandbox.seed(name, days_left=3, validated=True)
    path = world.write(*(world.entry(name, hooks=hooks) for name in (A, B)))
    done = renewd(path, "renew")
    assert done.returncode == 0, done.stderr
    assert (ran / "log").read_text().split() == ["check", "reload"]
    assert (world.calls(A, "order"), world.calls(B, "order")) == (1, 1)


def test_why_a_renewal_failed_is_told_also_where_what_the_portal_holds_went_live_instead(world: World):
    world.sandbox.seed(A, days_left=3, validated=True)
    world.sandbox.fault("order", "text-400=The plan is used up.", None)
    path = world.write(A)
    assert renewd(path, "renew").returncode == 1
    (row,) = json.loads(renewd(path, "status", "--json").stdout)["certificates"]
    assert "The plan is used up" in row["failure"]["message"]
    assert row["next_try_at"] is not None
    assert row["live"]["not_after"] is not None
    assert "The plan is used up" in renewd(path, "status").stdout
    assert "The plan is used up" in renewd(path, "why", A).stdout
    world.sandbox.faults.clear()
    assert renewd(path, "renew", A).returncode == 0
    assert json.loads(renewd(path, "status", "--json").stdout)["certificates"][0]["failure"] is None


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_what_libraries_warn_of_is_not_shown_to_people(world: World):
    odd = negative(Authority.new().issue([A]))
    folder = world.folder / "live" / A
    folder.mkdir(parents=True)
    (folder / "fullchain.pem").write_bytes(odd.leaf.public_bytes(Encoding.PEM))
    (folder / "privkey.pem").write_bytes(odd.key_pem)
    done = renewd(world.write(A), "check")
    assert str(folder) not in done.stdout, "the certificate is well as it is"
    assert done.stderr == ""


def test_a_rollback_that_holds_what_is_due_is_no_riddle(world: World):
    world.sandbox.seed(A, days_left=3, validated=True)
    path = world.write(A)
    world.sandbox.fault("order", "status=500", None)
    renewd(path, "renew")
    world.sandbox.faults.clear()
    assert renewd(path, "renew", A).returncode == 0
    assert renewd(path, "rollback", A).returncode == 0
    (row,) = json.loads(renewd(path, "status", "--json").stdout)["certificates"]
    assert row["state"] == "due"
    assert row["rolled_back_until"] is not None
    said = renewd(path, "status").stdout
    assert f"a rollback by hand holds until {row['rolled_back_until'][:10]}" in said
    assert "nothing was tried" not in said
    assert f"renewd deploy {A}" in renewd(path, "why", A).stdout
    assert renewd(path, "deploy", A).returncode == 0
    (row,) = json.loads(renewd(path, "status", "--json").stdout)["certificates"]
    assert (row["state"], row["rolled_back_until"]) == ("ok", None)


def test_check_needs_no_network_no_state_and_no_secrets(world: World):
    path = seeded(world)
    renewd(path, "renew")
    world.sandbox.close()
    os.remove(world.sandbox.api_key_path)
    state = world.folder / "sandbox" / "state"
    for each in sorted(state.rglob("*"), reverse=True):
        each.unlink() if not each.is_dir() else each.rmdir()
    assert renewd(path, "check").returncode == 0
    assert not any(state.rglob("*")), "and it leaves none"


def test_a_name_is_found_however_it_is_spaced_and_cased(world: World):
    path = seeded(world, SAN)
    assert renewd(path, "check", "www.contoso.example, Contoso.example").returncode == 1
    unknown = renewd(path, "check", "contosso.example")
    assert unknown.returncode == 2
    assert "contosso.example" in unknown.stderr


@pytest.mark.parametrize(
    "command",
    ["check", "renew", "preflight", "deploy", "rollback", "why", "history", "status", "forget"],
)
def test_an_unknown_name_is_2_everywhere(world: World, command: str):
    wrong = renewd(seeded(world), command, "nobody.example")
    assert wrong.returncode == 2
    assert "nobody.example" in wrong.stderr
    assert TRACE not in wrong.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("chek",),
        ("check", "--jsn"),
        ("renew", "--wait", "soon"),
        ("rollback",),
        ("finalize", A),
        ("renew", "--force"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_2_in_a_line_or_two(world: World, args: tuple[str, ...]):
    wrong = renewd(seeded(world), *args)
    assert wrong.returncode == 2
    assert 1 <= len(wrong.stderr.splitlines()) <= 2
    assert TRACE not in wrong.stderr


@pytest.mark.parametrize(
    "command", ["check", "run", "renew", "status", "validate", "preflight", "recover", "health"]
)
@pytest.mark.parametrize(
    "content",
    ["", "issuers: [", "certificates: {}\n", "\0", None],
    ids=["empty", "cut", "wrong", "nul", "absent"],
)
def test_a_wrong_file_is_2_everywhere(world: World, command: str, content: str | None):
    path = world.folder / "wrong.yaml"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    wrong = renewd(str(path), command)
    assert wrong.returncode == 2, wrong.stderr
    assert str(path) in wrong.stderr
    assert TRACE not in wrong.stderr


def test_validate_tells_every_fault_in_one_go(world: World):
    path = Path(
        world.write(
            world.entry(A, renew_befor="30d"),
            world.entry(B, hooks={"reload": "/usr/sbin/ngnix -s reload"}),
            world.entry("c.example", install={"directory": str(world.folder / "live" / A)}),
        )
    )
    wrong = renewd(str(path), "validate")
    assert wrong.returncode == 2
    for said in ("did you mean renew_before?", "/usr/sbin/ngnix: no such program", "the same"):
        assert said in wrong.stderr
    assert all(line.startswith(f"{path}:") for line in wrong.stderr.splitlines()[:-1])
    assert wrong.stderr.splitlines()[-1].startswith("3 faults.")


def test_the_schema_and_the_start_are_printed(world: World):
    schema = renewd("/nonexistent", "validate", "--schema")
    assert schema.returncode == 0
    assert "certificates" in json.loads(schema.stdout)["properties"]
    start = renewd("/nonexistent", "init")
    assert start.returncode == 0
    (world.folder / "start.yaml").write_text(start.stdout)
    checked = renewd(str(world.folder / "start.yaml"), "validate")
    assert "unknown key" not in checked.stderr


def test_the_plan_shows_the_year_ahead(world: World):
    path = seeded(world, A, B)
    renewd(path, "renew")
    found = json.loads(renewd(path, "plan", "--json").stdout)
    assert {each["name"] for each in found["renewals"]} == {A, B}
    assert len(found["renewals"]) == sum(week["renewals"] for week in found["weeks"])
    assert {week["limit"] for week in found["weeks"]} == {None}
    shown = renewd(path, "plan", "--days", "30")
    assert shown.returncode == 0
    assert "no week meets a limit" in shown.stdout


def test_dry_run_says_what_would_be_done_and_does_nothing(world: World):
    path = seeded(world)
    said = renewd(path, "renew", "--dry-run")
    assert said.returncode == 0
    assert A in said.stdout
    assert not world.sandbox.portal.calls
    assert not (world.folder / "live").exists()


def test_force_renews_the_named_one_and_nothing_else(world: World):
    path = seeded(world, A, B)
    renewd(path, "renew")
    assert renewd(path, "renew", "--force", A).returncode == 0
    assert (world.calls(A, "order"), world.calls(B, "order")) == (1, 0)


def test_a_failure_is_1_told_with_what_to_do_and_kept_for_why_and_status(world: World):
    path = seeded(world, A, days_left=None)
    world.sandbox.fault("finalize", "wrong-key")
    failed = renewd(path, "renew")
    assert failed.returncode == 1
    assert TRACE not in failed.stdout + failed.stderr
    assert renewd(path, "status").returncode == 1
    why = renewd(path, "why", A)
    assert why.returncode == 0
    assert "last try" in why.stdout
    attempts = json.loads(renewd(path, "history", A, "--json").stdout)["attempts"]
    assert attempts[0]["outcome"] == "refused"


def test_what_needs_longer_than_the_wait_is_parked_and_taken_up_by_the_next_renew(world: World):
    path = seeded(world, A, days_left=None)
    world.sandbox.fault("finalize", "lose-reply")
    parked = renewd(path, "renew", "--wait", "0s")
    assert parked.returncode == 1
    assert "parked" in parked.stdout
    assert renewd(path, "renew").returncode == 0
    assert world.calls(A, "order") == world.calls(A, "finalize") == 1


def test_finalize_by_hand(world: World):
    path = seeded(world, A, days_left=None, validated=True)
    order = world.sandbox.portal.order(A)
    done = renewd(path, "finalize", A, "--order-uri", order.uri)
    assert done.returncode == 0, done.stdout + done.stderr
    assert renewd(path, "check").returncode == 0
    wrong = renewd(path, "finalize", A, "--order-uri", "ftp://nowhere/1")
    assert wrong.returncode == 1
    assert TRACE not in wrong.stderr
    none = renewd(path, "finalize", A, "--order-uri", "")
    assert none.returncode == 2
    assert "no order is meant" in none.stderr


def test_preflight_finds_what_would_stop_a_renewal(world: World):
    path = seeded(world)
    assert renewd(path, "preflight").returncode == 0
    Path(world.sandbox.api_key_path).write_text("wrong\n")
    refused = renewd(path, "preflight", "--json")
    assert refused.returncode == 1
    findings = json.loads(refused.stdout)["findings"]
    assert {"name", "level", "what", "remedy"} <= set(findings[0])
    assert [finding["level"] for finding in findings].count("blocks") == 1


def test_rollback_without_a_version_before_is_told(world: World):
    path = seeded(world)
    renewd(path, "renew")
    nothing = renewd(path, "rollback", A)
    assert nothing.returncode == 1
    assert "no version before" in nothing.stderr
    wrong = renewd(path, "rollback", A, "--to", "20200101T000000Z-00000000")
    assert wrong.returncode == 2
    assert "20" in wrong.stderr


def test_an_absent_owner_holds_its_certificate_and_is_told_beside_the_others(world: World):
    world.sandbox.seed(A, days_left=60)
    held = world.entry(
        B, install={"directory": str(world.folder / "live" / B), "owner": "nobody-of-that-name"}
    )
    path = world.write(A, held)
    assert renewd(path, "renew").returncode == 1
    told = renewd(path, "status", "--json")
    assert [row["state"] for row in json.loads(told.stdout)["certificates"]] == ["ok", "missing"]
    assert "no user nobody-of-that-name" in " ".join(renewd(path, "why", B).stdout.split())
    refused = renewd(path, "finalize", B, "--order-uri", "https://ca.example/order/1")
    assert (refused.returncode, world.calls(B, "finalize")) == (1, 0)
    assert "held" in refused.stdout


def test_quiet_prints_nothing_when_all_is_well(world: World):
    path = seeded(world)
    done = renewd(path, "renew", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_of_renew_is_one_document(world: World):
    done = renewd(seeded(world), "renew", "--json")
    assert json.loads(done.stdout)["outcomes"][0]["result"] == "adopted"


def test_a_pipe_gets_no_colour_and_no_cursor_moves(world: World):
    path = seeded(world)
    assert "\x1b" not in renewd(path, "renew").stdout + renewd(path, "check").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(world: World, shell: str):
    assert "renewd" in renewd(seeded(world), "completion", shell).stdout


def test_no_secret_is_printed_or_kept(world: World):
    path = seeded(world, A, days_left=None)
    world.sandbox.fault("certificate", "text-400=no", 1)
    said = "".join(
        done.stdout + done.stderr
        for done in (
            renewd(path, *args)
            for args in (
                ("renew",),
                ("status",),
                ("history", "--json"),
                ("why", A),
                ("preflight",),
                ("renew", "--force", A),
            )
        )
    )
    state = b"".join(
        file.read_bytes() for file in (world.folder / "sandbox" / "state").rglob("*") if file.is_file()
    )
    assert world.sandbox.api_key not in said
    assert world.sandbox.api_key.encode() not in state
    assert "sig=" not in said
    assert b"sig=" not in state
