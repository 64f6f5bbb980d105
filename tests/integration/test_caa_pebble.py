"""CAA records at a real name server keep a real ACME server, which says by which names they permit it, from being asked."""

import json

import pytest

from renewd.config import load
from renewd.renewal import passes, permission, preflight
from renewd.renewal.context import Context
from renewd.renewal.standings import FellBack
from tests.nameservers import Bind, Knot
from tests.pebble import newer
from tests.programs import renewd
from tests.world import World, results

NAME, OTHER = "a.example.test", "b.acme.test"
OURS = "ours.test"
ELSEWHERE = 'example.test. CAA 0 issue "elsewhere.test"'


class Machine:
    """A configuration, and the CAs that it names; `records` stand in the zones of the name server."""

    def __init__(self, world, nameserver, pebble, *records, kind=Bind, named=True, aliases=None):
        self.world, self._pebble = world, pebble
        self.dns = nameserver(kind, records=records, aliases=aliases)
        self.cas, self.issuers = [], {}
        self.add("ca", OURS if named else "")
        self.secret = world.folder / "tsig-key"
        self.secret.touch(mode=0o600)
        self.secret.write_text(self.dns.key.secret)

    def add(self, name, identity):
        """One more CA, that records permit by this name; empty: an older one, which does not say its names."""
        told = {"binary": newer(), "caaIdentities": [identity]} if identity else {}
        ca = self._pebble(dns=self.dns.where, **told)
        self.cas.append(ca)
        roots = self.world.folder / f"{name}.pem"
        roots.write_bytes(ca.roots())
        self.issuers[name] = {
            "type": "acme",
            "directory": ca.directory_url,
            "agree_terms": True,
            "ca_file": str(ca.ca_file),
            "trust": {"file": str(roots)},
        }

    @property
    def orders(self):
        return [ca.orders for ca in self.cas]

    def entry(self, *domains):
        challenge = {
            "type": "dns-01",
            "provider": "rfc2136",
            "server": self.dns.where,
            "key_name": self.dns.key.name,
            "key": {"file": str(self.secret)},
            "resolver": self.dns.where,
            "self_check": "off",
        }
        issuer = list(self.issuers)
        name = domains[0].removeprefix("*.")
        return self.world.entry(name, domains=list(domains), challenge=challenge, issuer=issuer)

    def write(self, *entries):
        return self.world.write(*(entries or [self.entry(NAME)]), issuers=self.issuers)

    def context(self, *entries):
        return Context(load.load(self.write(*entries)), emit=self.world.events.append)

    def renew(self, *entries):
        context = self.context(*entries)
        try:
            return passes.run(context, context.loaded.targets)
        finally:
            context.close()

    def look(self, *entries):
        """What a preflight of the last certificate finds about CAA, level by level."""
        context = self.context(*entries)
        try:
            found = preflight.look(context, context.loaded.targets[-1])
        finally:
            context.close()
        return [(each.level, each.what) for each in found if "CAA" in each.what]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def machine(world, nameserver, pebble):
    return lambda *records, **options: Machine(world, nameserver, pebble, *records, **options)


def test_records_that_permit_another_ca_are_told_by_preflight_and_nothing_is_ordered(machine):
    made = machine(ELSEWHERE)
    path = made.write()
    ran = renewd(path, "preflight", "--json")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    (found,) = [each for each in json.loads(ran.stdout)["findings"] if each["level"] == "blocks"]
    assert found["what"] == (
        f"the CAA records of example.test let only 'elsewhere.test' issue for {NAME}, so not {OURS}"
    )
    assert f'example.test. CAA 0 issue "{OURS}"' in found["remedy"]
    ran = renewd(path, "renew")
    assert ran.returncode == 1
    assert "failed at the preflight: the CAA records of example.test let only 'elsewhere.test'" in ran.stdout
    assert made.orders == [0]


def test_records_that_permit_it_are_no_obstacle(machine):
    made = machine(ELSEWHERE, f'example.test. CAA 0 issue "{OURS}; validationmethods=dns-01"')
    entry = made.entry(NAME, "*.a.example.test")
    assert made.look(entry) == [("ok", "no CAA record keeps ca from issuing")]
    assert results(made.renew(entry)) == {NAME: "renewed"}
    assert made.orders == [1]


def test_a_wildcard_is_judged_by_the_records_for_wildcards(machine):
    made = machine(f'example.test. CAA 0 issue "{OURS}"', 'example.test. CAA 0 issuewild ";"')
    assert made.look(made.entry(NAME))[0][0] == "ok"
    ((level, what),) = made.look(made.entry(NAME, f"*.{NAME}", "*.example.test"))
    assert level == "blocks"
    assert what == (
        f"the CAA records of example.test let nobody issue for *.{NAME}, so not {OURS}; "
        "1 more of the certificate's names are in the same place"
    )


def test_nearer_records_decide_and_aliases_are_followed_to_them(machine):
    made = machine(
        f'{NAME}. CAA 0 issue "{OURS}"',
        ELSEWHERE,
        'hosted.acme.test. CAA 0 issue "host.test"',
        aliases={"c.example.test": "hosted.acme.test"},
    )
    assert made.look(made.entry(NAME))[0][0] == "ok"
    ((level, what),) = made.look(made.entry("c.example.test"))
    assert level == "blocks"
    assert "the CAA records of hosted.acme.test let only 'host.test' issue for c.example.test" in what


def test_a_record_for_another_account_is_told_once_there_is_one(machine):
    made = machine(f'acme.test. CAA 0 issue "{OURS}; accounturi=https://ca.test/account/of-another"')
    pinned = made.entry(OTHER)
    assert made.look(pinned)[0][0] == "ok", "before the account is made nobody knows its address"
    assert results(made.renew(made.entry(NAME))) == {NAME: "renewed"}
    ((level, what),) = made.look(pinned)
    assert level == "blocks"
    assert f"so not {OURS} for the account https://" in what
    assert results(made.renew(pinned)) == {OTHER: "failed"}
    assert made.orders == [1]


def test_what_cannot_be_read_warns_and_stops_no_order(machine, world):
    made = machine(kind=Knot)  # which knows its own zones only, and nothing of what is above them
    ((level, what),) = made.look()
    assert level == "warns"
    assert what == "whether CAA records let ca issue is not known: test: REFUSED"
    assert results(made.renew()) == {NAME: "renewed"}
    (told,) = world.told(permission.Unread)
    assert (told.name, told.issuer, told.why) == (NAME, "ca", "test: REFUSED")


def test_the_look_can_be_left_out(machine):
    made = machine(ELSEWHERE)
    made.issuers["ca"]["caa"] = False  # as YAML reads `off`
    assert made.look() == []
    assert results(made.renew()) == {NAME: "renewed"}


def test_a_ca_that_does_not_say_its_names_is_not_judged(machine):
    made = machine(ELSEWHERE, named=False)
    assert made.look() == []
    assert results(made.renew()) == {NAME: "renewed"}


def test_of_several_issuers_the_one_that_is_permitted_is_asked(machine, world):
    made = machine(ELSEWHERE)
    made.add("other", "elsewhere.test")
    assert sorted(level for level, _ in made.look()) == ["ok", "warns"]
    assert results(made.renew()) == {NAME: "renewed"}
    assert made.orders == [0, 1]
    (fell,) = world.told(FellBack)
    assert "the CAA records of example.test" in fell.why
