"""Deliberate breakages of renewd, each of which the tests must notice; tests/faults/mutants tries them all."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` stands once in the file below renewd/ and becomes `new`; `tests` are what should fail then."""

    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


RENEWAL = "tests/unit/renewal"
UNCLEAR, ENGINE = f"{RENEWAL}/test_renewal_unclear.py", f"{RENEWAL}/test_renewal_engine.py"
CRASH, KILL = "tests/faults/test_install_crash.py", "tests/faults/test_install_kill.py"
INSTALL = "tests/unit/install"
REPLIES = "tests/faults/test_renewal_replies.py"
BUDGET = "tests/faults/test_faults_budget.py"

MUTANTS = (
    # The engine
    Mutant(
        "finalize is repeated at once when its reply is lost",
        "renewal/states.py",
        "    except (AlreadyFinalized, NotFinal, ReplyLost, Temporary) as error:\n",
        '    except ReplyLost:\n        return Step(State.READY, "order.again")\n'
        "    except (AlreadyFinalized, NotFinal, Temporary) as error:\n",
        (ENGINE,),
    ),
    Mutant(
        "finalize is repeated without a look when it was answered with an error of the server's",
        "renewal/states.py",
        "    except (Unreachable, Throttled) as error:  # the service did not act on it: it does not count\n",
        "    except (Unreachable, Throttled, Temporary) as error:\n",
        (REPLIES,),
    ),
    Mutant(
        "a gateway's 503 counts as if nothing had been done",
        "issuers/rcl_refusals.py",
        "status == HTTPStatus.SERVICE_UNAVAILABLE and not call.costs",
        "status == HTTPStatus.SERVICE_UNAVAILABLE",
        (REPLIES, f"{RENEWAL}/test_renewal_budget.py"),
    ),
    Mutant(
        "finalize is called before its intent is journaled",
        "renewal/states.py",
        "    return Step(\n        State.FINALIZE_INTENT,",
        "    return finalize_intent(work)\n    return Step(\n        State.FINALIZE_INTENT,",
        (ENGINE, UNCLEAR),
    ),
    Mutant(
        "a finalize that was under way when renewd ended is repeated at the next start",
        "renewal/states.py",
        "    State.FINALIZE_INTENT: State.RECONCILE,\n",
        "    State.FINALIZE_INTENT: State.READY,\n",
        (ENGINE, UNCLEAR),
    ),
    Mutant(
        "the portal is not asked what it holds before an order",
        "renewal/states.py",
        "newer = held is not None and acceptance.maybe_newer(held, work.live)",
        "newer = False",
        (ENGINE,),
    ),
    Mutant(
        "what the gate refuses is installed all the same",
        "renewal/acceptance.py",
        "    if problems:\n        return _refused(",
        "    if problems and adopted:\n        return _refused(",
        (ENGINE,),
    ),
    Mutant(
        "a certificate that ends earlier replaces one that ends later",
        "certs/comparisons.py",
        "if not wanted.ordered and leaf.not_valid_after_utc <= live.not_valid_after_utc:",
        "if False:",
        ("tests/unit/certs/test_certs_gate.py",),
    ),
    Mutant(
        "a lost order is made anew at once",
        "renewal/resuming.py",
        "first = _after_lost_order(attempt)",
        "first = None",
        (UNCLEAR,),
    ),
    Mutant(
        "what was issued and could not be stored is ordered again",
        "renewal/resuming.py",
        "    if before is None:\n",
        "    if True:\n",
        (f"{RENEWAL}/test_renewal_unfetched.py",),
    ),
    # The journal
    Mutant(
        "what a former holder of the lease writes is taken",
        "journal/attempts.py",
        "    ~_OVERTAKEN,\n",
        "",
        ("tests/unit/journal",),
    ),
    Mutant(
        "a lease is given to two processes",
        "journal/leases.py",
        "            if found.holder is not None:\n",
        "            if False:\n",
        ("tests/unit/journal",),
    ),
    # Installing
    Mutant(
        "files are not synced",
        "install/atomic.py",
        "        rest = rest[os.write(descriptor, rest) :]\n    os.fsync(descriptor)\n",
        "        rest = rest[os.write(descriptor, rest) :]\n",
        (CRASH,),
    ),
    Mutant(
        "the folder of versions is not synced",
        "install/versions.py",
        "dst_dir_fd=folder)\n                os.fsync(folder)\n",
        "dst_dir_fd=folder)\n",
        (CRASH,),
    ),
    Mutant(
        "an interrupted switch always goes forward",
        "install/switching.py",
        "complete = all(_whole(move, intent.to) for move in intent.moves)",
        "complete = True",
        (f"{INSTALL}/test_install_recovery.py", KILL),
    ),
    Mutant(
        "files at fixed paths are switched without an intent",
        "install/switching.py",
        "    intents.write(state_directory, intent, over=over)\n    try:\n",
        "    try:\n",
        (KILL,),
    ),
    Mutant(
        "a switch that fails is left as it is",
        "install/switching.py",
        "        _undo(state_directory, intent, error)\n        raise\n",
        "        raise\n",
        (INSTALL, KILL),
    ),
    Mutant(
        "the link to the previous version is not kept",
        "install/versions.py",
        "    if before is not None:\n        atomic.replace_link(root, layouts.PREVIOUS",
        "    if before is None:\n        atomic.replace_link(root, layouts.PREVIOUS",
        (INSTALL,),
    ),
    # Hooks and debts
    Mutant(
        "a failed reload leaves the new files live",
        "renewal/putback.py",
        "            if switch_back(rollout.context, member, after, str(error)):",
        "            if True:",
        (f"{RENEWAL}/test_renewal_rollout.py",),
    ),
    Mutant(
        "a failed hook is not owed",
        "renewal/settling.py",
        "failure=failure, next_try_at=next_try_at, owed=owed)",
        "failure=failure, next_try_at=next_try_at)",
        (f"{RENEWAL}/test_renewal_rollout.py", f"{RENEWAL}/test_renewal_debts.py"),
    ),
    # The budget
    Mutant(
        "one certificate too many is issued in a week",
        "planning/budget.py",
        "if len(times) >= room:",
        "if len(times) > room:",
        (BUDGET,),
    ),
    Mutant(
        "a person's limit is renewd's own",
        "planning/budget.py",
        "limit = CERTIFICATES_BY_HAND if ask.by_hand else CERTIFICATES",
        "limit = CERTIFICATES_BY_HAND",
        (BUDGET,),
    ),
    Mutant(
        "an order is made though its certificate has no room",
        "planning/budget.py",
        "    found = [_certificates(known, ask, now), _everywhere(known, ask, now)]",
        "    found: list[Refusal | None] = []",
        (BUDGET,),
    ),
    Mutant(
        "what is in doubt is given back",
        "journal/spent.py",
        "del self.calls[order][-1:]  # this call's alone",
        "del self.calls[order][:]  # this call's alone",
        (BUDGET,),
    ),
    Mutant(
        "what others issued this week does not count",
        "journal/spent.py",
        "certificates = {**self.seen, **{",
        "certificates = {**{}, **{",
        (BUDGET,),
    ),
    # CAA records
    Mutant(
        "an order is made although a CAA record forbids it",
        "renewal/states.py",
        "    permission.insist(work.context, work.target, work.issuer.name)\n",
        "",
        ("tests/integration/test_caa_pebble.py",),
    ),
    Mutant(
        "CAA records that could not be read forbid an order",
        "certs/caa.py",
        "    if not grants or any(",
        "    if (not answer.failed and not grants) or any(",
        ("tests/integration/test_caa_pebble.py",),
    ),
    Mutant(
        "a wildcard is judged by the CAA records for plain names too",
        "certs/caa.py",
        "    return _WILD if wild else _ISSUE\n",
        "    return _ISSUE\n",
        ("tests/unit/certs/test_certs_caa.py",),
    ),
    Mutant(
        "CAA records above a name that could not be read decide",
        "certs/caa.py",
        "if each.records or each.failed)",
        "if each.records)",
        ("tests/unit/certs/test_certs_caa.py",),
    ),
)
