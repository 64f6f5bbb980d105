"""Material that cannot be read, with the words it is refused in; and good material in every form it may come in."""

from base64 import encodebytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from renewd.certs.bundle import Material
from renewd.config.secrets import Secret
from tests.certificates import Authority, key_pem, make_key, pem

CA = Authority.new()
GOOD = CA.issue(["contoso.com", "www.contoso.com"])
OTHER = CA.issue("other.example")
RSA = CA.issue("rsa.example", key_type="rsa-2048")
KEY, LEAF, CHAIN, FULL = GOOD.key_pem, GOOD.leaf_pem, GOOD.chain_pem, GOOD.fullchain_pem
MIDDLE = CA.intermediate_signer


def texts(*parts):
    return Material(pem=parts)


def pfx(*, key=GOOD.key, leaf=GOOD.leaf, chain=GOOD.chain, password=None):
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(None, key, leaf, chain, encryption)


def longer(der):
    """The same in BER: the outermost length takes four bytes."""
    return b"\x30\x84" + len(der[4:]).to_bytes(4) + der[4:]


def encrypted(form):
    return GOOD.key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))


def relabelled(text, old, new):
    return text.replace(b" " + old + b"-----", b" " + new + b"-----")


def request_pem():
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(GOOD.key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def rsa_key_with_a_wrong_private_half():
    numbers = RSA.key.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d ^ 2,
        numbers.dmp1 ^ 2,
        numbers.dmq1 ^ 2,
        numbers.iqmp,
        numbers.public_numbers,
    )
    return key_pem(wrong.private_key(unsafe_skip_rsa_key_validation=True))


def ec_key_with_a_wrong_private_half():
    der = GOOD.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    private = GOOD.key.private_numbers().private_value.to_bytes(32)
    other = OTHER.key.private_numbers().private_value.to_bytes(32)
    return wrapped("PRIVATE KEY", der.replace(private, other))


def wrapped(label, der):
    return f"-----BEGIN {label}-----\n".encode() + encodebytes(der) + f"-----END {label}-----\n".encode()


def both_intermediates():
    """Two certificates of one CA, each signed by another root: which way up is meant cannot be told."""
    second = Authority.new("Second").root_signer
    twin = (
        x509.CertificateBuilder()
        .subject_name(MIDDLE.certificate.subject)
        .issuer_name(second.certificate.subject)
        .public_key(MIDDLE.key.public_key())
        .serial_number(7)
        .not_valid_before(MIDDLE.certificate.not_valid_before_utc)
        .not_valid_after(MIDDLE.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(second.key, hashes.SHA256())
    )
    return pem(twin)


def many_names():
    return CA.issue([f"host-with-a-long-name-{number:06}.contoso.com" for number in range(1700)])


def broken_extension():
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), b"\x04\x03abc")
    return CA.issue("contoso.com", extra=[(strange, False)])


