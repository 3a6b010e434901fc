"""One module a page: a layout without data, and callbacks that ask one question each."""

from __future__ import annotations

from dash_app.frame import PAGES, add_page
from dash_app.i18n import N_
from dash_app.pages import (
    account,
    alert,
    alert_library,
    alert_rule_editor,
    alert_rules,
    alert_settings,
    alerts,
    benchmark,
    comparison,
    compliance,
    corrections,
    entry,
    follow_ups,
    imports,
    levels,
    levels_make,
    names,
    not_patients,
    notice_texts,
    notices,
    outliers,
    patient,
    patient_notices,
    procedures,
    quality,
    recipients,
    records,
    rejected,
    rule_editor,
    samples,
    statistics,
    studies,
    study,
    system,
    today,
)
from dose.scope import Permission


def register() -> None:
    """Say which address opens which page and who may open it; the rail shows them in this order."""
    PAGES.clear()
    add_page(r"^/today$", Permission.VIEW_DOSES, today.layout, N_("Today"), "today", "/today")
    add_page(r"^/studies$", Permission.VIEW_DOSES, studies.layout, N_("Studies"), "studies", "/studies")
    add_page(r"^/patients/(?P<patient_id>\d{1,10})$", Permission.VIEW_PATIENTS, patient.layout, N_("Patient"))
    add_page(r"^/studies/(?P<study_id>\d{1,10})$", Permission.VIEW_DOSES, study.layout, N_("Study"))
    add_page(r"^/outliers$", Permission.VIEW_DOSES, outliers.layout, N_("Outliers"), "outliers", "/outliers")
    add_page(r"^/alerts$", Permission.VIEW_DOSES, alerts.layout, N_("Alerts"), "alerts", "/alerts")
    add_page(r"^/alerts/(?P<alert_id>\d{1,10})$", Permission.VIEW_DOSES, alert.layout, N_("Alert"))
    add_page(r"^/alerts/follow-ups$", Permission.VIEW_DOSES, follow_ups.layout, N_("Follow-up"))
    add_page(r"^/alerts/rules$", Permission.VIEW_DOSES, alert_rules.layout, N_("Rules of alerts"))
    add_page(r"^/alerts/rules/edit$", Permission.MANAGE_ALERTS, alert_rule_editor.layout, N_("Rule of alerts"))
    add_page(r"^/alerts/settings$", Permission.MANAGE_ALERTS, alert_settings.layout, N_("Budgets and follow-up"))
    add_page(r"^/alerts/library$", Permission.MANAGE_ALERTS, alert_library.layout, N_("Causes and criteria"))
    add_page(r"^/statistics$", Permission.VIEW_DOSES, statistics.layout, N_("Statistics"), "statistics", "/statistics")
    add_page(r"^/levels$", Permission.VIEW_DOSES, levels.layout, N_("Reference levels"), "levels", "/levels")
    add_page(r"^/levels/(?P<set_id>\d{1,10})$", Permission.VIEW_DOSES, levels.set_layout, N_("Set of levels"))
    add_page(r"^/levels/make$", Permission.MANAGE_LEVELS, levels_make.layout, N_("Make levels here"))
    add_page(r"^/levels/compliance$", Permission.VIEW_DOSES, compliance.layout, N_("Compliance"))
    add_page(r"^/levels/comparison(?:/(?P<kind>change))?$", Permission.VIEW_DOSES, comparison.layout, N_("Comparison"))
    add_page(r"^/levels/benchmark$", Permission.VIEW_DOSES, benchmark.layout, N_("Benchmark"))
    add_page(r"^/levels/records$", Permission.VIEW_DOSES, records.layout, N_("Signed records"))
    add_page(r"^/levels/records/(?P<record_id>\d{1,10})$", Permission.VIEW_DOSES, records.record_layout, N_("Record"))
    add_page(r"^/names$", Permission.VIEW_DOSES, names.layout, N_("Names"), "names", "/names")
    add_page(r"^/names/rule$", Permission.MANAGE_NAMES, rule_editor.layout, N_("Rule"))
    add_page(r"^/names/procedures$", Permission.VIEW_DOSES, procedures.layout, N_("Procedures"))
    add_page(r"^/rejected$", Permission.VIEW_REJECTED, rejected.layout, N_("Rejected objects"), "rejected", "/rejected")
    add_page(r"^/quality$", Permission.VIEW_QUALITY, quality.layout, N_("Quality"), "quality", "/quality")
    add_page(r"^/quality/samples$", Permission.VIEW_QUALITY, samples.layout, N_("Samples"))
    add_page(
        r"^/quality/samples/(?P<device_id>\d{1,10})/(?P<month>\d{4}-\d{2})$",
        Permission.VIEW_QUALITY, samples.sheet_layout, N_("Sample"),
    )  # fmt: skip
    add_page(r"^/quality/not-patients$", Permission.VIEW_QUALITY, not_patients.layout, N_("Not patients"))
    add_page(r"^/corrections$", Permission.CORRECT, corrections.layout, N_("Corrections"), "correct", "/corrections")
    add_page(r"^/entry$", Permission.TYPE_DOSES, entry.layout, N_("Typed doses"), "typed", "/entry")
    add_page(r"^/imports$", Permission.IMPORT, imports.layout, N_("Imports"), "import", "/imports")
    add_page(r"^/imports/(?P<batch_id>\d{1,10})$", Permission.IMPORT, imports.batch_layout, N_("Import"))
    add_page(r"^/notices$", Permission.VIEW_SYSTEM, notices.layout, N_("Notices"), "notices", "/notices")
    add_page(r"^/notices/recipients$", Permission.MANAGE_NOTICES, recipients.layout, N_("Recipients"))
    add_page(r"^/notices/patients$", Permission.TELL_PATIENTS, patient_notices.layout, N_("Patients"))
    add_page(r"^/notices/texts$", Permission.TELL_PATIENTS, notice_texts.layout, N_("Texts to patients"))
    add_page(r"^/system$", Permission.VIEW_SYSTEM, system.layout, N_("System"), "system", "/system")
    add_page(r"^/account$", None, account.layout, N_("Account"), "account", "/account")
