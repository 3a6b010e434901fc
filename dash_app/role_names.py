"""What roles are called."""

from __future__ import annotations

from dash_app.i18n import N_
from dose.scope import Role

ROLE_NAMES = {
    Role.ADMINISTRATOR: N_("administrator"),
    Role.PHYSICIST: N_("medical physics expert"),
    Role.PROTECTION_OFFICER: N_("radiation protection officer"),
    Role.RADIOLOGIST: N_("radiologist"),
    Role.RADIOGRAPHER: N_("radiographer"),
    Role.ENGINEER: N_("biomedical engineer"),
    Role.RESEARCHER: N_("researcher"),
    Role.MANAGER: N_("institution manager"),
}