WRONG = {
    "nothing at all": (Material, "it is empty"),
    "an empty text": (lambda: texts(b""), "it is empty"),
    "only white space": (lambda: texts(FULL, b" \n\t\n"), "part 2 of 2 is empty"),
    "a web page where the key should be": (lambda: texts(FULL, b"<!DOCTYPE html><html>404"), "part 2 of 2 is a web page (HTML or XML), not PEM"),
    "JSON": (lambda: texts(b'{"message": "gone"}'), "it is JSON, not PEM"),
    "a byte-order mark": (lambda: texts(b"\xef\xbb\xbf" + KEY + FULL), "it begins with a byte-order mark; plain ASCII is wanted"),
    "UTF-16": (lambda: texts((KEY + FULL).decode().encode("utf-16")), "it is UTF-16; plain ASCII is wanted"),
    "UTF-16 of the other order": (lambda: texts(b"\xfe\xff" + FULL.decode().encode("utf-16-be")), "it is UTF-16; plain ASCII is wanted"),
    "UTF-16 without a mark": (lambda: texts(FULL.decode().encode("utf-16-le")), "it has NUL bytes in it; plain ASCII is wanted"),
    "NULs at the end": (lambda: texts(KEY + FULL + b"\0\0"), "it has NUL bytes in it; plain ASCII is wanted"),
    "not ASCII": (lambda: texts(KEY + "für contoso\n".encode() + FULL), "it has bytes in it that are not ASCII"),
    "DER": (lambda: texts(KEY, GOOD.leaf.public_bytes(Encoding.DER)), "part 2 of 2 is binary (DER or PFX), not PEM"),
    "a PFX where PEM should be": (lambda: texts(pfx()), "it is binary (DER or PFX), not PEM"),
    "an encrypted key": (lambda: texts(FULL, encrypted(PrivateFormat.PKCS8)), "part 2 of 2 holds an encrypted private key; an unencrypted one is wanted"),
    "an encrypted key of the old form": (lambda: texts(FULL, encrypted(PrivateFormat.TraditionalOpenSSL)), "part 2 of 2 holds an encrypted private key; an unencrypted one is wanted"),
    "text before": (lambda: texts(b"Bag Attributes\n" + KEY + FULL), "it has other text around its PEM blocks"),
    "text between": (lambda: texts(KEY + b"subject=contoso.com\n" + FULL), "it has other text around its PEM blocks"),
    "a shell command after": (lambda: texts(KEY + FULL + b"$(rm -rf /)\n"), "it has other text around its PEM blocks"),
    "plain words": (lambda: texts(b"The certificate was not found."), "it has other text and no PEM blocks"),
    "a certificate request": (lambda: texts(KEY + FULL + request_pem()), "it holds a block labelled CERTIFICATE REQUEST; only certificates and RSA or EC private keys have a place here"),
    "a public key": (lambda: texts(FULL, GOOD.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)), "part 2 of 2 holds a block labelled PUBLIC KEY; only certificates and RSA or EC private keys have a place here"),
    "an SSH key": (lambda: texts(FULL, GOOD.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())), "part 2 of 2 holds a block labelled OPENSSH PRIVATE KEY; only certificates and RSA or EC private keys have a place here"),
    "a trusted certificate of openssl": (lambda: texts(KEY, relabelled(FULL, b"CERTIFICATE", b"TRUSTED CERTIFICATE")), "part 2 of 2 holds a block labelled TRUSTED CERTIFICATE; only certificates and RSA or EC private keys have a place here"),
    "begin and end that differ": (lambda: texts(KEY + FULL.replace(b"END CERTIFICATE", b"END PRIVATE KEY")), "it has a PEM block that is cut off or damaged"),
    "a label in lower case": (lambda: texts(KEY + FULL.replace(b"CERTIFICATE", b"certificate")), "it has a PEM block that is cut off or damaged"),
    "all on one line": (lambda: texts(KEY + FULL.replace(b"\n", b"")), "it has a PEM block that is cut off or damaged"),
    "a download cut off": (lambda: texts(KEY + FULL[:-40]), "it has a PEM block that is cut off or damaged"),
    "base64 that is none": (lambda: texts(KEY + FULL.replace(b"\nMII", b"\nMII=")), "it has a PEM block that is cut off or damaged"),
    "a certificate that is none": (lambda: texts(KEY + wrapped("CERTIFICATE", b"\x30\x03\x02\x01\x01")), "a certificate in it is damaged"),
    "a certificate with something after it": (lambda: texts(KEY + wrapped("CERTIFICATE", GOOD.leaf.public_bytes(Encoding.DER) + b"\0")), "a certificate in it is damaged"),
    "an extension that cannot be parsed": (lambda: broken_extension().material, "a certificate in it is damaged"),
    "no private key": (lambda: texts(FULL), "there is no private key in it"),
    "no certificate": (lambda: texts(KEY), "there is no certificate in it"),
    "two private keys": (lambda: texts(KEY + FULL, OTHER.key_pem), "there are 2 private keys in it"),
    "the key of another certificate": (lambda: texts(OTHER.key_pem, FULL), "key and certificate do not match"),
    "a key of another type": (lambda: texts(RSA.key_pem, FULL), "key and certificate do not match"),
    "two certificates for the key": (lambda: texts(KEY, FULL, CA.issue("new.example", key=GOOD.key).leaf_pem), "two different certificates in it are for the same key"),
    "an Ed25519 key": (lambda: texts(FULL, key_pem(ed25519.Ed25519PrivateKey.generate())), "it holds a key of type ed25519; RSA or EC is wanted"),
    "a DSA key": (lambda: texts(FULL, key_pem(dsa.generate_private_key(2048))), "it holds a key of type dsa; RSA or EC is wanted"),
    "a key that is none": (lambda: texts(FULL, wrapped("PRIVATE KEY", b"\x30\x03\x02\x01\x01")), "it holds a private key that is damaged or of an unknown kind"),
    "an EC key with a wrong private half": (lambda: texts(FULL, ec_key_with_a_wrong_private_half()), "it holds a private key that is damaged or of an unknown kind"),
    "an RSA key with a wrong private half": (lambda: texts(RSA.fullchain_pem, rsa_key_with_a_wrong_private_half()), "it holds a private key that is damaged or of an unknown kind"),
    "an RSA key too long to be checked": (lambda: texts(FULL, key_pem(make_key("rsa-4104"))), "it holds an RSA key of 4104 bits; 4096 are the most"),
    "eleven certificates": (lambda: texts(KEY + FULL + pem(*(CA.issue(f"{n}.example").leaf for n in range(9)))), "there are 11 certificates in it; 10 are the most"),
    "five thousand certificates": (lambda: texts(KEY + LEAF * 5000), "it is more than 1,048,576 bytes long"),
    "ten megabytes of beginnings": (lambda: texts(b"-----BEGIN CERTIFICATE-----\n" * 370_000), "it is more than 1,048,576 bytes long"),
    "a megabyte of beginnings": (lambda: texts(b"-----BEGIN CERTIFICATE-----\n" * 37_000), "it has a PEM block that is cut off or damaged"),
    "a megabyte of base64": (lambda: texts(b"-----BEGIN CERTIFICATE-----\n" + b"A" * 1_000_000), "it has a PEM block that is cut off or damaged"),
    "a giant key": (lambda: texts(FULL, wrapped("PRIVATE KEY", bytes(20_000))), "part 2 of 2 holds a PRIVATE KEY of more than 16,384 bytes"),
    "a giant certificate": (lambda: many_names().material, "part 1 of 3 holds a CERTIFICATE of more than 65,536 bytes"),
    "a giant chain": (lambda: texts(KEY + FULL, *(wrapped("CERTIFICATE", bytes([n]) * 60_000) for n in range(4))), "the certificates in it are more than 196,608 bytes long"),
    "a stranger in the chain": (lambda: texts(KEY, FULL, pem(Authority.new("Strange").intermediate)), "the chain holds Strange Intermediate, which is not on the way from contoso.com up"),
    "another server's certificate in the chain": (lambda: texts(KEY, FULL, OTHER.leaf_pem), "the chain holds other.example, which is not on the way from contoso.com up"),
    "a strange root in the chain": (lambda: texts(KEY, FULL, Authority.new("Strange").root_pem), "the chain holds Strange Root, which is not on the way from contoso.com up"),
    "the chain of a CA of the same name": (lambda: texts(KEY, LEAF, pem(Authority.new().intermediate)), "the chain holds Test Intermediate, which is not on the way from contoso.com up"),
    "two ways up": (lambda: texts(KEY, FULL, both_intermediates()), "the chain has two certificates of Test Intermediate that both fit"),
    "a PFX with another password": (lambda: Material(pfx=pfx(password=b"right"), password=Secret("wrong")), "the PFX cannot be opened: it is damaged, or its password is another one"),
    "a PFX whose password is unknown": (lambda: Material(pfx=pfx(password=b"right")), "the PFX cannot be opened: it is damaged, or its password is another one"),
    "a damaged PFX": (lambda: Material(pfx=pfx()[:-100]), "the PFX cannot be opened: it is damaged, or its password is another one"),
    "a web page where a PFX should be": (lambda: Material(pfx=b"<html>"), "the PFX cannot be opened: it is damaged, or its password is another one"),
    "a PFX without a key": (lambda: Material(pfx=pkcs12.serialize_key_and_certificates(None, None, None, [GOOD.leaf], NoEncryption())), "there is no private key in the PFX"),
    "a PFX with an Ed25519 key": (lambda: Material(pfx=pfx(key=ed25519.Ed25519PrivateKey.generate(), leaf=None)), "it holds a key of type ed25519; RSA or EC is wanted"),
    "a PFX with another's key": (lambda: Material(pfx=pfx(key=OTHER.key, leaf=None, chain=[GOOD.leaf])), "key and certificate do not match"),
    "a giant PFX": (lambda: Material(pfx=bytes(2 << 20)), "the PFX is more than 262,144 bytes long"),
}  # fmt: skip


