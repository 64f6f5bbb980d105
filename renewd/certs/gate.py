"""The gate: may this bundle be installed? Nothing goes live that has not passed here.

`assemble` makes the bundle from what came over the wire, `judge` compares it with what is wanted. A new check is a function
in checks.py (what the bundle is by itself) or comparisons.py (against what is wanted), and its line in CHECKS.
"""

from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm

from renewd.certs import checks, comparisons, panic
from renewd.certs.assembly import assemble
from renewd.certs.bundle import Bundle
from renewd.certs.comparisons import differences
from renewd.certs.wanted import Check, Wanted

__all__ = ["CHECKS", "Wanted", "assemble", "differences", "judge"]

CHECKS: tuple[Check, ...] = (  # the cheap ones first; how many there are is shown to people
    comparisons.is_not_refused_before,
    comparisons.has_just_the_names,
    checks.is_valid_now,
    checks.is_fresh,
    checks.is_not_too_long_lived,
    checks.is_not_a_ca,
    checks.is_for_servers,
    checks.is_understood,
    checks.has_a_strong_key,
    checks.has_strong_signatures,
    comparisons.is_newer_than_the_running_one,
    comparisons.is_as_expected,
    checks.has_its_own_key,
    comparisons.has_a_sound_chain,
    comparisons.leads_to_a_trusted_root,
)


def judge(bundle: Bundle, wanted: Wanted, now: datetime) -> list[str]:
    """Everything that speaks against installing the bundle, a sentence each; empty if it may go live."""
    return [problem for check in CHECKS if (problem := _answer(check, bundle, wanted, now))]


def _answer(check: Check, bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """What the check says; one that cannot be made is not passed."""
    try:
        return check(bundle, wanted, now)
    except (ValueError, UnsupportedAlgorithm):
        pass
    except BaseException as error:  # noqa: BLE001 - a panic is none of Exception's; all others are raised again
        panic.only(error)
    return (
        f"whether it {check.__name__.replace('_', ' ')} cannot be told: it is damaged or of an unknown kind"
    )
