"""Every component id that a callback knows."""

from __future__ import annotations

from enum import StrEnum


class Id(StrEnum):
    """Component ids; the text is what the browser sees."""

    URL = "url"
    PAGE = "page"
    RAIL = "rail"
    TITLE = "title"
    FAULT = "fault"
    SEARCH = "search"
    THEME = "theme"
    THEME_WISH = "theme-wish"
    THEME_KEPT = "theme-kept"
    LIVE = "live"

    STUDIES_BODY = "studies-body"
    STUDIES_COUNT = "studies-count"
    STUDIES_PAGER = "studies-pager"
    STUDIES_CHIPS = "studies-chips"
    STUDIES_NEW = "studies-new"
    STUDIES_SEEN = "studies-seen"
    STUDIES_ASKED = "studies-asked"
    FILTERS = "filters"

    STUDY_KEY = "study-key"
    STUDY_BODY = "study-body"
    STUDY_TICK = "study-tick"
    STUDY_EVENTS = "study-events"
    STUDY_CHART = "study-chart"

    PROVENANCE = "provenance"
    PROVENANCE_ASKED = "provenance-asked"
    PROVENANCE_BODY = "provenance-body"

    REJECTED_BODY = "rejected-body"
    REJECTED_COUNT = "rejected-count"
    REJECTED_ACTION = "rejected-action"

    SYSTEM_BODY = "system-body"
    SYSTEM_ACTION = "system-action"
    SYSTEM_ANSWER = "system-answer"
    SYSTEM_COMPARE = "system-compare"
    SYSTEM_TICK = "system-tick"
    ADMIT = "admit"
    ADMIT_TEXT = "admit-text"
    ADMIT_NAME = "admit-name"
    ADMIT_PORT = "admit-port"
    ADMIT_DO = "admit-do"

    QUALITY_BODY = "quality-body"
    QUALITY_COUNT = "quality-count"
    SAMPLES_BODY = "samples-body"
    SAMPLES_ANSWER = "samples-answer"
    SAMPLES_SIZE = "samples-size"
    SAMPLES_TOLERANCE = "samples-tolerance"
    SAMPLES_PLAN = "samples-plan"
    SHEET_KEY = "sheet-key"
    SHEET_BODY = "sheet-body"
    SHEET_ACTION = "sheet-action"
    SHEET_ANSWER = "sheet-answer"
    NOT_PATIENTS_BODY = "not-patients-body"
    NOT_PATIENTS_COUNT = "not-patients-count"
    NOT_PATIENTS_ACTION = "not-patients-action"
    NOT_PATIENTS_ANSWER = "not-patients-answer"
    PATTERNS_BODY = "patterns-body"
    PATTERNS_ACTION = "patterns-action"
    PATTERNS_TICK = "patterns-tick"
    PATTERNS_PROGRESS = "patterns-progress"
    PATTERN_TEXT = "pattern-text"
    PATTERN_FIELDS = "pattern-fields"
    PATTERN_PREVIEW = "pattern-preview"
    PATTERN_TRY = "pattern-try"
    PATTERN_SAVE = "pattern-save"

    ENTRY_FORM = "entry-form"
    ENTRY_KEY = "entry-key"
    ENTRY_MODALITY = "entry-modality"
    ENTRY_DEVICE = "entry-device"
    ENTRY_EXPOSURES = "entry-exposures"
    ENTRY_ADD = "entry-add"
    ENTRY_SAVE = "entry-save"
    ENTRY_CONFIRM = "entry-confirm"
    ENTRY_ANSWER = "entry-answer"
    ENTRY_SAVED = "entry-saved"
    ENTRY_LIST = "entry-list"
    ENTRY_ACTION = "entry-action"

    IMPORTS_LIST = "imports-list"
    IMPORTS_ACTION = "imports-action"
    IMPORTS_ANSWER = "imports-answer"
    IMPORT_PLACE = "import-file-place"
    IMPORT_KEY = "import-key"
    IMPORT_BODY = "import-body"
    IMPORT_REPORT = "import-report"
    IMPORT_LEVEL = "import-level"
    IMPORT_MODALITY = "import-modality"
    IMPORT_SHEET = "import-sheet"
    IMPORT_ODD = "import-odd"
    IMPORT_SAVED = "import-saved"
    IMPORT_NAME = "import-name"
    IMPORT_KEEP = "import-keep"
    IMPORT_CHECK = "import-check"
    IMPORT_START = "import-start"
    IMPORT_STATE = "import-state"
    IMPORT_TICK = "import-tick"

    CORRECT = "correct"
    CORRECT_ASKED = "correct-asked"
    CORRECT_ABOUT = "correct-about"
    CORRECT_BODY = "correct-body"
    CORRECT_FIND = "correct-find"
    CORRECT_FOUND = "correct-found"
    CORRECT_FOOT = "correct-foot"
    CORRECT_REASON = "correct-reason"
    CORRECT_PREVIEW = "correct-preview"
    CORRECT_ANSWER = "correct-answer"
    CORRECT_DO = "correct-do"
    CORRECT_DONE = "correct-done"
    CORRECTIONS_BODY = "corrections-body"
    CORRECTIONS_COUNT = "corrections-count"

    FILTER_HOW = "filter-how"
    FILTER_FIELD = "filter-field"
    FILTER_OP = "filter-op"
    FILTER_ONE_OF = "filter-one-of"
    FILTER_VALUE = "filter-value"
    FILTER_ADD = "filter-add"
    FILTER_TEXT = "filter-text"
    FILTER_USE = "filter-use"
    FILTER_ANSWER = "filter-answer"

    VIEWS_BODY = "views-body"
    VIEWS_NAME = "views-name"
    VIEWS_SAVE = "views-save"
    VIEWS_ACTION = "views-action"
    VIEWS_ANSWER = "views-answer"

    STATISTICS_BODY = "statistics-body"
    STATISTICS_COUNT = "statistics-count"
    STATISTICS_CHIPS = "statistics-chips"
    STATISTICS_CHART = "statistics-chart"
    STATISTICS_CLICK = "statistics-click"
    STATISTICS_PNG = "statistics-png"
    STATISTICS_PNG_READY = "statistics-png-ready"

    NAMES_BODY = "names-body"
    NAMES_COUNT = "names-count"
    NAMES_TABS = "names-tabs"
    NAMES_TAB = "names-tab"
    NAMES_ACTION = "names-action"
    NAMES_ANSWER = "names-answer"
    NAMES_ACCEPT = "names-accept"
    NAMES_TICK = "names-tick"
    NAMES_PROGRESS = "names-progress"
    NAMES_UPLOAD = "names-upload"
    NAMES_DONE = "names-done"
    PROCEDURES_BODY = "procedures-body"
    PROCEDURES_ACTION = "procedures-action"
    PROCEDURES_ANSWER = "procedures-answer"
    PROCEDURES_UPLOAD = "procedures-upload"
    PROCEDURE_FORM = "procedure-form"
    PROCEDURE_KEY = "procedure-key"
    PROCEDURE_SAVE = "procedure-save"
    RULE_KEY = "rule-key"
    RULE_BODY = "rule-body"
    RULE_PROCEDURE = "rule-procedure"
    RULE_LEVEL = "rule-level"
    RULE_MODALITY = "rule-modality"
    RULE_PLACE = "rule-place"
    RULE_COMPLEXITY = "rule-complexity"
    RULE_PRIORITY = "rule-priority"
    RULE_NOTE = "rule-note"
    RULE_PREVIEW = "rule-preview"
    RULE_SAVE = "rule-save"
    RULE_ANSWER = "rule-answer"

    LEVELS_BODY = "levels-body"
    LEVELS_ANSWER = "levels-answer"
    LEVELS_NAME = "levels-name"
    LEVELS_KIND = "levels-kind"
    LEVELS_CITATION = "levels-citation"
    LEVELS_NEW = "levels-new"
    LEVEL_SET = "level-set"
    LEVEL_ACTION = "level-action"
    LEVEL_HEAD = "level-head"
    LEVEL_BODY = "level-body"
    LEVEL_ANSWER = "level-answer"
    LEVEL_Q = "level-q"
    LEVEL_GROUP = "level-group"
    LEVEL_CHOSEN = "level-chosen"
    LEVEL_READ = "level-read"
    LEVEL_CONFIRM = "level-confirm"
    LEVEL_USE = "level-use"
    LEVEL_PRIORITY = "level-priority"
    LEVEL_FROM = "level-from"
    LEVEL_TO = "level-to"
    LEVEL_SEEN = "level-seen"
    LEVEL_DECIDE = "level-decide"
    LEVEL_SAVE = "level-save"
    LEVEL_UPLOAD = "level-upload"
    LEVEL_WHY = "level-why"
    LEVEL_ALSO = "level-also"
    LEVEL_ALSO_FOR = "level-also-for"
    LEVELS_FORM = "levels-form"
    LEVELS_AUTHORITY = "levels-authority"
    LEVELS_EDITION = "levels-edition"
    LEVELS_SITE = "levels-site"
    LEVELS_DEVICE = "levels-device"
    COMPLIANCE_CHART = "compliance-chart"
    COMPLIANCE_PNG = "compliance-png"
    COMPLIANCE_PNG_READY = "compliance-png-ready"
    BENCHMARK_PNG = "benchmark-png"
    BENCHMARK_PNG_READY = "benchmark-png-ready"
    MAKE_FORM = "make-form"
    MAKE_KIND = "make-kind"
    MAKE_MODALITY = "make-modality"
    MAKE_SITE = "make-site"
    MAKE_DEVICE = "make-device"
    MAKE_STANDARD = "make-standard"
    MAKE_TRY = "make-try"
    MAKE_BODY = "make-body"
    MAKE_SEEN = "make-seen"
    MAKE_TITLE = "make-title"
    MAKE_BEGINS = "make-begins"
    MAKE_COMMENT = "make-comment"
    MAKE_SIGN = "make-sign"
    MAKE_ANSWER = "make-answer"

    TODAY_DAY = "today-day"
    TODAY_TICK = "today-tick"
    TODAY_LIVE = "today-live"
    TODAY_ATTENTION = "today-attention"
    TODAY_BODY = "today-body"
    TODAY_PATIENTS = "today-patients"
    TODAY_PEOPLE = "today-people"
    TODAY_VOLUME = "today-volume"
    TODAY_PROCEDURES = "today-procedures"
    TODAY_SPREAD = "today-spread"
    TODAY_PNG = "today-png"
    TODAY_PNG_READY = "today-png-ready"
    PATIENT_KEY = "patient-key"
    PATIENT_BODY = "patient-body"

    COMPLIANCE_BODY = "compliance-body"
    COMPLIANCE_COUNT = "compliance-count"
    PLACES = "places"
    COMPARISON_BODY = "comparison-body"
    COMPARISON_CHART = "comparison-chart"
    COMPARISON_PNG = "comparison-png"
    COMPARISON_PNG_READY = "comparison-png-ready"
    COMPARISON_EXPORT = "comparison-export"
    COMPARISON_ACTION = "comparison-action"
    COMPARISON_ANSWER = "comparison-answer"
    COMPARISON_TITLE = "comparison-title"
    COMPARISON_COMMENT = "comparison-comment"
    COMPARISON_SEEN = "comparison-seen"
    BENCHMARK_BODY = "benchmark-body"
    BENCHMARK_EXPORT = "benchmark-export"
    RECORDS_BODY = "records-body"
    RECORD_KEY = "record-key"
    RECORD_BODY = "record-body"

    OUTLIERS_BODY = "outliers-body"
    OUTLIERS_COUNT = "outliers-count"
    OUTLIERS_CHIPS = "outliers-chips"

    ALERTS_BODY = "alerts-body"
    ALERTS_TABS = "alerts-tabs"
    ALERTS_ANSWER = "alerts-answer"
    ALERTS_CHOSEN = "alerts-chosen"
    ALERTS_ALL = "alerts-all"
    ALERTS_SHOWN = "alerts-shown"
    ALERTS_FRESH = "alerts-fresh"
    ALERTS_CAUSE = "alerts-cause"
    ALERTS_REPORTABLE = "alerts-reportable"
    ALERTS_TEXT = "alerts-text"
    ALERTS_CLOSE = "alerts-close"
    ALERT_KEY = "alert-key"
    ALERT_WHY = "alert-why"
    ALERT_HEAD = "alert-head"
    ALERT_STATE = "alert-state"
    ALERT_END = "alert-end"
    ALERT_HISTORY = "alert-history"
    ALERT_BESIDE = "alert-beside"
    ALERT_SEEN = "alert-seen"
    ALERT_FRESH = "alert-fresh"
    ALERT_ACTION = "alert-action"
    ALERT_MACRO = "alert-macro"
    ALERT_ANSWER = "alert-answer"
    ALERT_TEXT = "alert-text"
    ALERT_WHO = "alert-who"
    ALERT_GIVE = "alert-give"
    ALERT_DUE = "alert-due"
    ALERT_DUE_SET = "alert-due-set"
    ALERT_CAUSE = "alert-cause"
    ALERT_REPORTABLE = "alert-reportable"
    ALERT_CRITERIA = "alert-criteria"
    ALERT_CLOSE = "alert-close"
    FOLLOW_UPS_BODY = "follow-ups-body"
    FOLLOW_UPS_DONE = "follow-ups-done"
    LIBRARY_BODY = "library-body"
    LIBRARY_ACTION = "library-action"
    ALERT_RULES_BODY = "alert-rules-body"
    ALERT_RULES_ANSWER = "alert-rules-answer"
    ALERT_RULES_ACTION = "alert-rules-action"
    ALERT_RULE_BODY = "alert-rule-body"
    ALERT_RULE_KEY = "alert-rule-key"
    ALERT_RULE_KIND = "alert-rule-kind"
    ALERT_RULE_SAVE = "alert-rule-save"
    ALERT_RULE_ANSWER = "alert-rule-answer"
    ALERT_RULE_TRY = "alert-rule-try"
    ALERT_RULE_TRIAL = "alert-rule-trial"
    LIBRARY_ANSWER = "library-answer"
    LIBRARY_ROW = "library-row"
    LIBRARY_SAVE = "library-save"
    LIBRARY_READ = "library-read"

    ACCOUNT_BODY = "account-body"
    ACCOUNT_ANSWER = "account-answer"
    ACCOUNT_LANGUAGE = "account-language"
    ACCOUNT_THEME = "account-theme"


