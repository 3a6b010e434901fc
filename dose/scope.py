"""Who may see and do what: one table of roles, denied unless granted.

Every query takes a `Scope`; every page, callback and command asks it for a `Permission`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dose.errors import NotPermitted


class Permission(StrEnum):
    """One thing a person may do."""

    VIEW_DOSES = "view doses"
    VIEW_PATIENTS = "view patient identity"
    VIEW_IMAGES = "view images"
    VIEW_REJECTED = "view rejected objects"
    RETRY_REJECTED = "retry rejected objects"
    VIEW_SYSTEM = "view system state"
    ADMIT_DEVICES = "admit devices"
    COMPARE = "compare with Orthanc"
    MANAGE_USERS = "manage users"
    EXPORT = "export"
    VIEW_QUALITY = "view quality"
    CORRECT = "correct"  # whose a study is, which study an event is in, what is a patient
    ENTER_SIZE = "enter height and weight"
    TYPE_DOSES = "type doses"  # of equipment without DICOM
    IMPORT = "import tables"  # of former doses
    MANAGE_QUALITY = "manage quality"  # patterns of what is no patient, samples of transferred data
    MANAGE_NAMES = "manage names"  # which procedure a local name means
    MANAGE_LEVELS = "manage reference levels"
    MANAGE_ALERTS = "manage alert rules"
    MANAGE_NOTICES = "manage recipients and notices"
    ANSWER_ALERTS = "give the reason for an alert"  # one click of who was there
    WORK_ALERTS = "work on alerts"  # assign, comment, close, reopen, follow up
    TELL_PATIENTS = "manage notices to patients"  # contacts with consent, exclusions, texts
    SHARE_VIEWS = "share views"
    SIGN = "sign records"  # comparisons, levels made here


class Role(StrEnum):
    """A function in the hospital."""

    ADMINISTRATOR = "administrator"
    PHYSICIST = "medical physics expert"
    PROTECTION_OFFICER = "radiation protection officer"
    RADIOLOGIST = "radiologist"
    RADIOGRAPHER = "radiographer"
    ENGINEER = "biomedical engineer"
    RESEARCHER = "researcher"
    MANAGER = "institution manager"


_CLINICAL = {Permission.VIEW_DOSES, Permission.VIEW_PATIENTS, Permission.VIEW_IMAGES}
_PHYSICS = _CLINICAL | {
    Permission.VIEW_REJECTED,
    Permission.RETRY_REJECTED,
    Permission.VIEW_SYSTEM,
    Permission.ADMIT_DEVICES,
    Permission.COMPARE,
    Permission.EXPORT,
    Permission.VIEW_QUALITY,
    Permission.MANAGE_QUALITY,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.PHYSICIST: frozenset(
        _PHYSICS
        | {Permission.CORRECT, Permission.ENTER_SIZE, Permission.TYPE_DOSES, Permission.IMPORT}
        | {Permission.MANAGE_NAMES, Permission.MANAGE_LEVELS, Permission.SHARE_VIEWS, Permission.SIGN}
        | {Permission.MANAGE_ALERTS, Permission.MANAGE_NOTICES, Permission.ANSWER_ALERTS}
        | {Permission.WORK_ALERTS, Permission.TELL_PATIENTS}
    ),
    Role.PROTECTION_OFFICER: frozenset(
        (_PHYSICS - {Permission.ADMIT_DEVICES, Permission.MANAGE_QUALITY})
        | {Permission.SHARE_VIEWS, Permission.SIGN, Permission.MANAGE_NOTICES}
        | {Permission.ANSWER_ALERTS, Permission.WORK_ALERTS, Permission.TELL_PATIENTS}
    ),
    Role.RADIOLOGIST: frozenset(_CLINICAL | {Permission.ANSWER_ALERTS}),
    Role.RADIOGRAPHER: frozenset(_CLINICAL | {Permission.ENTER_SIZE, Permission.TYPE_DOSES, Permission.ANSWER_ALERTS}),
    Role.ENGINEER: frozenset(
        {Permission.VIEW_DOSES, Permission.VIEW_SYSTEM, Permission.VIEW_REJECTED, Permission.VIEW_QUALITY}
    ),
    Role.RESEARCHER: frozenset({Permission.VIEW_DOSES}),
    Role.MANAGER: frozenset({Permission.VIEW_DOSES, Permission.EXPORT}),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What this user may see.

    Parameters
    ----------
    user_id, user_name
        The account, for the audit; None and a process name for background work.
    permissions
        The union over the account's roles.
    site_ids, device_ids
        Rows the account is limited to; None means all, an empty set means none.
    """

    user_id: int | None
    user_name: str
    permissions: frozenset[Permission] = frozenset()
    site_ids: frozenset[int] | None = frozenset()
    device_ids: frozenset[int] | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the permission was granted."""
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise `NotPermitted` unless the permission was granted."""
        if permission not in self.permissions:
            raise NotPermitted(permission.value)

    def require_site(self, site_id: int) -> None:
        """Raise `NotPermitted` when the account is limited to other sites."""
        if self.site_ids is not None and site_id not in self.site_ids:
            raise NotPermitted("another site")


def scope_for(user_id: int | None, user_name: str, roles: list[str], site_ids: frozenset[int] | None = None) -> Scope:
    """The scope of an account; a role name that is not in the table grants nothing."""
    known = [role for role in Role if role.value in roles]
    return Scope(user_id, user_name, frozenset().union(*(PERMISSIONS[role] for role in known)), site_ids)


def system_scope(process: str) -> Scope:
    """Everything, for background work of one of our own processes."""
    return Scope(None, process, frozenset(Permission), None, None)
