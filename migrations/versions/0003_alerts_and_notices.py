"""Alert rules, alerts and their history; who is told: recipients, patients, the outbox.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IN_FORCE = sa.text("retired_at IS NULL")
MERGED = sa.text("merged_into_id IS NOT NULL")
FRESH = sa.text("why IS NULL AND state = 'pending'")
UNREPORTED = sa.text("state = 'sent' AND channel = 'sms' AND provider_id IS NOT NULL")
BANNER = sa.text("channel = 'banner' AND state IN ('pending', 'leased', 'sent')")
PRESSING = sa.text("state IN ('new', 'work') AND (severity = 'act' OR at_once)")
TABLES = """
    alert_cause alert_criterion alert_setting channel_day channel_state inbound_reply alert_macro notice_setting
    notice_template recipient recipient_group
    alert_route alert_rule patient_contact patient_exclusion recipient_member alert patient_notice alert_step
    follow_up notification notification_attempt
""".split()  # noqa: SIM905 - a list literal would be a page


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    op.add_column("source_object", sa.Column("software", sa.String(length=400)))
    op.create_index(
        "ix_patient_merged_into", "patient", ["merged_into_id"], sqlite_where=MERGED, postgresql_where=MERGED
    )
    # What else a person had, asked of each study that is judged, without a look at the studies themselves
    op.create_index("ix_study_patient_recent", "study", ["patient_id", "listed_at"])
    op.drop_index("ix_study_patient_id", "study")
    op.create_table(
        "alert_cause",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("one_click", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_cause"),
        sa.UniqueConstraint("key", name="uq_alert_cause_key"),
    )
    op.create_table(
        "alert_criterion",
        sa.Column("id", ID, nullable=False),
        sa.Column("jurisdiction", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("verified", sa.String(length=40), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_criterion"),
        sa.UniqueConstraint("jurisdiction", "key", name="uq_alert_criterion_jurisdiction_key"),
    )
    op.create_table(
        "alert_setting",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("retired_at", sa.DateTime()),
        sa.Column("retired_by", sa.String(length=255)),
        sa.PrimaryKeyConstraint("id", name="pk_alert_setting"),
    )
    op.create_index(
        "ix_alert_setting_key", "alert_setting", ["key"], unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE
    )
    op.create_index("ix_alert_setting_history", "alert_setting", ["key", "id"])
    op.create_table(
        "channel_day",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "day", name="pk_channel_day"),
    )
    op.create_table(
        "channel_state",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime()),
        sa.Column("cap_micros", sa.BigInteger()),
        sa.Column("paused_at", sa.DateTime()),
        sa.Column("paused_by", sa.String(length=255)),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_channel_state"),
    )
    op.create_table(
        "inbound_reply",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider_id", sa.String(length=80), nullable=False),
        sa.Column("said", sa.String(length=8), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_reply"),
        sa.UniqueConstraint("provider_id", name="uq_inbound_reply_provider_id"),
    )
    op.create_table(
        "alert_macro",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("cause_id", ID),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["cause_id"], ["alert_cause.id"], name="fk_alert_macro_cause_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_macro"),
        sa.UniqueConstraint("key", name="uq_alert_macro_key"),
    )
    op.create_table(
        "notice_setting",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("delay_minutes", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Integer(), nullable=False),
        sa.Column("closes", sa.Integer(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("closed", sa.JSON(), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("majority_years", sa.Integer(), nullable=False),
        sa.Column("state_doses", sa.Boolean(), nullable=False),
        sa.Column("first_channel", sa.String(length=8), nullable=False),
        sa.Column("country", sa.String(length=2)),
        sa.Column("contact", sa.String(length=160), nullable=False),
        sa.Column("sensitive_words", sa.JSON(), nullable=False),
        sa.Column("sensitive_departments", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_notice_setting_site_id"),
        sa.PrimaryKeyConstraint("site_id", name="pk_notice_setting"),
    )
    op.create_table(
        "notice_template",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_notice_template_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice_template"),
    )
    op.create_index("ix_notice_template_key", "notice_template", ["key", "language", "channel", "active"])
    op.create_table(
        "recipient",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("email", sa.LargeBinary()),
        sa.Column("phone", sa.LargeBinary()),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("site_id", ID),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("quiet_from", sa.Integer()),
        sa.Column("quiet_to", sa.Integer()),
        sa.Column("bounced_at", sa.DateTime()),
        sa.Column("bounce_reason", sa.String(length=200)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_recipient_site_id"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_recipient_user_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_recipient"),
    )
    op.create_index("ix_recipient_user_id", "recipient", ["user_id"])
    op.create_table(
        "recipient_group",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("site_id", ID),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_recipient_group_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recipient_group"),
        sa.UniqueConstraint("name", name="uq_recipient_group_name"),
    )
    op.create_table(
        "alert_route",
        sa.Column("id", ID, nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=20)),
        sa.Column("site_id", ID),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("paused_at", sa.DateTime()),
        sa.Column("paused_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(
            ["group_id"], ["recipient_group.id"], name="fk_alert_route_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_alert_route_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_route"),
    )
    op.create_index("ix_alert_route_group_id", "alert_route", ["group_id"])
    op.create_table(
        "alert_rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("site_id", ID),
        sa.Column("device_id", ID),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("procedure_id", ID),
        sa.Column("budget_per_week", sa.Integer()),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("replaces_id", ID),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("retired_at", sa.DateTime()),
        sa.Column("retired_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_alert_rule_device_id"),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name="fk_alert_rule_procedure_id"),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["alert_rule.id"], name="fk_alert_rule_replaces_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_alert_rule_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_rule"),
    )
    op.create_index("ix_alert_rule_in_force", "alert_rule", ["retired_at", "active"])
    op.create_index(
        "ix_alert_rule_key", "alert_rule", ["key"], unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE
    )
    op.create_index("ix_alert_rule_replaces_id", "alert_rule", ["replaces_id"])
    op.create_table(
        "patient_contact",
        sa.Column("id", ID, nullable=False),
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("phone", sa.LargeBinary()),
        sa.Column("phone_index", sa.LargeBinary(length=16)),
        sa.Column("email", sa.LargeBinary()),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("consent_at", sa.DateTime(), nullable=False),
        sa.Column("consent_by", sa.String(length=255), nullable=False),
        sa.Column("consent_how", sa.String(length=12), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime()),
        sa.Column("withdrawn_how", sa.String(length=12)),
        sa.Column("withdrawn_by", sa.String(length=255)),
        sa.Column("token_hash", sa.LargeBinary(length=32)),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_patient_contact_patient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_contact"),
        sa.UniqueConstraint("token_hash", name="uq_patient_contact_token_hash"),
    )
    op.create_index("ix_patient_contact_patient_id", "patient_contact", ["patient_id"])
    op.create_index("ix_patient_contact_phone_index", "patient_contact", ["phone_index"])
    op.create_table(
        "patient_exclusion",
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("why", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_patient_exclusion_patient_id"),
        sa.PrimaryKeyConstraint("patient_id", "why", name="pk_patient_exclusion"),
    )
    op.create_table(
        "recipient_member",
        sa.Column("group_id", ID, nullable=False),
        sa.Column("recipient_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["recipient_group.id"], name="fk_recipient_member_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["recipient.id"], name="fk_recipient_member_recipient_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "recipient_id", name="pk_recipient_member"),
    )
    op.create_index("ix_recipient_member_recipient_id", "recipient_member", ["recipient_id"])
    op.create_table(
        "alert",
        sa.Column("id", ID, nullable=False),
        sa.Column("rule_id", ID),
        sa.Column("rule_key", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("site_id", ID),
        sa.Column("device_id", ID),
        sa.Column("study_id", ID),
        sa.Column("patient_id", ID),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("column", sa.String(length=40)),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("value", sa.Double()),
        sa.Column("threshold", sa.Double()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("held_back", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("assigned_to", ID),
        sa.Column("due_on", sa.Date()),
        sa.Column("cause_id", ID),
        sa.Column("reportable", sa.Boolean()),
        sa.Column("reason_code", sa.String(length=40)),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("closed_at", sa.DateTime()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["assigned_to"], ["app_user.id"], name="fk_alert_assigned_to", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["cause_id"], ["alert_cause.id"], name="fk_alert_cause_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_alert_device_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_alert_patient_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["rule_id"], ["alert_rule.id"], name="fk_alert_rule_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_alert_site_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_alert_study_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("rule_key", "subject", name="uq_alert_rule_key_subject"),
    )
    op.create_index("ix_alert_assigned", "alert", ["assigned_to", "state", "id"])
    op.create_index("ix_alert_day", "alert", ["day", "id"])
    op.create_index("ix_alert_device", "alert", ["device_id", "day"])
    op.create_index("ix_alert_patient_id", "alert", ["patient_id"])
    op.create_index("ix_alert_rule_id", "alert", ["rule_id"])
    op.create_index("ix_alert_study_id", "alert", ["study_id"])
    op.create_index("ix_alert_version", "alert", ["version"])
    op.create_index("ix_alert_work", "alert", ["state", "due_on", "id"])
    op.create_index("ix_alert_state", "alert", ["state", "id"])
    op.create_index("ix_alert_site", "alert", ["site_id", "state", "id"])
    op.create_index("ix_alert_kind", "alert", ["kind", "state", "id"])
    op.create_index(
        "ix_alert_pressing", "alert", ["state", "site_id", "id"], sqlite_where=PRESSING, postgresql_where=PRESSING
    )
    op.create_table(
        "patient_notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("study_id", ID, nullable=False),
        sa.Column("contact_id", ID),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=20)),
        sa.Column("queued_at", sa.DateTime()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime()),
        sa.Column("code_hash", sa.LargeBinary(length=32)),
        sa.Column("token_hash", sa.LargeBinary(length=32)),
        sa.Column("opened_at", sa.DateTime()),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["patient_contact.id"], name="fk_patient_notice_contact_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_patient_notice_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_notice"),
        sa.UniqueConstraint("study_id", name="uq_patient_notice_study_id"),
        sa.UniqueConstraint("token_hash", name="uq_patient_notice_token_hash"),
    )
    op.create_index("ix_patient_notice_contact_id", "patient_notice", ["contact_id"])
    op.create_index("ix_patient_notice_due", "patient_notice", ["state", "due_at"])
    op.create_table(
        "alert_step",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("text", sa.LargeBinary()),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_step_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_step"),
    )
    op.create_index("ix_alert_step_alert_id", "alert_step", ["alert_id"])
    op.create_table(
        "follow_up",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_at", sa.DateTime()),
        sa.Column("done_by", sa.String(length=255)),
        sa.Column("outcome", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_follow_up_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_follow_up"),
    )
    op.create_index("ix_follow_up_alert_id", "follow_up", ["alert_id"])
    op.create_index("ix_follow_up_due", "follow_up", ["done_at", "due_on"])
    op.create_table(
        "notification",
        sa.Column("id", ID, nullable=False),
        sa.Column("dedup_key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("alert_id", ID),
        sa.Column("recipient_id", ID),
        sa.Column("patient_notice_id", ID),
        sa.Column("digest_id", ID),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("why", sa.String(length=8)),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_id", ID),
        sa.Column("lease_owner", sa.String(length=80)),
        sa.Column("lease_until", sa.DateTime()),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=24), nullable=False),
        sa.Column("provider_id", sa.String(length=80)),
        sa.Column("last_error", sa.String(length=200)),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_notification_alert_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["digest_id"], ["notification.id"], name="fk_notification_digest_id"),
        sa.ForeignKeyConstraint(
            ["patient_notice_id"], ["patient_notice.id"], name="fk_notification_patient_notice_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["recipient.id"], name="fk_notification_recipient_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sa.UniqueConstraint("dedup_key", name="uq_notification_dedup_key"),
    )
    op.create_index("ix_notification_alert_id", "notification", ["alert_id"])
    op.create_index("ix_notification_changed_at", "notification", ["changed_at"])
    op.create_index("ix_notification_digest_id", "notification", ["digest_id"])
    op.create_index("ix_notification_lease", "notification", ["state", "lease_until"])
    op.create_index(
        "ix_notification_next", "notification", ["state", "mode", "channel", "priority", "not_before", "id"]
    )
    op.create_index("ix_notification_patient_notice_id", "notification", ["patient_notice_id"])
    op.create_index("ix_notification_provider_id", "notification", ["provider_id"])
    op.create_index("ix_notification_recipient", "notification", ["recipient_id", "id"])
    op.create_index("ix_notification_told", "notification", ["recipient_id", "channel", "why", "not_before"])
    op.create_index(
        "ix_notification_fresh", "notification", ["state", "why", "priority", "id"], sqlite_where=FRESH,
        postgresql_where=FRESH,
    )  # fmt: skip
    op.create_index(
        "ix_notification_unreported", "notification", ["state", "channel", "changed_at"], sqlite_where=UNREPORTED,
        postgresql_where=UNREPORTED,
    )  # fmt: skip
    op.create_index("ix_notification_state", "notification", ["state", "id"])
    op.create_index("ix_notification_kind", "notification", ["kind", "id"])
    op.create_index(
        "ix_notification_banner", "notification", ["recipient_id", "id"], sqlite_where=BANNER, postgresql_where=BANNER
    )
    op.create_index("ix_notification_reference", "notification", ["reference"])
    op.create_table(
        "notification_attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("notification_id", ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime()),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("provider_id", sa.String(length=80)),
        sa.Column("error", sa.String(length=200)),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notification.id"], name="fk_notification_attempt_notification_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notification_attempt"),
    )
    op.create_index("ix_notification_attempt_notification_id", "notification_attempt", ["notification_id"])


def downgrade() -> None:
    """Drop them all."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.create_index("ix_study_patient_id", "study", ["patient_id"])
    op.drop_index("ix_study_patient_recent", "study")
    op.drop_index("ix_patient_merged_into", "patient")
    op.drop_column("source_object", "software")
