"""The roots that what is issued must chain to: the system's, or those of a file."""

from base64 import b64encode
from pathlib import Path
from textwrap import wrap

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from renewd.config import roots as configured
from renewd.config.issuing import AcmeIssuer, TrustFile
from renewd.errors import InstallFailed
from renewd.renewal import trust
from tests.certificates import Authority, make_key, pem

BROKEN = b"-----BEGIN CERTIFICATE-----\nMAAwAA==\n-----END CERTIFICATE-----\n"


def _issuer(file: Path | None = None) -> AcmeIssuer:
    chosen = {} if file is None else {"trust": TrustFile(file=str(file))}
    return AcmeIssuer(type="acme", directory="letsencrypt", agree_terms=True, **chosen)


def _root() -> x509.Certificate:
    return Authority.new().root_signer.certificate


def _armoured(der: bytes) -> bytes:
    lines = "\n".join(wrap(b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


@pytest.fixture
def odd() -> bytes:
    """A root with the serial number 0. Reading it in the plain way warns, which fails a test."""
    root = _root()
    name, first = root.subject, root.not_valid_before_utc
    key = make_key()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, first, root.not_valid_after_utc)
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )
    found = _armoured(made.replace(b"\x02\x01\x01", b"\x02\x01\x00", 1))
    with pytest.warns(Warning, match="serial number"):
        x509.load_pem_x509_certificate(found)
    return found


def _system(monkeypatch: pytest.MonkeyPatch, *bundles: Path) -> None:
    monkeypatch.setattr(trust, "_BUNDLES", tuple(map(str, bundles)))
    monkeypatch.setattr(trust.ssl, "get_default_verify_paths", lambda: type("Paths", (), {"cafile": None}))


def test_the_system_s_own_bundle_is_read_without_a_warning() -> None:
    found = trust.roots(_issuer())
    assert found
    assert len(found) > 50


def test_a_root_with_the_serial_number_0_and_a_broken_one_stop_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: bytes
) -> None:
    root = _root()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"# a remark\n" + odd + BROKEN + pem(root))
    _system(monkeypatch, bundle)
    found = trust.roots(_issuer())
    assert found is not None
    assert [pem(each) for each in found] == [odd, pem(root)]


def test_a_bundle_of_which_nothing_can_be_loaded_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty, good = tmp_path / "empty.pem", tmp_path / "good.pem"
    empty.write_bytes(BROKEN)
    root = _root()
    good.write_bytes(pem(root))
    _system(monkeypatch, tmp_path / "absent.pem", empty, good)
    assert trust.roots(_issuer()) == (root,)
    _system(monkeypatch, tmp_path / "absent.pem", empty)
    with pytest.raises(InstallFailed, match="no file of trusted roots"):
        trust.roots(_issuer())


def test_a_file_that_somebody_chose_counts_as_a_whole(tmp_path: Path, odd: bytes) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(odd)
    assert configured.problem(str(file)) is None
    found = trust.roots(_issuer(file))
    assert found is not None
    assert [pem(each) for each in found] == [odd]
    file.write_bytes(odd + BROKEN)
    with pytest.raises(InstallFailed, match="cannot be read"):
        trust.roots(_issuer(file))
