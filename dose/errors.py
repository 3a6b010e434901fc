"""What can go wrong, as a tree; each message starts with its class's docstring.

DoseError
├── BadObject              the object is at fault: recorded as rejected, never retried
│   ├── NotADoseObject     not a dose report at all: recorded quietly
│   ├── UnreadableObject
│   ├── MissingField
│   ├── UnknownUnit
│   └── TooExpensive
├── ConfigError            a setting is at fault: refuse to start
├── NotPermitted           the person may not do this
├── CannotCorrect          the correction makes no sense, or another one must be undone first
└── DeliveryError          a message could not be delivered

Everything else means *the world is bad* (database gone, Orthanc restarting) and
rises to the loop that owns the retry.
"""


class DoseError(Exception):
    """The dose system could not do this."""

    def __str__(self) -> str:
        summary = (type(self).__doc__ or "").splitlines()[0]
        detail = super().__str__()
        return f"{summary.rstrip('.')}: {detail}" if detail else summary


class BadObject(DoseError):
    """The object cannot be used.

    `about` is what its header still says of it, as far as it could be read: `sop_instance_uid`, `sop_class_uid`,
    `series_instance_uid` and `sender` (maker, model, station); nothing of the patient.
    """

    code = "bad-object"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.about: dict[str, str] = {}


class NotADoseObject(BadObject):
    """The object is not a dose report."""

    code = "not-dose"


class UnreadableObject(BadObject):
    """The object cannot be read as DICOM."""

    code = "unreadable"


class MissingField(BadObject):
    """The object lacks a field that identifies it."""

    code = "missing-field"


class UnknownUnit(BadObject):
    """A value carries a unit that its quantity does not know."""

    code = "unknown-unit"


class TooExpensive(BadObject):
    """Reading the object would take more time or memory than an honest one needs."""

    code = "too-expensive"


class ConfigError(DoseError):
    """A setting is wrong."""


class NotPermitted(DoseError):
    """You are not permitted to do this."""


class CannotCorrect(DoseError):
    """This cannot be corrected so.

    `code` says why (`same-patient`, `same-study`, `merged-away`, `nobody`, `implausible`, `undone`, `later`, …);
    `correction_id` is the later correction that must be undone first.
    """

    def __init__(self, code: str, correction_id: int | None = None) -> None:
        super().__init__(code)
        self.code, self.correction_id = code, correction_id


class DeliveryError(DoseError):
    """A message could not be delivered."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.permanent = permanent
