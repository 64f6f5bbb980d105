"""Everything that can be known before a renewal without costing anything, as findings with what to do."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from renewd.certs.order import Token
from renewd.challenges import http01
from renewd.challenges.base import Challenge, Sight
from renewd.config.model import Challenge as Settings
from renewd.config.model import Http01
from renewd.config.targets import HookCommand, Target
from renewd.errors import ChallengeFailed, RenewdError, TargetError, Temporary
from renewd.hooks import command as hooks
from renewd.hooks.variables import Told, variables
from renewd.issuers.base import Probing
from renewd.planning import present, words
from renewd.renewal import permission, proof, readiness, survey, threads
from renewd.renewal.context import Context
from renewd.renewal.findings import Finding


def look(context: Context, target: Target) -> list[Finding]:
    """All findings for one target. Network and hooks are tried for real; nothing is ordered and nothing stays changed."""
    return next(found for _, found in looks(context, [target]))


def looks(
    context: Context, targets: Sequence[Target], at_once: int = 1
) -> Iterator[tuple[Target, list[Finding]]]:
    """All findings target by target; a check that several of them share is run once, and told of each."""
    members: dict[tuple[HookCommand, ...], list[Target]] = {}
    for target in targets:
        members.setdefault(target.hooks.check, []).append(target)
    checked: dict[tuple[HookCommand, ...], list[Finding]] = {}
    asked = (
        (ask(context, target) for target in targets)
        if at_once == 1
        else threads.each(targets, partial(ask, context), at_once)
    )
    for target, found in zip(targets, asked, strict=True):
        check = target.hooks.check
        if check not in checked:
            checked[check] = list(_check(context, members[check]))
        yield target, found + [replace(finding, name=target.name) for finding in checked[check]]


def ask(context: Context, target: Target) -> list[Finding]:
    """The findings on one target but for its check."""
    found: list[Finding] = []
    for question in (_api, _clock, _live, _challenge, _ready):
        try:
            found += question(context, target)
        except RenewdError as error:
            found.append(Finding(target.name, "blocks", str(error), error.remedy))
    return found


def blocks(findings: Sequence[Finding]) -> bool:
    """Whether any of them would stop a renewal."""
    return any(finding.level == "blocks" for finding in findings)


def _api(context: Context, target: Target) -> Iterator[Finding]:
    """What each issuer says; as long as one of several can be used, the others only warn."""
    found = [list(_of_issuer(context, target, issuer)) for issuer in target.issuers]
    usable = not all(blocks(each) for each in found)
    for finding in chain.from_iterable(found):
        yield replace(finding, level="warns") if usable and finding.level == "blocks" else finding


def _of_issuer(context: Context, target: Target, issuer: str) -> Iterator[Finding]:
    asked = _asked(context, target, issuer)
    yield asked
    if asked.level == "ok":
        yield from permission.look(context, target, issuer)


def _asked(context: Context, target: Target, issuer: str) -> Finding:
    api = "the API" if len(target.issuers) == 1 else f"the API of {issuer}"
    service = context.issuer(issuer)
    try:
        if isinstance(service, Probing):
            return Finding(target.name, "ok", f"{issuer}: {service.probe(target)}")
        held = service.current(target)
    except RenewdError as error:
        passing = isinstance(error, Temporary)
        return Finding(target.name, "blocks", f"{api}: {error}", error.remedy, passing)
    known = f"{api} takes the key and knows the name"
    if held is None or held.expires_at is None:
        return Finding(target.name, "ok", f"{known}; it holds no certificate yet")
    until = words.until(held.expires_at, context.clock.now())
    return Finding(target.name, "ok", f"{known}; what it holds expires {until}")


def _clock(context: Context, target: Target) -> Iterator[Finding]:
    skews = (getattr(context.issuer(issuer), "skew", None) for issuer in target.issuers)
    known = [abs(skew) for skew in skews if skew is not None]
    if not known:
        return
    if max(known) > present.AGREE:
        apart = words.span(max(known))
        yield Finding(
            target.name, "warns", f"this machine's clock and the API's differ by {apart}", present.REMEDY
        )
    else:
        yield Finding(target.name, "ok", "the clock agrees with the API's")


def _live(context: Context, target: Target) -> Iterator[Finding]:
    """The files that are there: key and certificate belong together, and all places hold the same."""
    seen = survey.look_closely(target, context.here, context.clock.now())
    problem = seen.facts.problem or seen.decision.reason
    if seen.decision.state == "invalid":
        yield Finding(
            target.name,
            "warns",
            f"what is live is broken: {problem}",
            "renewd replaces it with the next renewal",
        )
    elif seen.facts.problem and seen.facts.state == "present":
        yield Finding(target.name, "warns", problem, "see whether that was wanted")
    elif seen.facts.state == "present":
        yield Finding(target.name, "ok", "the live key belongs to the live certificate")


def _challenge(context: Context, target: Target) -> Iterator[Finding]:
    challenge, settings = context.challenge(target), target.challenge
    if challenge is None or settings is None:
        yield _unproved(context, target)
        return
    tokens = proof.rehearsal(target, challenge.type)
    try:
        challenge.place(tokens)
    except TargetError as error:
        what = f"the challenge cannot be placed: {error}"
        yield Finding(target.name, "blocks", what, error.remedy, _taken(error))
        return
    try:
        sights = challenge.look(tokens) if settings.self_check != "off" else ()
    finally:
        left = _left(target.name, challenge, tokens)
    yield from left
    if challenge.type == "dns-01" and not left:
        yield Finding(target.name, "ok", "challenge records can be written, and taken away again")
    for sight in sights:
        if sight.ok:
            yield Finding(target.name, "ok", _seen(sight))
        else:
            yield Finding(
                target.name,
                "blocks" if settings.self_check == "require" else "warns",
                f"renewd sees {sight.saw} at {sight.url}",
                _mended(settings, sight),
            )


def _unproved(context: Context, target: Target) -> Finding:
    """What becomes of a target without a challenge: who proves its names, or what is needed where nobody does."""
    services = context.loaded.configuration.issuers
    waiting = [issuer for issuer in target.issuers if not services[issuer].proves]
    if not waiting:
        what = f"no challenge is configured: the names are proved by {' and '.join(target.issuers)}"
        return Finding(target.name, "ok", what)
    what = f"no challenge is configured: {' and '.join(waiting)} can only give what needs no proof just now"
    return Finding(target.name, "warns", what, "configure `challenge`; only rcl-v8 proves names itself")


def _left(name: str, challenge: Challenge, tokens: Sequence[Token]) -> list[Finding]:
    """Take the tokens away; one that stays is told, and stops no renewal."""
    try:
        challenge.remove(tokens)
    except TargetError as error:
        return [Finding(name, "warns", f"the challenge cannot be taken away again: {error}", error.remedy)]
    return []


def _seen(sight: Sight) -> str:
    if sight.token.type == "dns-01":
        return f"a challenge record is seen: {sight.url}, {sight.saw}"
    return f"a challenge file is seen at {http01.host(sight.token.domain)}/"


def _mended(settings: Settings, sight: Sight) -> str:
    """What makes the challenge visible."""
    if not isinstance(settings, Http01):
        return "let every name server get the record in time (challenge.wait), and let this machine ask them"
    shown = settings.webroot or f"what {settings.listen} answers"
    return f"make {http01.host(sight.token.domain)}{http01.PREFIX} show {shown}"


def _taken(error: TargetError) -> bool:
    """Whether it may be otherwise in an hour: the port is in use by a renewal by hand, a name server is away."""
    cause = error.__cause__
    busy = (
        isinstance(error, ChallengeFailed) and isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
    )
    return busy or isinstance(error, Temporary)


def _ready(context: Context, target: Target) -> Iterator[Finding]:
    lacks = list(readiness.lacks(context, target))
    for lack in lacks:
        yield Finding(target.name, "blocks", lack.what, lack.remedy)
    for warning in context.installer.mounts(target):
        yield Finding(target.name, "warns", warning)
    if not lacks:
        yield Finding(target.name, "ok", "the files can be written, with room to spare")


def _check(context: Context, members: Sequence[Target]) -> Iterator[Finding]:
    """The check of all that share it, as things stand."""
    commands = members[0].hooks.check if context.loaded.line is None else ()  # hooks are the other side's
    known = variables([_told(context, target) for target in members]) if commands else {}
    for command in commands:
        ran = hooks.run(command, known, stop=context.stop)
        if ran.ok:
            yield Finding("", "ok", f"`{command.line}` passes as things stand")
        else:
            said = ran.output.strip().splitlines()[-1:]
            yield Finding(
                "",
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
