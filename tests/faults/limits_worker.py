"""Asks for one order of each of many targets, as fast as it can, beside others; `python -m tests.faults.limits_worker`.

Arguments: the state directory, the database's URL or `-`, a number of its own, how many targets. Prints how often there was room.
"""

import sys

from renewd.clock import SystemClock
from renewd.errors import OutOfBudget
from renewd.journal import Journal, State, spent
from renewd.planning.budget import Ask, What

ISSUER = "rcl"


def main(state_directory: str, state: str, own: str, count: str) -> None:
    allowed = 0
    with Journal.open(state_directory, SystemClock(), state=None if state == "-" else state) as journal:
        print("ready", flush=True)
        sys.stdin.readline()  # all begin together
        for number in range(int(count)):
            name = f"{number}.{own}.example"
            fence = journal.take(name)
            attempt = journal.begin(name, name, "renewal", issuer=ISSUER, fence=fence)
            try:
                journal.spend(attempt, State.ORDER_INTENT, spent.ORDERING, Ask(What.ORDER, (name,), ISSUER))
                allowed += 1
            except OutOfBudget as error:
                journal.park(attempt, error.until, str(error))
            journal.release(name, fence)
    print(allowed, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
