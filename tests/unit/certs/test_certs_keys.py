import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519
from cryptography.hazmat.primitives.serialization import PrivateFormat

from renewd.certs import keys, traits
from tests.certificates import Authority, key_pem, make_key

CA = Authority.new()
EC = CA.issue("contoso.com")
RSA = CA.issue("contoso.com", key_type="rsa-2048")


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("issued", [EC, RSA], ids=["EC", "RSA"])
@pytest.mark.parametrize(
    "form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["new form", "old form"]
)
def test_the_key_of_a_file_is_found_wherever_it_stands(issued, form, quick):
    for pem in (
        key_pem(issued.key, form),
        issued.fullchain_pem + key_pem(issued.key, form),
        b"notes\n" + key_pem(issued.key, form),
    ):
        key = keys.load_key(pem, quick=quick)
        assert keys.matches(key, issued.leaf)
        assert keys.proves(key, issued.leaf)


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (b"", "holds no private key"),
        (EC.fullchain_pem, "holds no private key"),
        (b"-----BEGIN ", "holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nMII", "holds a private key that is damaged or of an unknown kind"),
        (key_pem(ed25519.Ed25519PrivateKey.generate()), "holds a key of type ed25519; RSA or EC is wanted"),
        (key_pem(dsa.generate_private_key(2048)), "holds a key of type dsa; RSA or EC is wanted"),
    ],
    ids=["empty", "certificates only", "a beginning only", "cut off", "Ed25519", "DSA"],
)
def test_a_file_without_a_usable_key_is_told_in_words(pem, problem):
    with pytest.raises(ValueError, match=f"^{problem}$"):
        keys.load_key(pem)


@pytest.mark.parametrize("one", [EC, RSA], ids=["EC", "RSA"])
@pytest.mark.parametrize("other", ["ecdsa-p256", "ecdsa-p384", "rsa-3072"])
def test_another_key_neither_matches_nor_proves(one, other):
    key = make_key(other)
    assert not keys.matches(key, one.leaf)
    assert not keys.proves(key, one.leaf)


@pytest.mark.parametrize(
    "key_type", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ecdsa-p192", "rsa-2048", "rsa-3072"]
)
def test_a_key_type_is_written_as_the_configuration_writes_it(key_type):
    key = make_key(key_type)
    assert keys.key_type(key) == keys.key_type(key.public_key()) == key_type


class PanicException(BaseException):
    pass


def test_a_parsers_panic_is_a_damaged_key(monkeypatch):
    def panicking(*given, **named):
        raise PanicException

    monkeypatch.setattr(keys, "load_pem_private_key", panicking)
    with pytest.raises(ValueError, match="holds a private key that is damaged"):
        keys.load_key(EC.key_pem)


def test_a_name_without_a_common_one_is_told_whole():
    organisation = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Contoso")
    assert traits.title(x509.Name([organisation])) == "O=Contoso"
    assert traits.title(x509.Name([])) == "(no name)"
