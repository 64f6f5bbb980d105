"""revoke, account: what is said to an ACME CA beside renewals."""

from typing import TYPE_CHECKING

import click

from renewd.cli import names, output, work
from renewd.errors import RenewdError, UsageError

if TYPE_CHECKING:
    from renewd.issuers.acme import Acme
    from renewd.renewal.context import Context

_FAILED = 1
REASONS = {  # as RFC 5280 §5.3.1 numbers them; the CA takes no other from a subscriber
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
}


@click.command()
@click.argument("name")
@click.option(
    "--reason", type=click.Choice(list(REASONS)), default="unspecified", show_default=True, help="Why."
)
@click.pass_obj
def revoke(path: str, name: str, *, reason: str) -> int:
    """Take the live certificate of NAME back at its CA.

    Browsers may refuse it from then on. The files stay as they are until a new one is issued, which the daemon does with
    its next pass, or at once: renewd renew NAME
    """
    from renewd.renewal import asking, revocations

    with work.at_work(path, lambda _: None) as context:
        target = names.one(context.loaded, name)
        leaf = context.live_leaf(target)
        if leaf is None:
            output.say(f"{target.name}: nothing is live that could be revoked")
            return _FAILED
        issuer, state = _acme(context, asking.issuer_of_live(context, target)), context.here.state_directory
        try:
            done = issuer.revoke(leaf, REASONS[reason], context.installer.live_key(target))
            revocations.remember(state, leaf, reason, context.clock.now())
            if reason == "keyCompromise":
                issuer.forget_key(target)
        except RenewdError as error:
            output.say("\n".join(filter(None, (f"{target.name}: not revoked: {error}", error.remedy))))
            return _FAILED
    told = f"revoked at {issuer.name} ({reason})" if done else f"was revoked at {issuer.name} before"
    print(f"{target.name}: {told}: serial {leaf.serial_number:X}")
    print(f"It is still live, and due. A new one at once: renewd renew '{target.name}'")
    return 0


@click.command()
@click.argument("issuer", required=False)
@click.option(
    "--roll-over", is_flag=True, help="Give the account a new key; the old one is of no use any more."
)
@click.pass_obj
def account(path: str, issuer: str | None, *, roll_over: bool) -> int:
    """Show the account at an ACME CA, or give it a new key.

    ISSUER may be left out where there is one of type acme. An account that is not there yet is made.
    """
    with work.at_work(path, lambda _: None) as context:
        found = _acme(context, issuer or _only(context))
        try:
            if roll_over:
                print(f"{found.name}: the account has a new key, in {found.account.roll_over()}")
            else:
                account = found.account.signer().account
                found.account.look()  # the CA may have deactivated it since
                print(f"{found.name}: {account}")
        except RenewdError as error:
            output.say("\n".join(filter(None, (f"{found.name}: {error}", error.remedy))))
            return _FAILED
    return 0


def _only(context: "Context") -> str:
    known = [name for name, each in context.loaded.configuration.issuers.items() if each.type == "acme"]
    if len(known) != 1:
        raise UsageError(
            f"name one of {', '.join(known)}" if known else "no issuer of type acme is configured"
        )
    return known[0]


def _acme(context: "Context", name: str) -> "Acme":
    from renewd.issuers.acme import Acme

    settings = context.loaded.configuration.issuers
    if name not in settings:
        raise UsageError(f"there is no issuer {name!r}")
    if settings[name].type != "acme":
        raise UsageError(
            f"{name} is of type {settings[name].type}, which has no word for that; ask in its portal"
        )
    found = context.issuer(name)
    if not isinstance(found, Acme):
        raise UsageError(f"{name} is no ACME CA")
    return found
