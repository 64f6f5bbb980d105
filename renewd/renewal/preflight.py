"""Everything that can be known before a renewal without costing anything, as findings with what to do."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from renewd.certs.order import Token
from renewd.config.targets import Target
from renewd.errors import RenewdError, TargetError
from renewd.hooks import command as hooks
from renewd.hooks.variables import Told, variables
from renewd.planning import words
from renewd.renewal import trust
from renewd.renewal.context import Context

Level = Literal["ok", "warns", "blocks"]
CLOCKS_AGREE = timedelta(minutes=10)  # beyond it certificates seem not yet valid, or valid for too long


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what is so, and what to do where it is not well."""

    name: str
    level: Level
    what: str
    remedy: str = ""


def look(context: Context, target: Target) -> list[Finding]:
    """All findings for one target. Network and hooks are tried for real; nothing is ordered and nothing stays changed."""
    found: list[Finding] = []
    for question in (_api, _clock, _roots, _challenge, _room, _check):
        try:
            found += question(context, target)
        except RenewdError as error:
            found.append(Finding(target.name, "blocks", str(error), error.remedy))
    return found


def blocks(findings: list[Finding]) -> bool:
    """Whether any of them would stop a renewal."""
    return any(finding.level == "blocks" for finding in findings)


def _api(context: Context, target: Target) -> Iterator[Finding]:
    try:
        held = context.issuer(target).current(target)
    except RenewdError as error:
        yield Finding(target.name, "blocks", f"the API: {error}", error.remedy)
        return
    if held is None or held.expires_at is None:
        yield Finding(
            target.name, "ok", "the API takes the key and knows the name; it holds no certificate yet"
        )
    else:
        until = words.until(held.expires_at, context.clock.now())
        yield Finding(
            target.name, "ok", f"the API takes the key and knows the name; what it holds expires {until}"
        )


def _clock(context: Context, target: Target) -> Iterator[Finding]:
    skew = getattr(context.issuer(target), "skew", None)
    if skew is None:
        return
    if abs(skew) > CLOCKS_AGREE:
        yield Finding(
            target.name,
            "warns",
            f"this machine's clock and the API's differ by {words.span(abs(skew))}",
            "set the clock, and let a time service keep it (systemd-timesyncd, chrony)",
        )
    else:
        yield Finding(target.name, "ok", "the clock agrees with the API's")


def _roots(context: Context, target: Target) -> Iterator[Finding]:
    try:
        trust.roots(context.loaded.configuration.issuers[target.issuer])
    except TargetError as error:
        yield Finding(target.name, "blocks", str(error), error.remedy)


def _challenge(context: Context, target: Target) -> Iterator[Finding]:
    challenge, settings = context.challenge(target), target.challenge
    if challenge is None or settings is None:
        yield Finding(
            target.name, "ok", "no challenge is configured: only orders that are born ready can be finalized"
        )
        return
    tokens = [
        Token(domain, challenge.type, f"renewd-preflight-{secrets.token_hex(8)}", secrets.token_hex(16))
        for domain in target.domains
    ]
    try:
        challenge.place(tokens)
    except TargetError as error:
        yield Finding(target.name, "blocks", f"the challenge cannot be placed: {error}", error.remedy)
        return
    try:
        sights = challenge.look(tokens) if settings.self_check != "off" else ()
    finally:
        challenge.remove(tokens)
    for sight in sights:
        if sight.ok:
            yield Finding(target.name, "ok", f"a challenge file is seen at http://{sight.token.domain}/")
        else:
            yield Finding(
                target.name,
                "blocks" if settings.self_check == "require" else "warns",
                f"renewd sees {sight.saw} at {sight.url}",
                f"make http://{sight.token.domain}/.well-known/acme-challenge/ show "
                f"{settings.webroot or 'what ' + str(settings.listen) + ' answers'}",
            )


def _room(context: Context, target: Target) -> Iterator[Finding]:
    problems = context.installer.room(target)
    for problem in problems:
        yield Finding(target.name, "blocks", problem, "make room or mend the rights")
    if not problems:
        yield Finding(target.name, "ok", "the files can be written, with room to spare")


def _check(context: Context, target: Target) -> Iterator[Finding]:
    known = variables([_told(context, target)])
    for command in target.hooks.check:
        ran = hooks.run(command, known, stop=context.stop)
        if ran.ok:
            yield Finding(target.name, "ok", f"`{command.line}` passes as things stand")
        else:
            said = ran.output.strip().splitlines()[-1:]
            yield Finding(
                target.name,
                "warns",
                f"`{command.line}` {ran.why} as things stand" + "".join(f": {line}" for line in said),
                "run it by hand; before a first certificate exists it may well fail",
            )


def _told(context: Context, target: Target) -> Told:
    """What the hook hears before a renewal: the running certificate, or none yet."""
    directory, files = context.installer.told(target)
    leaf = context.live_leaf(target)
    return Told(
        name=target.name,
        domains=target.domains,
        serial=0 if leaf is None else leaf.serial_number,
        not_after=context.clock.now() if leaf is None else leaf.not_valid_after_utc,
        directory=directory,
        files=files,
    )
