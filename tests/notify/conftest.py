"""A certificate authority of the tests, mail servers and a stand-in for Twilio."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.notify.twilio_peer import TwilioPeer


@dataclass(frozen=True)
class Tls:
    """A server's side of TLS, and the file by which to trust it."""

    context: ssl.SSLContext
    ca_file: Path


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """TLS for 127.0.0.1."""
    return _tls(tmp_path_factory.mktemp("tls"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@pytest.fixture(scope="session")
def tls_of_another(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """TLS in the name of another host."""
    return _tls(tmp_path_factory.mktemp("other"), x509.DNSName("other.example"))


@pytest.fixture
def twilio() -> Iterator[TwilioPeer]:
    """A stand-in for Twilio's API."""
    peer = TwilioPeer()
    yield peer
    peer.stop()


def _tls(folder: Path, name: x509.GeneralName) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(itself, itself, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(secret + ca_file.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return Tls(context, ca_file)
