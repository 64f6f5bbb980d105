"""The account at a real CA (Pebble): made once by all, found again, bound, told of an address, its key changed, never replaced."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import josepy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from renewd import issuers
from renewd.config.model import AcmeIssuer, Certificate
from renewd.config.targets import Target
from renewd.errors import BadReply, KeyRejected, ReplyLost, SecretUnusable, TargetError, Unreachable
from renewd.issuers import acme_account_keys as account_keys
from renewd.issuers.acme import Acme
from renewd.issuers.http import Call
from renewd.journal import Failure
from tests.between import Between
from tests.clocks import FakeClock
from tests.pebble import Pebble
from tests.scripted import answer_json, scripted
from tests.servers import free_port

TARGET = Target("a.example", Certificate.model_construct(), "main")
HMAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


class User:
    """Whoever has the folder `state` and this CA."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.folder = self.state / "acme" / "main"
        self.made: list[Acme] = []

    def __call__(self, ca: Pebble | Between, **settings: Any) -> Acme:
        """As a new process would be."""
        told = {
            "type": "acme",
            "directory": ca.directory_url,
            "agree_terms": True,
            "ca_file": str(ca.ca_file),
        }
        model = AcmeIssuer.model_validate(told | settings)
        self.made.append(issuers.make("main", model, FakeClock(), str(self.state)))
        return self.made[-1]

    def kept(self, end: str) -> list[Path]:
        return sorted(self.folder.glob(f"account-*{end}"))


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    known = User(tmp_path)
    yield known
    for each in known.made:
        each.close()


@pytest.fixture
def between(tmp_path: Path, pebble: Callable[..., Pebble]) -> Iterator[Between]:
    proxy = Between(pebble(), tmp_path)
    yield proxy
    proxy.close()


