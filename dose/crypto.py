"""Identifiers at rest: AES-256-GCM columns and keyed look-up indexes.

The key file holds one line a key, `<id>:<64 hex digits>`; the last line is the key in use, earlier ones still read.
A stored value is `key id (1 byte) | nonce (12) | ciphertext + tag`, bound to its table and column by the
additional authenticated data, so that a value copied into another column does not open.

References: NIST SP 800-38D (GCM), RFC 2104 (HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from dose.errors import ConfigError

NONCE_BYTES = 12
PREFIX_LENGTHS = range(2, 9)


class KeyRing:
    """The keys of one installation.

    Parameters
    ----------
    keys
        Key id (0–255) to 32 random bytes; the last one inserted encrypts.
    """

    def __init__(self, keys: dict[int, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = list(keys)[-1]
        # The index key must survive rotation of the encryption key: it is derived from the first key.
        self._index_key = hmac.digest(next(iter(keys.values())), b"dacs blind index v1", hashlib.sha256)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt `plain`, bound to `context` (table.column)."""
        nonce = os.urandom(NONCE_BYTES)
        return bytes([self._current]) + nonce + self._ciphers[self._current].encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt; raises `ConfigError` when the key is missing or the value was altered."""
        cipher = self._ciphers.get(sealed[0])
        if cipher is None:
            raise ConfigError(f"the key file lacks key {sealed[0]}")
        try:
            return cipher.decrypt(sealed[1 : NONCE_BYTES + 1], sealed[NONCE_BYTES + 1 :], context.encode())
        except InvalidTag:
            raise ConfigError(f"a value of {context} does not open with the key file") from None

    def index(self, value: str, context: str) -> bytes:
        """16-byte keyed index of a normalised value, equal for equal values of one context."""
        message = f"{context}\0{normalise(value)}".encode()
        return hmac.digest(self._index_key, message, hashlib.sha256)[:16]


def normalise(value: str) -> str:
    """Case-, accent- and space-insensitive form used for looking identifiers up."""
    decomposed = unicodedata.normalize("NFKD", value.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def name_tokens(name: str) -> Iterator[str]:
    """Each word of a DICOM person name and its prefixes, for blind prefix search."""
    words = normalise(name.replace("^", " ").replace("=", " ")).split()
    for word in dict.fromkeys(words):
        yield word
        yield from (word[:n] for n in PREFIX_LENGTHS if n < len(word))


_ring: KeyRing | None = None


def use_keys(ring: KeyRing) -> None:
    """Set the key ring of this process; columns of `EncryptedText` need it."""
    global _ring  # noqa: PLW0603 - SQLAlchemy types have no other way to reach a per-process secret
    _ring = ring


def keys() -> KeyRing:
    """The key ring in use; raises `ConfigError` when none was set."""
    if _ring is None:
        raise ConfigError("no key file is in use")
    return _ring


def load_keys(path: Path, *, create: bool = False) -> KeyRing:
    """Read the key file, or make it (mode 0600) when `create` and it does not exist."""
    if create and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"1:{os.urandom(32).hex()}\n")
    try:
        lines = path.read_text(encoding="ascii").split()
        return KeyRing({int(number): bytes.fromhex(key) for number, key in (line.split(":") for line in lines)})
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from None
    except (ValueError, StopIteration, IndexError):
        raise ConfigError(f"the key file {path} is not a list of number:hex keys") from None


class EncryptedText(TypeDecorator[str]):
    """A text column encrypted with the key ring; `context` is `table.column`."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else keys().seal(value.encode(), self.context)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        return None if value is None else keys().open(bytes(value), self.context).decode()


class EncryptedBlob(TypeDecorator[bytes]):
    """Compressed, then encrypted bytes."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else keys().seal(zlib.compress(value, 1), self.context)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> bytes | None:  # noqa: ANN401, ARG002
        return None if value is None else zlib.decompress(keys().open(bytes(value), self.context))