def filter_id(name: str) -> dict[str, str]:
    """The id of the filter control that sets the URL parameter `name`."""
    return {"type": "filter", "name": name}


def sample_id(part: str, number: object) -> dict[str, object]:
    """The id of a field of the sampled value `number` (MATCH in callbacks): console, comment, deviation."""
    return {"type": f"sample-{part}", "number": number}


def outcome_id(part: str, number: object) -> dict[str, object]:
    """The id of a part of the step of follow-up `number` (MATCH in callbacks): text, done, answer."""
    return {"type": f"outcome-{part}", "number": number}


def alert_rule_id(name: object) -> dict[str, object]:
    """The id of a field of a rule of alerts (ALL in callbacks): name, body_mgy, place."""
    return {"type": "alert-rule-field", "name": name}


def library_id(name: object) -> dict[str, object]:
    """The id of a field of a row of the library of alerts (ALL in callbacks): en, kind, citation."""
    return {"type": "library-field", "name": name}


def level_id(name: object) -> dict[str, object]:
    """The id of a field of a reference level (ALL in callbacks): value, population, from_day."""
    return {"type": "level-field", "name": name}


def entry_id(place: str, name: str) -> dict[str, str]:
    """The id of a field of a typed study: patient.id, study.date, device.model."""
    return {"type": "entry", "place": place, "name": name}