def secret(path: Path, content: str | bytes) -> dict[str, str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return {"file": str(path)}


def shown(acme: Acme) -> dict[str, Any]:
    """The account as the CA has it."""
    signer = acme.account.signer()
    return acme._session.ask(signer.account, Call("the account", "account", 10.0), signer)


def shut(acme: Acme) -> None:
    """The account is deactivated (RFC 8555 §7.3.6)."""
    signer = acme.account.signer()
    acme._session.post(signer.account, {"status": "deactivated"}, Call("it", "account", 10.0), signer)


def test_it_is_made_once_by_many_threads(user: User, between: Between):
    acme, found = user(between), []
    threads = [threading.Thread(target=lambda: found.append(acme.account.signer().account)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 8
    assert between.calls.count("/sign-me-up") == 1
    (key,), (facts,) = user.kept(".pem"), user.kept(".json")
    assert {key.stat().st_mode & 0o777, facts.stat().st_mode & 0o777} == {0o600}


PROCESS = """
import sys, json
from renewd import issuers
from renewd.clock import SystemClock
from renewd.config.model import AcmeIssuer
directory, ca_file, state = sys.argv[1:]
told = {"type": "acme", "directory": directory, "agree_terms": True, "ca_file": ca_file}
print(issuers.make("main", AcmeIssuer.model_validate(told), SystemClock(), state).account.signer().account)
"""


@pytest.mark.fault(90)
def test_it_is_made_once_by_two_processes(user: User, between: Between):
    line = [sys.executable, "-c", PROCESS, between.directory_url, str(between.ca_file), str(user.state)]
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate(timeout=60)[0] for process in both)
    assert first == second
    assert first.startswith("https://")
    assert between.calls.count("/sign-me-up") == 1


def test_it_is_found_again_when_what_was_known_of_it_is_lost(user: User, between: Between):
    first = user(between).account.signer().account
    assert user(between).account.signer().account == first
    assert between.calls.count("/sign-me-up") == 1, "what is known is not asked for"
    for broken in (b"", b"{", b"[]", b'{"url": 1}'):
        user.kept(".json")[0].write_bytes(broken)
        assert user(between).account.signer().account == first
    user.kept(".json")[0].unlink()
    assert user(between).account.signer().account == first


def test_the_ca_is_told_of_another_address_once(user: User, between: Between):
    assert not shown(user(between)).get("contact")
    assert shown(user(between, email="ops@example.com"))["contact"] == ["mailto:ops@example.com"]
    calls = len(between.calls)
    user(between, email="ops@example.com").account.signer()
    assert len(between.calls) == calls


@pytest.mark.parametrize("form", ["PEM", "JWK"])
@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA"])
def test_an_account_that_somebody_has_is_used_by_its_key(
    user: User, tmp_path: Path, between: Between, kind: str, form: str
):
    key: Any = {
        "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    there = secret(tmp_path / "key", pem if form == "PEM" else josepy.JWK.load(pem).json_dumps())
    with pytest.raises(KeyRejected, match="accountDoesNotExist") as caught:
        user(between, account_key=there).account.signer()
    assert caught.value.remedy.startswith("account_key names the key of an account that this CA does not")
    assert Failure.of(caught.value).kind == "KeyRejected", "back-off and fallback know it by this name"
    other = User(tmp_path / "other")
    (tmp_path / "other" / "state" / "acme" / "main").mkdir(parents=True)
    owner = other(between)
    owner.account._files.keep_key(pem)
    owned = owner.account.signer().account
    owner.close()
    assert user(between, account_key=there).account.signer().account == owned
    assert user.kept(".pem") == [], "the key is not copied"


def bad_keys() -> dict[str, bytes]:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    wrong = {"Ed25519": ed25519.Ed25519PrivateKey.generate(), "k1": ec.generate_private_key(ec.SECP256K1())}
    pems = {
        name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, key in wrong.items()
    }
    pems["public"] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pems["public JWK"] = josepy.JWKEC(key=public).json_dumps().encode()
    return pems | {"oct": b'{"kty": "oct", "k": "AAAA"}', "empty": b"x", "JSON": b"{", "list": b"{}"}


@pytest.mark.parametrize("name", bad_keys())
def test_a_key_that_signs_nothing_is_refused_in_words(name: str):
    with pytest.raises(ValueError, match=r"\w{3,} \w+"):
        account_keys.loaded(bad_keys()[name])


def test_an_account_key_that_is_none_is_told_without_its_content(
    user: User, tmp_path: Path, between: Between
):
    with pytest.raises(SecretUnusable, match="account_key holds no key"):
        user(between, account_key=secret(tmp_path / "key", "nonsense-nonsense")).account.signer()


def test_a_key_of_ours_that_was_damaged_is_told_and_not_replaced(user: User, between: Between):
    user(between).account.signer()
    (key,) = user.kept(".pem")
    key.write_bytes(b"damaged")
    with pytest.raises(SecretUnusable, match=str(key)):
        user(between).account.signer()
    assert key.read_bytes() == b"damaged"


def test_an_account_that_was_deactivated_is_told_and_never_replaced(user: User, between: Between):
    acme = user(between)
    shut(acme)
    (key,) = user.kept(".pem")
    before = key.read_bytes()
    for again in (acme, user(between)):
        with pytest.raises(KeyRejected) as caught:
            again.order(TARGET)
        assert f"renewd makes no other by itself. If it is to, move {key} away." in caught.value.remedy
        assert "{" not in caught.value.remedy
    with pytest.raises(KeyRejected, match=r"deactivated|unauthorized"):
        user(between).probe(TARGET)
    assert key.read_bytes() == before
    assert list((user.folder / "keys").iterdir()) == []


@pytest.mark.parametrize("key", ["", "no base64!", "AAAAA", "ä"])
def test_a_key_of_external_binding_that_is_none(
    user: User, tmp_path: Path, pebble: Callable[..., Pebble], key: str
):
    eab = {"kid": "kid-1", "hmac_key": secret(tmp_path / "hmac", key or " ")}
    for call in (lambda acme: acme.account.signer(), lambda acme: acme.probe(TARGET)):
        with pytest.raises(SecretUnusable):
            call(user(pebble(eab={"kid-1": HMAC}), eab=eab))


def test_preflight_tells_of_external_binding_before_anything_is_made(
    user: User, tmp_path: Path, pebble: Callable[..., Pebble]
):
    ca = pebble(eab={"kid-1": HMAC})
    with pytest.raises(KeyRejected, match="external account binding") as caught:
        user(ca).probe(TARGET)
    assert "eab" in caught.value.remedy
    bound = user(ca, eab={"kid": "kid-1", "hmac_key": secret(tmp_path / "hmac", HMAC + "==")})
    assert "an account is made with the first order" in bound.probe(TARGET)
    assert user.kept("") == []
    assert bound.account.signer().account


@pytest.mark.parametrize("wrong", ["kid", "key"])
def test_a_wrong_external_binding_is_told_as_that_and_not_as_an_account_that_never_was(
    user: User, tmp_path: Path, pebble: Callable[..., Pebble], wrong: str
):
    key = HMAC if wrong == "kid" else HMAC[::-1]
    eab = {"kid": "kid-2" if wrong == "kid" else "kid-1", "hmac_key": secret(tmp_path / "hmac", key)}
    with pytest.raises(TargetError) as caught:
        user(pebble(eab={"kid-1": HMAC}), eab=eab).account.signer()
    assert caught.value.remedy == "Compare eab.kid and eab.hmac_key with what the CA gave you."


def test_somebody_else_s_account_that_was_deactivated_is_told_without_a_file_that_is_not_there(
    user: User, between: Between
):
    shut(user(between))
    (key,) = user.kept(".pem")
    with pytest.raises(KeyRejected) as caught:
        user(between, account_key={"file": str(key)}).probe(TARGET)
    assert "whose key account_key names may have been deactivated" in caught.value.remedy
    assert "account-" not in caught.value.remedy


def test_preflight_makes_no_account_and_shows_the_one_that_is(user: User, between: Between):
    assert "an account is made with the first order" in user(between).probe(TARGET)
    assert "/sign-me-up" not in between.calls
    there = user(between).account.signer().account
    assert f"its account is {there}" in user(between).probe(TARGET)
    assert "you agree to data:" in user(between).probe(TARGET)


def test_preflight_tells_of_what_is_no_directory_and_of_tls(user: User, between: Between):
    with pytest.raises(Unreachable, match="not trusted") as caught:
        user(between, ca_file=None).probe(TARGET)
    assert "ca_file" in caught.value.remedy
    with scripted(lambda _: answer_json({"hello": "you"})) as other:
        told = {"type": "acme", "directory": other.url, "agree_terms": True}
        acme = issuers.make("main", AcmeIssuer.model_validate(told), FakeClock(), str(user.state))
        with pytest.raises(BadReply, match="is no ACME directory"):
            acme.probe(TARGET)
    told["directory"] = f"http://127.0.0.1:{free_port()}/dir"
    with pytest.raises(Unreachable):
        issuers.make("main", AcmeIssuer.model_validate(told), FakeClock(), str(user.state)).probe(TARGET)


def test_preflight_tells_of_a_profile_that_the_ca_does_not_have(user: User, between: Between):
    with pytest.raises(TargetError, match="no profile 'shortlived'"):
        user(between, profile="shortlived").probe(TARGET)


def test_another_directory_is_another_account(user: User, between: Between):
    user(between).account.signer()
    url = between.directory_url.replace("localhost", "127.0.0.1")
    user(between, directory=url).account.signer()
    assert len(user.kept(".pem")) == 2


def test_its_key_is_changed_and_processes_that_know_the_old_one_notice(user: User, between: Between):
    daemon, shell = user(between), user(between)
    before = daemon.account.signer()
    shell.account.roll_over()
    after = daemon.account.signer()
    assert after.account == before.account
    assert account_keys.mark(after.key) != account_keys.mark(before.key)
    assert shown(daemon)["status"] == "valid"
    assert len(user.kept("")) == 2, "no key is left over"
    with pytest.raises(TargetError):
        daemon._session.ask(before.account, Call("it", "account", 10.0), before)


@pytest.mark.fault(7, 8)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_change_of_the_key_whose_answer_is_lost_leaves_the_one_in_force(
    user: User, between: Between, when: str
):
    acme = user(between)
    before = acme.account.signer()
    between.fault(".*rollover.*|.*key-change.*", lost=when)
    with pytest.raises(ReplyLost):
        acme.account.roll_over()
    for each in (acme, user(between)):
        signer = each.account.signer()
        assert signer.account == before.account
        assert (account_keys.mark(signer.key) == account_keys.mark(before.key)) == (when == "before")
        assert shown(each)["status"] == "valid"
    assert user.kept(".new") == []


def test_the_key_of_somebody_else_is_not_changed(user: User, tmp_path: Path, between: Between):
    acme = user(between, account_key=secret(tmp_path / "key", account_keys.new()))
    with pytest.raises(KeyRejected, match="account_key"):
        acme.account.roll_over()


def test_an_account_that_the_ca_has_forgotten_is_registered_again_when_it_is_wanted(
    user: User, tmp_path: Path, pebble: Callable[..., Pebble]
):
    first = pebble()
    user(first).account.signer()
    (key,), (facts,) = user.kept(".pem"), user.kept(".json")
    known = json.loads(facts.read_text())
    facts.write_text(json.dumps({**known, "url": f"{known['url']}0"}))
    with pytest.raises(TargetError) as caught:
        user(first).order(TARGET)
    assert f"move {facts} away" in caught.value.remedy
    facts.unlink()
    before = key.read_bytes()
    assert user(first).order(TARGET).uri
    assert key.read_bytes() == before


def test_a_state_directory_that_cannot_be_written_stops_before_anything_is_sent(user: User, between: Between):
    user.state.parent.joinpath("state").write_text("in the way")
    with pytest.raises(Unreachable, match="cannot lock"):
        user(between).account.signer()
    assert between.calls == []


def test_its_address_is_known_here_once_it_was_made_and_only_of_the_key_that_is_used(
    user: User, pebble: Callable[..., Pebble], tmp_path: Path
):
    ca = pebble()
    acme = user(ca)
    assert acme.account.address() == ""
    made = acme.account.signer().account
    assert user(ca).account.address() == made
    another = user(ca, account_key=secret(tmp_path / "another.pem", account_keys.new()))
    assert another.account.address() == ""