def traditional(issued):
    return key_pem(issued.key, PrivateFormat.TraditionalOpenSSL)


def one_long_line(text):
    """Each block's base64 on one line, as some portals write it."""
    lines = text.decode().splitlines()
    begin, end = lines[0], lines[-1]
    return f"{begin}\n{''.join(lines[1:-1])}\n{end}".encode()


PARAMETERS = wrapped("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))

RIGHT = {
    "leaf, chain and key in three files": lambda: texts(LEAF, CHAIN, KEY),
    "the key first": lambda: texts(KEY, CHAIN, LEAF),
    "all in one": lambda: texts(KEY + FULL),
    "all in one, in any order": lambda: texts(CHAIN + KEY + LEAF),
    "the leaf again in the chain's file": lambda: texts(LEAF, FULL, KEY),
    "the key twice": lambda: texts(KEY + FULL, KEY),
    "the key in both its forms": lambda: texts(KEY, FULL, traditional(GOOD)),
    "the root in the chain": lambda: texts(KEY, FULL + CA.root_pem),
    "the root before the rest": lambda: texts(KEY, CA.root_pem + CHAIN + LEAF),
    "line ends of Windows": lambda: texts((KEY + FULL).replace(b"\n", b"\r\n")),
    "no line end at the end": lambda: texts(KEY.strip(), FULL.strip()),
    "blanks at the ends of lines": lambda: texts((KEY + FULL).replace(b"\n", b" \t\n")),
    "blank lines between": lambda: texts(b"\n\n" + KEY + b"\n \n" + LEAF + b"\n" + CHAIN + b"\n\n"),
    "base64 on one line": lambda: texts(KEY, one_long_line(LEAF), CHAIN),
    "a key in the old form": lambda: texts(traditional(GOOD), FULL),
    "a key in the old form with its parameters": lambda: texts(PARAMETERS + traditional(GOOD), FULL),
    "a PFX without a password": lambda: Material(pfx=pfx()),
    "a PFX with a password": lambda: Material(pfx=pfx(password=b"secret"), password=Secret("secret")),
    "a PFX with longer lengths than needed": lambda: Material(pfx=longer(pfx())),
    "a PFX with the root in it": lambda: Material(pfx=pfx(chain=[CA.root, *GOOD.chain])),
    "a PFX that does not mark its leaf": lambda: Material(pfx=pfx(leaf=None, chain=[*GOOD.chain, GOOD.leaf])),
}
