"""Every setting, read once per process from DACS_* variables, a TOML file and DACS_X_FILE secrets.

Nothing else in the system reads the environment. A bad value raises `ConfigError` naming the variable.
What a physicist edits (reference levels, recipients, mappings) is data in the database, not a setting.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dose.errors import ConfigError

PREFIX = "DACS_"
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
_PRICES = r"^((\+\d{0,14})?=\d+(\.\d+)?(,(\+\d{0,14})?=\d+(\.\d+)?)*)?$"


class Settings(BaseSettings):
    """All settings with their defaults; the description of each is what the documentation shows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    var: Path = Field(Path("var"), description="Folder for the database, keys, logs and Orthanc's storage.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in `DACS_VAR`.")
    key_file: Path | None = Field(
        None, description="Key file for identifiers; empty means `DACS_VAR/keys/identifiers`."
    )
    secret_key: str = Field("", description="Signs web sessions; made by `dacs run` when absent.")

    site: str = Field("Main site", description="Name of the site that this Orthanc belongs to.")
    time_zone: str = Field("UTC", description="IANA time zone of the site's devices.")
    country: str = Field(
        "",
        pattern=r"^([A-Z]{2})?$",
        description="ISO 3166 code of the country, as `MR`: phone numbers may lack it then.",
    )
    keep_operators: bool = Field(False, description="Keep the names of operators and physicians beside the doses.")

    orthanc_url: str = Field("http://127.0.0.1:8042", description="Orthanc's REST address as our processes reach it.")
    orthanc_user: str = Field("", description="Orthanc user for the web app and for a worker started by hand.")
    orthanc_password: str = Field("", description="Its password.")
    orthanc_program: Path = Field(Path("/usr/sbin/Orthanc"), description="Orthanc's program, started by `dacs run`.")
    orthanc_plugins: Path = Field(Path("/usr/share/orthanc/plugins"), description="Folder of Orthanc's plugins.")
    dicom_port: int = Field(4242, ge=1, le=65535, description="DICOM port of the Orthanc that `dacs run` starts.")
    dicom_aet: str = Field("DACS", min_length=1, max_length=16, description="Its application entity title.")
    orthanc_log: Path | None = Field(None, description="Orthanc's log file, read for refused application entities.")

    web_host: str = Field("127.0.0.1", description="Address the web app listens on.")
    web_port: int = Field(8050, ge=1, le=65535, description="Port of the web app.")
    web_url: str = Field("", description="Address of the web app as people reach it; empty means host and port.")
    trusted_proxy: str = Field("", description="Address of the proxy before the web app, believed about who asks.")
    web_threads: int = Field(8, ge=2, le=64, description="Threads of the web server.")
    viewer_url: str = Field(
        "/images/web-viewer/app/viewer.html?series={orthanc_series}",
        description="Viewer link; may use {orthanc_study}, {orthanc_series}, {study_uid}, {series_uid}.",
    )

    poll_seconds: float = Field(1.0, gt=0, le=60, description="How often the worker asks Orthanc when nothing woke it.")
    backfill_per_second: float = Field(20.0, gt=0, description="Objects a second read from what Orthanc already holds.")
    read_images: bool = Field(True, description="Read doses from image headers too (yes or no), not only from reports.")
    max_object_mb: int = Field(64, ge=1, description="A report, or an image header, larger than this is rejected.")
    max_table_mb: int = Field(20, ge=1, le=200, description="A table of former doses larger than this is refused.")
    reconcile_at: str = Field("03:15", pattern=r"^\d\d:\d\d$", description="Local time of the nightly reconciliation.")

    notices: bool = Field(True, description="Send notices of alerts (yes or no); without, they wait in the outbox.")
    digest_at: str = Field("07:30", pattern=_CLOCK, description="Local time at which daily digests leave.")
    mail_host: str = Field("", description="SMTP server that takes our mail; empty means no e-mail.")
    mail_port: int = Field(587, ge=1, le=65535, description="Its port.")
    mail_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="STARTTLS, TLS from the first byte, or none (without a password only)."
    )
    mail_user: str = Field("", description="User of the SMTP server; empty means that none is asked for.")
    mail_password: str = Field("", repr=False, description="Its password.")
    mail_from: str = Field("", description="Address that notices come from.")
    mail_from_name: str = Field("DACS", max_length=80, description="Name beside it.")
    mail_ca_file: Path | None = Field(None, description="Authority of the server's certificate; empty: the system's.")
    mail_timeout_seconds: float = Field(15.0, gt=0, le=30, description="Longest wait for one answer of the server.")
    sms_account: str = Field("", description="SID of the Twilio account (`AC…`); empty means no text messages.")
    sms_token: str = Field("", repr=False, description="Its auth token; signs delivery reports.")
    sms_key: str = Field("", description="SID of an API key (`SK…`); empty means that the auth token signs in.")
    sms_key_secret: str = Field("", repr=False, description="Secret of the API key.")
    sms_sender: str = Field("", description="Number, name of at most 11 letters, or messaging service (`MG…`).")
    sms_api_url: str = Field(
        "https://api.twilio.com", description="Address of Twilio's API, or of a gateway before it."
    )
    sms_timeout_seconds: float = Field(15.0, gt=0, le=30, description="Longest wait for one answer of Twilio.")
    sms_callback: bool = Field(
        False, description="Let Twilio report deliveries to `DACS_WEB_URL` (yes or no); else it is asked."
    )
    sms_replies: bool = Field(
        False, description="The sender can receive and Twilio posts answers to us (yes or no): STOP ends a consent."
    )
    sms_day_cap: float | None = Field(
        None, ge=0, description="What text messages may cost in a day (UTC), in the account's currency; empty: no cap."
    )
    sms_prices: str = Field(
        "", pattern=_PRICES, description="Price of one part by the beginning of the number: `=0.08,+212=0.06`."
    )

    quirks_file: Path | None = Field(None, description="TOML file with this site's own rows of vendor deviations.")

    log_format: Literal["text", "json"] = Field("text", description="key=value lines or JSON lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe line written.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError("is not an IANA time zone such as Africa/Casablanca") from error
        return value

    @field_validator("sms_replies")
    @classmethod
    def _can_receive(cls, value: bool, others: ValidationInfo) -> bool:
        sender = str(others.data.get("sms_sender") or "")
        if value and not sender.startswith("MG") and not sender.removeprefix("+").isdigit():
            raise ValueError("needs a sender that can receive: a name cannot be answered")
        return value

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{(self.var / 'dacs.sqlite3').absolute()}"

    @property
    def identifier_key_file(self) -> Path:
        """The key file in force."""
        return self.key_file or self.var / "keys" / "identifiers"

    @property
    def public_url(self) -> str:
        """Where people reach the web app, without a trailing slash."""
        return (self.web_url or f"http://{self.web_host}:{self.web_port}").rstrip("/")


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field of Settings
    """Build the settings of this process.

    Precedence: overrides, DACS_X, the file named by DACS_X_FILE, the TOML file named by DACS_CONFIG, defaults.

    Raises
    ------
    ConfigError
        Naming the variable and what is wrong with it.
    """
    values = _from_toml(os.environ.get(f"{PREFIX}CONFIG")) | _from_secret_files() | _from_environment() | overrides
    unknown = sorted(set(values) - set(Settings.model_fields))
    if unknown:
        raise ConfigError(f"{PREFIX}{unknown[0].upper()} is not a setting")
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        what = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name} {what[:1].lower()}{what[1:]}") from None


def _from_environment() -> dict[str, Any]:
    known = Settings.model_fields
    return {name: os.environ[key] for name in known if (key := PREFIX + name.upper()) in os.environ}


def _from_secret_files() -> dict[str, Any]:
    values = {}
    for name in Settings.model_fields:
        key = f"{PREFIX}{name.upper()}_FILE"
        if name != "key" and key in os.environ and name + "_file" not in Settings.model_fields:
            values[name] = _read(key, Path(os.environ[key])).strip()
    return values


def _from_toml(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(_read(f"{PREFIX}CONFIG", Path(path)))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{PREFIX}CONFIG names a file that is not TOML: {error}") from None


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{variable} names a file that cannot be read: {error.strerror}") from None