def exposure_id(part: str, number: int, name: str) -> dict[str, object]:
    """The id of a field of the typed exposure `number`: its value or its unit."""
    return {"type": "exposure", "part": part, "number": number, "name": name}


def correct_id(name: str) -> dict[str, str]:
    """The id of a choice in the dialog of a correction: person, studies, target, height."""
    return {"type": "correct", "name": name}


def column_id(part: str, index: int) -> dict[str, object]:
    """The id of a choice about the column `index` of a table: meaning, unit, decimal, form."""
    return {"type": "column", "part": part, "index": index}


def procedure_id(name: str) -> dict[str, str]:
    """The id of a field of a procedure of the site: en, modality, loinc (ALL in callbacks)."""
    return {"type": "procedure-field", "name": name}


def pick_id(name: str, procedure_id: int) -> dict[str, object]:
    """The id of the box that chooses a line of names for its first suggestion."""
    return {"type": "pick", "name": name, "procedure": procedure_id}


def condition_id(part: str, number: int) -> dict[str, object]:
    """The id of a part of a rule's condition: field, op, value."""
    return {"type": "condition", "part": part, "number": number}


def benchmark_id(measure: object) -> dict[str, object]:
    """The id of the chart of a measure that compares devices or sites."""
    return {"type": "benchmark", "measure": measure}
