"""Looking at ten thousand certificates, by what the least that does it costs."""

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from renewd.certs.facts import show_serial
from renewd.clock import SystemClock
from renewd.config import machine
from renewd.renewal import passes, survey
from renewd.renewal.context import Context
from renewd.report import checks
from tests.bench.rounds import Ratio, in_turns

pytestmark = pytest.mark.bench

BOUND = 1.5


def bare_scan(paths):
    """Open, read, parse, and read the date."""
    for path in paths:
        with open(path, "rb") as file:
            pem = file.read()
        end = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    return end


def test_the_daemons_look_for_what_is_due(population, fresh, table):
    """What a tick does when a pass is due, decisions and all, until anything is renewed.

    The journal is not there yet: it would be asked twice, however many certificates there are.
    """
    paths, spent = population.fullchains(), []
    for _ in range(5):
        context = Context(fresh())
        targets, due = context.loaded.targets, []

        def tick(part, context=context, targets=targets, due=due):
            due += passes.plan(context, targets[part])

        def first(part, tick=tick, context=context):
            if part.start == 0:
                assert machine.faults(context.loaded) == []
            tick(part)

        spent.append(in_turns(len(paths), first, lambda part: bare_scan(paths[part]), tick))
        assert sorted(task.target.name for task in due) == sorted(population.due * 2)
    firsts, bare, laters = zip(*spent, strict=True)
    first, later = Ratio(firsts, bare), Ratio(laters, bare)
    table.add("due-scan of 10,000, the first / bare loop", first.value, BOUND, first)
    table.add("due-scan of 10,000, later ones / bare loop", later.value, BOUND, later)
    assert first.value <= BOUND
    assert later.value <= BOUND


def bare_check(names, paths, key_paths):
    """The same fields of each certificate, with a key that is read and compared."""
    rows = []
    for name, path, key_path in zip(names, paths, key_paths, strict=True):
        with open(path, "rb") as file:
            leaf = x509.load_pem_x509_certificate(file.read())
        with open(key_path, "rb") as file:
            key = load_pem_private_key(file.read(), None, unsafe_skip_rsa_key_validation=True)
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        rows.append(
            {
                "name": name,
                "state": "ok" if key.public_key() == leaf.public_key() else "invalid",
                "not_before": begin.isoformat(),
                "not_after": end.isoformat(),
                "renew_at": (end - (end - begin) / 3).isoformat(),
                "serial": show_serial(leaf.serial_number),
                "domains": sorted(san.get_values_for_type(x509.DNSName)),
                "path": path,
                "issuer": leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value,
                "problem": None,
            }
        )
    return json.dumps({"schema": 1, "certificates": rows})


def check(targets, here):
    """What `renewd check --json` prints."""
    now = SystemClock().now()
    return checks.document([survey.look_closely(target, here, now) for target in targets])


def test_check_as_json(population, fresh, table):
    names, paths, key_paths = population.names, population.fullchains(), population.keys()
    spent = []
    for _ in range(3):
        loaded = []
        (loading,) = in_turns(1, lambda _, loaded=loaded: loaded.append(fresh()))
        targets, here = loaded[0].targets, survey.Here.of(loaded[0])
        shown, plain = [], []

        def ours(part, targets=targets, here=here, shown=shown):
            shown.append(check(targets[part], here))

        def bare(part, plain=plain):
            plain.append(bare_check(names[part], paths[part], key_paths[part]))

        spent.append((loading, *in_turns(len(names), ours, bare)))
        assert rows(shown) == rows(plain)
    loadings, looks, bares = zip(*spent, strict=True)
    ratio = Ratio(looks, bares)
    with_loading = Ratio(tuple(map(sum, zip(loadings, looks, strict=True))), bares)
    table.add("check --json of 10,000 / bare loop", ratio.value, BOUND, ratio)
    table.add("the same with loading the file / bare loop", with_loading.value, None, with_loading)
    assert ratio.value <= BOUND


def rows(documents):
    """What has to be the same, whoever looks."""
    same = ("name", "serial", "domains", "path", "issuer", "problem")
    return [[row[key] for key in same] for text in documents for row in json.loads(text)["certificates"]]
