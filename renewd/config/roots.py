"""Whether a file of roots is there."""

import warnings


def problem(path: str) -> tuple[str, str] | None:
    """What is wrong with a PEM file of certificates and what would be right; None if it can be used."""
    from cryptography import x509

    try:
        with (
            open(path, "rb") as file,
            warnings.catch_warnings(action="ignore"),
        ):  # of old roots' serial numbers
            x509.load_pem_x509_certificates(file.read())
    except FileNotFoundError:
        return f"there is no file {path}", "write a PEM file of root certificates there"
    except OSError as error:
        return f"{path} cannot be read: {(error.strerror or '').lower()}", "run as root, or make it readable"
    except ValueError:
        return (
            f"{path} holds no PEM certificates",
            "write root certificates into it, -----BEGIN CERTIFICATE-----",
        )
    return None
