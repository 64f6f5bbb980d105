"""`status` and `why` from what is on disk and what the journal knows."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from renewd.config.targets import Target
from renewd.daemon.presence import Presence
from renewd.journal import Failure, Journal, State, Step
from renewd.planning.suggested import Suggestion, Window, sooner
from renewd.renewal.findings import Finding, Newest
from renewd.report import known, status, why
from renewd.report.known import NOTHING, Known
from tests import pages
from tests.clocks import START

REFUSED = Failure("challenge", "ChallengeFailed", "the CA saw 404", "serve the file")
IDLE = Presence(running=False)


@pytest.fixture
def failed(attempt, now):
    return attempt(failure=REFUSED, next_try_at=now + timedelta(minutes=50))


@pytest.fixture
def owing(attempt, now):
    debt = attempt(
        outcome="owed",
        state=State.HOOKS_PENDING,
        owed=("reload",),
        failure=Failure("reload", "HookFailed", "nginx ended with 1"),
        next_try_at=now + timedelta(minutes=5),
    )
    return Known(last=debt, debt=debt)


@pytest.fixture
def waiting(attempt, now):
    parked = attempt(
        outcome=None,
        ended_at=None,
        state=State.FINALIZE_INTENT,
        order_uri="https://ca.example/order/7",
        failure=Failure("finalize", "Throttled", "the service asked to wait"),
        next_try_at=now + timedelta(hours=1),
    )
    return Known(last=parked, under_way=parked)


@pytest.fixture
def running(attempt):
    now_running = attempt(
        outcome=None, ended_at=None, state=State.FINALIZE_INTENT, order_uri="https://ca.example/order/8"
    )
    return Known(last=now_running, under_way=now_running)


def row(look, facts, now):
    (found,) = status.document([(look, facts)], IDLE)["certificates"]
    return found


def shown(rows, now, daemon=IDLE):
    return status.text(rows, daemon, now, io.StringIO())


def test_a_target_of_which_nothing_is_known_has_null_facts(look, now):
    assert row(look("contoso.com"), NOTHING, now) == {
        "name": "contoso.com",
        "state": "missing",
        "renew_at": None,
        "next_try_at": None,
        "owed": [],
        "failure": None,
        "fallback": None,
        "suggestion": None,
        "order": None,
        "live": None,
        "served": None,
        "preflight": None,
        "held": None,
        "rolled_back_until": None,
    }


def test_a_well_target_tells_what_is_live_and_what_was_served(look, now):
    seen = Step(now - timedelta(days=1), "confirm.served", {"serial": "4F:9A:00:FF"})
    found = row(look("contoso.com", 80), Known(served=seen, version="v1"), now)
    assert found["live"] == {"version": "v1", "serial": "4F:9A:00:FF", "not_after": "2027-02-11T12:00:00Z"}
    assert found["served"] == {"serial": "4F:9A:00:FF", "checked_at": "2026-11-22T12:00:00Z", "problem": None}


def test_a_failure_is_told_with_its_time_its_remedy_and_the_next_try(look, failed, now):
    found = row(look("contoso.com", 5), Known(last=failed), now)
    assert found["next_try_at"] == "2026-11-23T12:50:00Z"
    assert found["failure"] == {
        "at": "2026-11-23T09:00:40Z",
        "issuer": "rcl",
        "stage": "challenge",
        "message": "the CA saw 404",
        "remedy": "serve the file",
    }


def test_an_order_under_way_is_told(look, waiting, now):
    found = row(look("contoso.com", 5), waiting, now)
    assert found["order"] == {"uri": "https://ca.example/order/7", "state": "finalize_intent"}
    assert found["failure"]["message"] == "the service asked to wait"


def test_what_is_owed_is_told_even_while_the_certificate_is_well(look, owing, now):
    found = row(look("contoso.com", 80), owing, now)
    assert (found["state"], found["owed"]) == ("ok", ["reload"])


def test_the_daemon_is_told(now):
    daemon = Presence(running=True, pid=123, last_pass=now, next_pass=now + timedelta(hours=12))
    assert status.document([], daemon)["daemon"] == {
        "running": True,
        "pid": 123,
        "last_pass": "2026-11-23T12:00:00Z",
        "next_pass": "2026-11-24T00:00:00Z",
        "clock": None,
    }
    assert shown([], now, daemon).startswith("the daemon runs (pid 123) · last pass now · next in 12 hours\n")


@pytest.mark.parametrize(
    ("last_pass", "said"),
    [
        pytest.param(None, "no daemon is running\n", id="there never was one"),
        pytest.param(
            timedelta(hours=3), "no daemon is running; its last pass was 3 hours ago\n", id="it is gone"
        ),
    ],
)
def test_a_daemon_that_does_not_run_is_told(now, last_pass, said):
    daemon = Presence(running=False, last_pass=last_pass and now - last_pass)
    assert shown([], now, daemon).startswith(said)


def test_the_text_has_what_needs_somebody_last(look, failed, owing, waiting, running, now):
    rows = [
        (look("contoso.com", 5), Known(last=failed)),
        (look("fine.example", 80), NOTHING),
        (look("owing.example", 80), owing),
        (look("waiting.example", 5), waiting),
        (look("running.example", 29), running),
        (look("late.example", 15), NOTHING),
        (look("bad.example", 40, state="invalid", problem="it is damaged"), NOTHING),
    ]
    assert shown(rows, now) == (
        "no daemon is running\n"
        "  fine.example     ok       renews in 50 days     expires 2027-02-11\n"
        "  running.example  due      finalizing, under way since 3 hours\n"
        "  contoso.com      due      next try in 50 minutes\n"
        "      challenge, 2 hours ago: the CA saw 404\n"
        "      do: serve the file\n"
        "  owing.example    ok       next try in 5 minutes\n"
        "      reload, 2 hours ago: nginx ended with 1\n"
        "      owed: reload\n"
        "  waiting.example  due      next try in 60 minutes\n"
        "      finalize, 2 hours ago: the service asked to wait\n"
        "  late.example     due      renews at next pass   expires 2026-12-08\n"
        "      overdue: wanted since 15 days, and nothing was tried\n"
        "  bad.example      invalid  renews at next pass   expires 2027-01-02\n"
        "      it is damaged   /live/bad.example/fullchain.pem\n"
        "7 watched · 5 in trouble: renewd why contoso.com\n"
    )


def test_all_well_is_said(look, now):
    assert shown([(look("a.example", 80), NOTHING)], now).endswith("1 watched · all well\n")
    assert shown([], now).endswith("0 watched\n")


def test_status_is_well_unless_something_failed_is_overdue_or_owed(look, failed, owing, running, now):
    fine = look("contoso.com", 80)
    assert status.well(
        [(fine, NOTHING), (look("b.example", 29), running), (look("c.example", 29), NOTHING)], now
    )
    assert not status.well([(fine, Known(last=failed))], now)
    assert not status.well([(fine, owing)], now)
    assert not status.well([(look("contoso.com", 20), NOTHING)], now)
    assert not status.well([(look("contoso.com", -1), NOTHING)], now)
    assert not status.well([(look("contoso.com"), NOTHING)], now)


def test_a_try_whose_time_has_come_is_made_with_the_next_pass(look, attempt, now):
    late = Known(last=attempt(failure=REFUSED, next_try_at=now - timedelta(minutes=1)))
    assert "next try with the next pass" in shown([(look("contoso.com", 5), late)], now)


def test_what_is_known_is_gathered_from_a_real_journal(tmp_path, clock):
    with Journal.open(str(tmp_path), clock) as journal:
        first = journal.begin("a.example", "a.example", "renewal", issuer="rcl", fence=0)
        journal.note(first, "confirm.served", serial="4F")
        paid = journal.end(first, "owed", owed=("post",))
        under_way = journal.begin("b.example", "b.example", "renewal", issuer="rcl", fence=0)
        gathered = known.gather(journal, {"a.example": "v1", "b.example": None, "c.example": None})
    served = gathered["a.example"].served
    assert gathered["a.example"] == Known(last=paid, debt=paid, served=served, version="v1")
    assert served.facts == {"serial": "4F"}
    assert gathered["b.example"] == Known(last=under_way, under_way=under_way)
    assert gathered["c.example"] == NOTHING


def test_without_a_journal_only_the_live_version_is_known():
    assert known.gather(None, {"a.example": "v1"}) == {"a.example": Known(version="v1")}


def screen(look, facts=NOTHING, now=None, **more):
    return why.text(why.Subject(look, facts, **more), now)


KEYS = {"hooks": {"check": "nginx -t", "reload": "nginx -s reload"}, "confirm": {"connect": "127.0.0.1:443"}}


def test_why_is_one_screen_with_all_that_is_known(look, attempt, failed, now):
    before = attempt(outcome="renewed", failure=None)
    text = screen(
        look("contoso.com,www.contoso.com", 5, KEYS),
        Known(last=failed),
        now,
        history=[(failed, ()), (failed, ()), (before, ())],
        together=("shopeneur.com",),
        budget="3 of 5 failed validations an hour are used",
    )
    assert text == (
        "contoso.com, www.contoso.com — due since 25 days, not renewed\n"
        "  wanted      renewal since 2026-10-29 12:00 UTC (a third of 90 days before the\n"
        "              end was 25 days ago)\n"
        "  time left   5 days; a renewal has been taking 40 seconds\n"
        "  live        /live/contoso.com+www.contoso.com/fullchain.pem, expires\n"
        "              2026-11-28 12:00 UTC, serial 4F:9A:00:FF\n"
        "  last try    2 hours ago, failed at the challenge: the CA saw 404\n"
        "  next try    in 50 minutes (try 3); 3 of 5 failed validations an hour are used\n"
        "  then        check `nginx -t`, reload `nginx -s reload` together with\n"
        "              shopeneur.com; confirm 127.0.0.1:443\n"
        "  do          serve the file, then:\n"
        "              renewd renew contoso.com,www.contoso.com\n"
    )


@pytest.mark.parametrize(
    ("days", "headline", "todo"),
    [
        pytest.param(80, "contoso.com — ok\n", "do          nothing\n", id="all is well"),
        pytest.param(
            -3,
            "contoso.com — expired since 3 days, not renewed\n",
            "renewd renew contoso.com\n",
            id="too late",
        ),
        pytest.param(
            None, "contoso.com — missing\n", "renewd renew contoso.com\n", id="nothing is there yet"
        ),
    ],
)
def test_why_says_first_how_it_is_and_last_what_to_do(look, now, days, headline, todo):
    text = screen(look("contoso.com", days), now=now)
    assert text.startswith(headline)
    assert text.endswith(todo)


def test_why_tells_a_debt_and_how_to_pay_it(look, owing, now):
    text = screen(look("contoso.com", 80), owing, now)
    assert text.startswith("contoso.com — ok, and reload is owed\n")
    assert text.endswith("wait for renewd, or at once:\n              renewd deploy contoso.com\n")


def test_why_tells_what_is_under_way(look, waiting, now):
    text = screen(look("contoso.com", 5), waiting, now)
    assert text.startswith("contoso.com — due, a renewal is under way\n")
    assert "put down, at the finalize: the service asked to wait" in text
    assert "order       https://ca.example/order/7, finalizing\n" in text


def test_why_tells_a_try_that_went_well_and_what_is_served(look, attempt, now):
    seen = Step(now - timedelta(hours=5), "confirm.served", {"serial": "4F:9A:00:FF"})
    facts = Known(last=attempt(outcome="deployed"), served=seen)
    text = screen(look("contoso.com", 80), facts, now, together=("b", "c", "d", "e"), budget="2 left")
    assert "last try    2 hours ago, deployed\n" in text
    assert "served      4F:9A:00:FF, looked at 5 hours ago\n" in text
    assert "budget      2 left\n" in text


def test_why_names_a_few_of_many_that_are_reloaded_together(look, now):
    text = screen(look("contoso.com", 80, KEYS), now=now, together=("b", "c", "d", "e"))
    assert "b, c, d and 1 more" in " ".join(text.split())


def test_why_is_safe_to_print(look, now):
    bad = look("contoso.com", 9, state="invalid", problem="\x1b]0;title\x07" + "x" * 5000)
    text = screen(bad, now=now)
    assert "\x1b" not in text
    assert len(text) < 3000


def test_a_clock_that_the_daemon_does_not_believe_is_told(now):
    daemon = Presence(running=True, pid=123, suspect="it shows 1970-01-01")
    assert "it shows 1970-01-01" in status.text([], daemon, now, io.StringIO())
    assert status.document([], daemon)["daemon"]["clock"] == "it shows 1970-01-01"


@pytest.mark.parametrize(("level", "well"), [("warns", True), ("blocks", False)])
def test_what_a_preflight_found_is_told_and_only_what_stops_a_renewal_is_trouble(look, now, level, well):
    seen = look("contoso.com", 80)
    found = Known(preflight=Newest(now, (Finding("contoso.com", level, "the disk is full", "make room"),)))
    told = status.text([(seen, found)], IDLE, now, io.StringIO())
    assert f"preflight {level}: the disk is full" in told
    assert "do: make room" in told
    assert status.well([(seen, found)], now) is well
    assert row(seen, found, now)["preflight"] == {
        "at": "2026-11-23T12:00:00Z",
        "findings": [{"level": level, "what": "the disk is full", "remedy": "make room"}],
    }
    assert "the disk is full; make room" in why.text(why.Subject(seen, found), now, 200)


FELL = {"instead_of": "rcl", "because": "rcl says no: it does not know the name"}


@pytest.fixture
def two(look):
    """A look at a target with two issuers."""
    seen = look("contoso.com", 80)
    return replace(seen, target=Target("contoso.com", seen.target.entry, ("rcl", "letsencrypt")))


def test_another_issuer_than_the_first_is_told_with_the_reason_and_is_no_trouble(two, attempt, now):
    known = Known(last=attempt(outcome="renewed", issuer="letsencrypt", snapshot=FELL))
    found = row(two, known, now)
    assert found["fallback"] == {
        "issuer": "letsencrypt",
        "instead_of": "rcl",
        "why": "rcl says no: it does not know the name",
    }
    said = "letsencrypt instead of rcl: rcl says no: it does not know the name"
    assert f"      {said}\n" in shown([(two, known)], now)
    assert status.well([(two, known)], now)
    assert f"issuer      {said}" in why.text(why.Subject(two, known), now, 200)


def test_where_there_are_several_issuers_a_failure_says_whose_it_is(two, failed, now):
    assert "challenge at rcl, 2 hours ago: the CA saw 404" in shown([(two, Known(last=failed))], now)
    told = why.text(why.Subject(two, Known(last=failed)), now, 200)
    assert "issuer      rcl; where that says no or will be too late, letsencrypt" in told
    assert "2 hours ago, rcl, failed at the challenge: the CA saw 404" in told


def test_tries_are_counted_for_the_issuer_that_failed(two, attempt, failed, now):
    history = [(failed, ()), (attempt(issuer="letsencrypt"), ()), (attempt(), ())]
    assert "(try 3)" in why.text(why.Subject(two, Known(last=failed), history), now, 200)


def test_what_the_ca_suggests_is_told_and_an_incident_with_the_page_that_says_why(look, now):
    window = Window(now - timedelta(days=2), now - timedelta(days=1), "https://ca.example/why")
    wanted = Suggestion(0x4F9A00FF, "rcl", now, window, now - timedelta(days=1.5), incident=True)
    seen = look("contoso.com", 80)
    seen = replace(seen, decision=sooner(seen.decision, wanted, now), suggestion=wanted)
    assert row(seen, NOTHING, now)["suggestion"] == {
        "start": "2026-11-21T12:00:00Z",
        "end": "2026-11-22T12:00:00Z",
        "renew_at": "2026-11-22T00:00:00Z",
        "incident": True,
        "page": "https://ca.example/why",
    }
    said = "the CA wants it replaced at once: see https://ca.example/why"
    assert f"      {said}\n" in shown([(seen, NOTHING)], now)
    told = why.text(why.Subject(seen, NOTHING), now, 200)
    assert f"wanted      renewal since 2026-11-22 00:00 UTC ({said})" in told
    assert "suggested   between 2026-11-21 12:00 and 2026-11-22 12:00 UTC; see https://ca.example/why" in told


# What is in trouble, and what is to be done


CONFIRM = {"confirm": {"connect": "127.0.0.1:443"}}
REMEDILESS = replace(REFUSED, remedy="")
UNKNOWN_HOST = Finding("contoso.com", "blocks", "there is no such host", "set its DNS record")
OTHER = {"serial": "57:B0", "why": "127.0.0.1:443 still serves 57:B0"}
NO_PROGRAM = "config.yaml:9: /ngnix: no such program"
TROUBLES = {  # days left, what is known, and the command at the end
    "it failed": (80, Known(last=pages.attempt("contoso.com", START, failure=REFUSED)), "renew contoso.com"),
    "no remedy is known": (
        80,
        Known(last=pages.attempt("contoso.com", START, failure=REMEDILESS)),
        "renew contoso.com",
    ),
    "a hook is owed": (
        80,
        Known(debt=pages.attempt("contoso.com", START, outcome="owed", owed=("reload",))),
        "deploy contoso.com",
    ),
    "another one is served": (80, Known(served=Step(START, "served.looked", OTHER)), "deploy contoso.com"),
    "another one was served": (
        80,
        Known(served=Step(START, "confirm.served", {"serial": "57:B0"})),
        "deploy contoso.com",
    ),
    "the next renewal would fail": (
        80,
        Known(preflight=Newest(START, (UNKNOWN_HOST,))),
        "preflight contoso.com",
    ),
    "it would, and no remedy is known": (
        80,
        Known(preflight=Newest(START, (replace(UNKNOWN_HOST, remedy=""),))),
        "preflight contoso.com",
    ),
    "this machine lacks a program": (80, Known(held=NO_PROGRAM), "validate"),
    "it is overdue": (15, NOTHING, "renew contoso.com"),
    "it has expired": (-1, NOTHING, "renew contoso.com"),
    "it is missing": (None, NOTHING, "renew contoso.com"),
}


@pytest.mark.parametrize(("days", "known", "command"), TROUBLES.values(), ids=TROUBLES)
def test_whatever_is_in_trouble_has_something_to_be_done(look, now, days, known, command):
    seen = look("contoso.com", days, CONFIRM)
    assert status.troubled((seen, known), now)
    told = list(why.rows(why.Subject(seen, known), now))
    assert dict(told)["do"] != "nothing"
    assert told[-1] == ("", f"renewd {command}")


@pytest.mark.parametrize(
    ("remedy", "first"),
    {
        "Ask another CA for it.": "Ask another CA for it, then:",
        "change `trust`; then: renewd renew 'contoso.com'": "change `trust`, then:",
        "serve the file": "serve the file, then:",
    }.items(),
)
def test_the_command_follows_on_what_is_to_be_done_first_and_is_told_once(look, now, remedy, first):
    refused = pages.attempt("contoso.com", START, failure=replace(REFUSED, remedy=remedy))
    told = list(why.rows(why.Subject(look("contoso.com", 80, CONFIRM), Known(last=refused)), now))
    assert told[-2:] == [("do", first), ("", "renewd renew contoso.com")]


@pytest.mark.parametrize(
    ("known", "headline"),
    [
        (Known(held=NO_PROGRAM), "ok, but this machine lacks what its renewal needs"),
        (Known(served=Step(START, "served.looked", OTHER)), "ok on disk, but not what is served"),
        (Known(preflight=Newest(START, (UNKNOWN_HOST,))), "ok, but the next renewal would fail"),
    ],
)
def test_a_certificate_that_is_well_and_in_trouble_is_not_called_ok_alone(look, now, known, headline):
    assert why.headline(why.Subject(look("contoso.com", 80, CONFIRM), known), now) == headline


def test_what_is_served_is_no_trouble_where_nobody_looks_any_more(look, now):
    assert status.well([(look("contoso.com", 80), Known(served=Step(now, "served.looked", OTHER)))], now)


@pytest.mark.parametrize("kind", ["finalize", "deploy", "rollback"])
def test_what_a_person_tried_in_vain_is_history_while_nothing_is_due(look, attempt, now, kind):
    fine, tried = look("contoso.com", 80), Known(last=attempt(kind=kind, failure=REFUSED))
    assert status.well([(fine, tried)], now)
    assert row(fine, tried, now)["failure"] is None
    text = screen(fine, tried, now)
    assert "failed at the challenge: the CA saw 404" in text
    assert text.endswith("do          nothing\n")
    assert not status.well([(look("contoso.com", 25), tried)], now)
    owed = attempt(outcome="owed", owed=("post",), failure=REMEDILESS)
    assert not status.well([(fine, replace(tried, debt=owed))], now)


def test_what_this_machine_lacks_is_told_and_nothing_is_said_to_renew(look, now):
    held = Known(held=NO_PROGRAM)
    assert row(look("contoso.com", 5), held, now)["held"] == NO_PROGRAM
    told = shown([(look("contoso.com", 5), held)], now)
    assert f"not renewed here\n      held: {NO_PROGRAM}\n" in told


def test_on_a_terminal_what_is_too_long_goes_on_below_itself(look, attempt, now, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    failure = replace(
        REFUSED,
        message="the CA saw 404 at http://www.contoso.com/.well-known/acme-challenge/Kx3 and nothing else",
    )
    known, name = Known(last=attempt(failure=failure)), "a-name-that-is-far-longer-than-the-column.example"
    text = status.text([(look("contoso.com", 5), known), (look(name, 50), NOTHING)], IDLE, now, terminal)
    assert text == (
        "no daemon is running\n"
        f"  {name}  \x1b[32mok\x1b[0m\n"
        "                        renews in 20 days     expires 2027-01-12\n"
        "  contoso.com  \x1b[33mdue\x1b[0m      renews at next pass   expires 2026-11-28\n"
        "      challenge, 2 hours ago: the CA saw 404 at\n"
        "        http://www.contoso.com/.well-known/acme-challenge/Kx3 and nothing else\n"
        "      do: serve the file\n"
        "2 watched · 1 in trouble: renewd why contoso.com\n"
    )
