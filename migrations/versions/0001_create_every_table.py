"""Create every table.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORD = sa.String(34, collation="C").with_variant(sa.String(34), "sqlite")
TABLES = """
    app_user audit_entry cursor image_series ingest_item kept_object process_state refused_peer site device
    patient import_batch import_mapping correction not_patient_pattern qc_plan qc_sample user_role user_site
    patient_token study source_object study_history study_word counterpart accumulated_dose irradiation_event
    event_study
""".split()  # noqa: SIM905 - a list literal would be a page
SORTED_DOSES = {
    "ctdi_vol": "ctdi_vol_max_mgy",
    "dlp": "dlp_sum_mgy_cm",
    "pka": "pka_sum_gy_cm2",
    "ka_r": "ka_r_sum_mgy",
    "agd": "agd_sum_mgy",
}


def floats(*names: str) -> list[sa.Column]:
    """Nullable numbers."""
    return [sa.Column(name, sa.Float()) for name in names]


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    op.create_table(
        "app_user",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=120)),
        sa.Column("password", sa.String(length=255)),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", sa.DateTime()),
        sa.Column("last_login_at", sa.DateTime()),
        sa.Column("current_login_at", sa.DateTime()),
        sa.Column("last_login_ip", sa.String(length=64)),
        sa.Column("current_login_ip", sa.String(length=64)),
        sa.Column("login_count", sa.Integer()),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime()),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("tf_primary_method", sa.String(length=64)),
        sa.Column("tf_totp_secret", sa.String(length=255)),
        sa.Column("mf_recovery_codes", sa.JSON()),
        sa.Column("language", sa.String(length=5)),
        sa.Column("theme", sa.String(length=10)),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_app_user"),
        sa.UniqueConstraint("email", name="uq_app_user_email"),
        sa.UniqueConstraint("fs_uniquifier", name="uq_app_user_fs_uniquifier"),
        sa.UniqueConstraint("username", name="uq_app_user_username"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("user_id", sa.Integer()),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=20)),
        sa.Column("subject_id", sa.BigInteger()),
        sa.Column("patient_id", sa.BigInteger()),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(length=64)),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    op.create_index("ix_audit_entry_patient_id", "audit_entry", ["patient_id"])
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_cursor"),
    )
    op.create_table(
        "image_series",
        sa.Column("id", ID, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("orthanc_study_id", sa.String(length=44), nullable=False),
        sa.Column("orthanc_series_id", sa.String(length=44), nullable=False),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("series_number", sa.Integer()),
        sa.Column("description", sa.String(length=200)),
        sa.Column("protocol", sa.String(length=200)),
        sa.Column("started_at", sa.String(length=26)),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.Column("read_count", sa.Integer(), nullable=False),
        sa.Column("preview_instance_ids", sa.JSON(), nullable=False),
        sa.Column("irradiation_event_uids", sa.JSON(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_image_series"),
        sa.UniqueConstraint("orthanc_series_id", name="uq_image_series_orthanc_series_id"),
        sa.UniqueConstraint("series_instance_uid", name="uq_image_series_series_instance_uid"),
    )
    op.create_index("ix_image_series_study_instance_uid", "image_series", ["study_instance_uid"])
    op.create_table(
        "ingest_item",
        sa.Column("id", ID, nullable=False),
        sa.Column("node", sa.String(length=60), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("orthanc_id", sa.String(length=44), nullable=False),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("sort_key", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime()),
        sa.Column("last_error", sa.String(length=200)),
        sa.Column("queued_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ingest_item"),
        sa.UniqueConstraint("node", "level", "orthanc_id", name="uq_ingest_item_node_level_orthanc_id"),
    )
    op.create_index("ix_ingest_item_next", "ingest_item", ["state", "priority", "sort_key", "id"])
    op.create_table(
        "kept_object",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_kept_object"),
    )
    op.create_table(
        "process_state",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_process_state"),
    )
    op.create_table(
        "refused_peer",
        sa.Column("id", ID, nullable=False),
        sa.Column("aet", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.Column("admitted_at", sa.DateTime()),
        sa.Column("admitted_by", sa.String(length=120)),
        sa.PrimaryKeyConstraint("id", name="pk_refused_peer"),
        sa.UniqueConstraint("aet", "address", name="uq_refused_peer_aet_address"),
    )
    op.create_table(
        "site",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
        sa.UniqueConstraint("name", name="uq_site_name"),
    )
    op.create_table(
        "device",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("device_key", sa.String(length=40), nullable=False),
        sa.Column("manufacturer", sa.String(length=120)),
        sa.Column("model", sa.String(length=120)),
        sa.Column("serial_number", sa.String(length=120)),
        sa.Column("station_name", sa.String(length=120)),
        sa.Column("institution", sa.String(length=200)),
        sa.Column("department", sa.String(length=200)),
        sa.Column("software", sa.String(length=400)),
        sa.Column("display_name", sa.String(length=120)),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
        sa.Column("ranks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_device_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
        sa.UniqueConstraint("site_id", "device_key", name="uq_device_site_id_device_key"),
    )
    op.create_index("ix_device_last_seen_at", "device", ["last_seen_at"])
    op.create_table(
        "patient",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("id_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("patient_id", sa.LargeBinary()),
        sa.Column("issuer", sa.String(length=120)),
        sa.Column("name", sa.LargeBinary()),
        sa.Column("birth_date", sa.LargeBinary()),
        sa.Column("sex", sa.String(length=1)),
        sa.Column("merged_into_id", ID),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("ranks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into_id"], ["patient.id"], name="fk_patient_merged_into_id"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_patient_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
        sa.UniqueConstraint("site_id", "id_index", name="uq_patient_site_id_id_index"),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("file_name", sa.LargeBinary()),
        sa.Column("file_sha256", sa.String(length=64)),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("accepted_count", sa.Integer(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("undone_at", sa.DateTime()),
        sa.Column("undone_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_import_batch_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_import_batch"),
    )
    op.create_index("ix_import_batch_file_sha256", "import_batch", ["file_sha256"])
    op.create_table(
        "import_mapping",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_import_mapping_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_import_mapping"),
        sa.UniqueConstraint("site_id", "name", name="uq_import_mapping_site_id_name"),
    )
    op.create_table(
        "correction",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64)),
        sa.Column("event_key", sa.String(length=64)),
        sa.Column("plane", sa.String(length=8)),
        sa.Column("target_study_instance_uid", sa.String(length=64)),
        sa.Column("patient_id", ID),
        sa.Column("former_patient_id", ID),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("former", sa.JSON(), nullable=False),
        sa.Column("batch_id", ID),
        sa.Column("typed", sa.LargeBinary()),
        sa.Column("reason", sa.LargeBinary()),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer()),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("undone_at", sa.DateTime()),
        sa.Column("undone_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_correction_site_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_correction_patient_id"),
        sa.ForeignKeyConstraint(["former_patient_id"], ["patient.id"], name="fk_correction_former_patient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
    )
    for column in (
        "study_instance_uid", "target_study_instance_uid", "patient_id", "former_patient_id", "batch_id", "made_at",
    ):  # fmt: skip
        op.create_index(f"ix_correction_{column}", "correction", [column])
    op.create_table(
        "not_patient_pattern",
        sa.Column("id", ID, nullable=False),
        sa.Column("pattern", sa.String(length=80), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_not_patient_pattern"),
        sa.UniqueConstraint("pattern", name="uq_not_patient_pattern_pattern"),
    )
    op.create_table(
        "qc_plan",
        sa.Column("id", ID, nullable=False),
        sa.Column("sample_size", sa.Integer(), nullable=False),
        sa.Column("tolerance", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_qc_plan"),
    )
    op.create_table(
        "qc_sample",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("column", sa.String(length=40), nullable=False),
        sa.Column("ours", sa.Double()),
        sa.Column("console", sa.Double()),
        sa.Column("console_text", sa.String(length=20)),
        sa.Column("entered_at", sa.DateTime()),
        sa.Column("entered_by", sa.String(length=255)),
        sa.Column("signed_at", sa.DateTime()),
        sa.Column("signed_by", sa.String(length=255)),
        sa.Column("comment", sa.LargeBinary()),
        sa.Column("history", sa.LargeBinary()),
        sa.Column("drawn_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_qc_sample_device_id"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_qc_sample_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_qc_sample"),
        sa.UniqueConstraint(
            "device_id", "month", "study_instance_uid", "column",
            name="uq_qc_sample_device_id_month_study_instance_uid_column",
        ),
    )  # fmt: skip
    op.create_index("ix_qc_sample_month", "qc_sample", ["month", "device_id"])
    op.create_table(
        "user_role",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_user_role_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "role", name="pk_user_role"),
    )
    op.create_table(
        "user_site",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_user_site_site_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_user_site_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "site_id", name="pk_user_site"),
    )
    op.create_table(
        "patient_token",
        sa.Column("token", sa.LargeBinary(length=16), nullable=False),
        sa.Column("patient_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_patient_token_patient_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", "patient_id", name="pk_patient_token"),
    )
    op.create_index("ix_patient_token_patient_id", "patient_token", ["patient_id"])
    op.create_table(
        "study",
        sa.Column("id", ID, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("device_id", ID),
        sa.Column("orthanc_study_id", sa.String(length=44)),
        sa.Column("accession_number", sa.LargeBinary()),
        sa.Column("accession_index", sa.LargeBinary(length=16)),
        sa.Column("named_index", sa.LargeBinary(length=16)),
        sa.Column("study_date", sa.Date()),
        sa.Column("started_at", sa.String(length=26)),
        sa.Column("description", sa.String(length=200)),
        sa.Column("protocols", sa.Text()),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("age_years", sa.Double()),
        sa.Column("height_m", sa.Double()),
        sa.Column("weight_kg", sa.Double()),
        sa.Column("pregnancy_status", sa.String(length=20)),
        sa.Column("procedure_code", sa.String(length=64)),
        sa.Column("procedure_scheme", sa.String(length=64)),
        sa.Column("procedure_meaning", sa.String(length=200)),
        sa.Column("requested_procedure", sa.String(length=200)),
        sa.Column("clinical_task", sa.String(length=200)),
        sa.Column("people", sa.LargeBinary()),
        sa.Column("is_patient", sa.Boolean(), nullable=False),
        sa.Column("not_patient_reason", sa.String(length=200)),
        sa.Column("not_patient_since", sa.DateTime()),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("ctdi_vol_max_mgy", sa.Double()),
        sa.Column("dlp_sum_mgy_cm", sa.Double()),
        sa.Column("dlp_reported_mgy_cm", sa.Double()),
        sa.Column("pka_sum_gy_cm2", sa.Double()),
        sa.Column("pka_reported_gy_cm2", sa.Double()),
        sa.Column("ka_r_sum_mgy", sa.Double()),
        sa.Column("ka_r_reported_mgy", sa.Double()),
        sa.Column("agd_sum_mgy", sa.Double()),
        sa.Column("agd_reported_mgy", sa.Double()),
        sa.Column("agd_max_breast_mgy", sa.Double()),
        sa.Column("fluoro_time_s", sa.Double()),
        sa.Column("activity_sum_mbq", sa.Double()),
        sa.Column("effective_dose_reported_msv", sa.Double()),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("listed_at", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("ranks", sa.JSON(), nullable=False),
        sa.Column("objects_say", sa.JSON(), nullable=False),
        sa.Column("assigned_patient_id", ID),
        sa.Column("regrouped", sa.Boolean(), nullable=False),
        sa.Column("covered_by_id", ID),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_study_device_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_study_patient_id"),
        sa.ForeignKeyConstraint(["assigned_patient_id"], ["patient.id"], name="fk_study_assigned_patient_id"),
        sa.ForeignKeyConstraint(["covered_by_id"], ["study.id"], name="fk_study_covered_by_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_study_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("study_instance_uid", name="uq_study_study_instance_uid"),
    )
    op.create_index("ix_study_accession_index", "study", ["accession_index"])
    few = sa.text("covered_by_id IS NOT NULL")
    op.create_index("ix_study_covered_by", "study", ["covered_by_id"], sqlite_where=few, postgresql_where=few)
    op.create_index("ix_study_device_recent", "study", ["device_id", "listed_at", "id"])
    op.create_index("ix_study_modality_recent", "study", ["modality", "listed_at", "id"])
    op.create_index("ix_study_patients_recent", "study", ["is_patient", "listed_at", "id"])
    op.create_index("ix_study_named_index", "study", ["named_index"])
    op.create_index("ix_study_orthanc_study_id", "study", ["orthanc_study_id"])
    op.create_index("ix_study_patient_id", "study", ["patient_id"])
    op.create_index("ix_study_recent", "study", ["listed_at", "id"])
    op.create_index("ix_study_site_recent", "study", ["site_id", "listed_at", "id"])
    op.create_index("ix_study_study_date", "study", ["study_date"])
    op.create_index("ix_study_version", "study", ["version"])
    op.create_table(
        "counterpart",
        sa.Column("listed_study_id", ID, nullable=False),
        sa.Column("study_id", ID, nullable=False),
        sa.Column("certain", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["listed_study_id"], ["study.id"], name="fk_counterpart_listed_study_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_counterpart_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("listed_study_id", "study_id", name="pk_counterpart"),
    )
    op.create_index("ix_counterpart_study_id", "counterpart", ["study_id"])
    op.create_table(
        "source_object",
        sa.Column("id", ID, nullable=False),
        sa.Column("object_key", sa.String(length=71), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64)),
        sa.Column("sop_class_uid", sa.String(length=64)),
        sa.Column("series_instance_uid", sa.String(length=64)),
        sa.Column("study_id", ID),
        sa.Column("patient_id", ID),
        sa.Column("device_id", ID),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("orthanc_id", sa.String(length=44)),
        sa.Column("kind", sa.String(length=20)),
        sa.Column("template", sa.String(length=16)),
        sa.Column("reader_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason_code", sa.String(length=40)),
        sa.Column("reason", sa.Text()),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("quirks", sa.JSON(), nullable=False),
        sa.Column("sender", sa.String(200)),
        sa.Column("rank", sa.String(length=200)),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("event_keys", sa.JSON()),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.Column("copied_from", sa.String(length=44)),
        sa.Column("import_batch_id", ID),
        sa.Column("size_bytes", sa.Integer()),
        sa.Column("content_sha256", sa.String(length=64)),
        sa.Column("report_sha256", sa.String(length=64)),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_source_object_device_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_source_object_patient_id"),
        sa.ForeignKeyConstraint(["import_batch_id"], ["import_batch.id"], name="fk_source_object_import_batch_id"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_source_object_site_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_source_object_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_source_object"),
        sa.UniqueConstraint("object_key", name="uq_source_object_object_key"),
    )
    op.create_index("ix_source_object_content_sha256", "source_object", ["content_sha256"])
    op.create_index("ix_source_object_copied_from", "source_object", ["copied_from"])
    op.create_index("ix_source_object_import_batch_id", "source_object", ["import_batch_id"])
    op.create_index("ix_source_object_orthanc_id", "source_object", ["orthanc_id"])
    op.create_index("ix_source_object_patient_id", "source_object", ["patient_id"])
    op.create_index("ix_source_object_status", "source_object", ["status", "read_at"])
    op.create_index("ix_source_object_study_id", "source_object", ["study_id"])
    op.create_table(
        "study_history",
        sa.Column("id", ID, nullable=False),
        sa.Column("study_id", ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("reader_version", sa.Integer(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_study_history_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_study_history"),
    )
    op.create_index("ix_study_history_study_id", "study_history", ["study_id"])
    op.create_table(
        "study_word",
        sa.Column("study_id", ID, nullable=False),
        sa.Column("word", WORD, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_study_word_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study_id", "word", name="pk_study_word"),
    )
    op.create_index("ix_study_word_word", "study_word", ["word", "study_id"])
    op.create_table(
        "accumulated_dose",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_object_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("plane", sa.String(length=8)),
        sa.Column("laterality", sa.String(length=8)),
        sa.Column("event_count", sa.Integer()),
        sa.Column("frame_count", sa.Integer()),
        sa.Column("dlp_mgy_cm", sa.Double()),
        sa.Column("pka_gy_cm2", sa.Double()),
        sa.Column("ka_r_mgy", sa.Double()),
        sa.Column("fluoro_pka_gy_cm2", sa.Double()),
        sa.Column("fluoro_ka_r_mgy", sa.Double()),
        sa.Column("fluoro_time_s", sa.Double()),
        sa.Column("acquisition_pka_gy_cm2", sa.Double()),
        sa.Column("acquisition_ka_r_mgy", sa.Double()),
        sa.Column("acquisition_time_s", sa.Double()),
        sa.Column("agd_mgy", sa.Double()),
        sa.ForeignKeyConstraint(
            ["source_object_id"], ["source_object.id"], name="fk_accumulated_dose_source_object_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accumulated_dose"),
    )
    op.create_index("ix_accumulated_dose_source_object_id", "accumulated_dose", ["source_object_id"])
    op.create_table(
        "irradiation_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("study_id", ID, nullable=False),
        sa.Column("source_object_id", ID, nullable=False),
        sa.Column("device_id", ID),
        sa.Column("event_key", sa.String(length=64), nullable=False),
        sa.Column("plane", sa.String(length=8), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("irradiation_event_uid", sa.String(length=64)),
        sa.Column("event_type", sa.String(length=30)),
        sa.Column("started_at", sa.String(length=26)),
        sa.Column("protocol", sa.String(length=200)),
        sa.Column("target_region_code", sa.String(length=32)),
        sa.Column("target_region_scheme", sa.String(length=16)),
        sa.Column("target_region_meaning", sa.String(length=120)),
        sa.Column("laterality", sa.String(length=8)),
        sa.Column("comment", sa.LargeBinary()),
        sa.Column("ctdi_vol_mgy", sa.Double()),
        sa.Column("ctdi_phantom", sa.String(length=12)),
        sa.Column("dlp_mgy_cm", sa.Double()),
        sa.Column("ssde_mgy", sa.Double()),
        sa.Column("pka_gy_cm2", sa.Double()),
        sa.Column("ka_r_mgy", sa.Double()),
        sa.Column("ka_i_mgy", sa.Double()),
        sa.Column("ka_e_mgy", sa.Double()),
        sa.Column("agd_mgy", sa.Double()),
        sa.Column("fluoro_time_s", sa.Double()),
        sa.Column("irradiation_duration_s", sa.Double()),
        sa.Column("exposure_time_ms", sa.Double()),
        sa.Column("exposure_time_per_rotation_ms", sa.Double()),
        sa.Column("kvp_kv", sa.Double()),
        sa.Column("tube_current_ma", sa.Double()),
        sa.Column("max_tube_current_ma", sa.Double()),
        sa.Column("exposure_mas", sa.Double()),
        sa.Column("pulse_rate_hz", sa.Double()),
        sa.Column("number_of_pulses", sa.Double()),
        sa.Column("pulse_width_ms", sa.Double()),
        sa.Column("scanning_length_mm", sa.Double()),
        sa.Column("single_collimation_mm", sa.Double()),
        sa.Column("total_collimation_mm", sa.Double()),
        sa.Column("pitch", sa.Double()),
        sa.Column("scanning_top_z_mm", sa.Double()),
        sa.Column("scanning_bottom_z_mm", sa.Double()),
        sa.Column("positioner_primary_angle_deg", sa.Double()),
        sa.Column("positioner_secondary_angle_deg", sa.Double()),
        sa.Column("positioner_primary_end_angle_deg", sa.Double()),
        sa.Column("positioner_secondary_end_angle_deg", sa.Double()),
        sa.Column("table_longitudinal_mm", sa.Double()),
        sa.Column("table_lateral_mm", sa.Double()),
        sa.Column("table_height_mm", sa.Double()),
        sa.Column("table_longitudinal_end_mm", sa.Double()),
        sa.Column("table_lateral_end_mm", sa.Double()),
        sa.Column("table_height_end_mm", sa.Double()),
        sa.Column("table_head_tilt_angle_deg", sa.Double()),
        sa.Column("table_horizontal_rotation_angle_deg", sa.Double()),
        sa.Column("table_cradle_tilt_angle_deg", sa.Double()),
        sa.Column("column_angulation_deg", sa.Double()),
        sa.Column("distance_source_to_table_plane_mm", sa.Double()),
        sa.Column("distance_source_to_detector_mm", sa.Double()),
        sa.Column("distance_source_to_isocenter_mm", sa.Double()),
        sa.Column("distance_source_to_reference_point_mm", sa.Double()),
        sa.Column("collimated_field_height_mm", sa.Double()),
        sa.Column("collimated_field_width_mm", sa.Double()),
        sa.Column("collimated_field_area_cm2", sa.Double()),
        sa.Column("focal_spot_mm", sa.Double()),
        sa.Column("hvl_mm", sa.Double()),
        sa.Column("compressed_thickness_mm", sa.Double()),
        sa.Column("exposure_index", sa.Double()),
        sa.Column("target_exposure_index", sa.Double()),
        sa.Column("deviation_index", sa.Double()),
        sa.Column("view", sa.String(length=64)),
        sa.Column("patient_orientation", sa.String(length=64)),
        sa.Column("reference_point", sa.String(length=64)),
        sa.Column("acquisition_number", sa.Integer()),
        sa.Column("series_instance_uid", sa.String(length=64)),
        sa.Column("activity_mbq", sa.Double()),
        sa.Column("effective_dose_msv", sa.Double()),
        sa.Column("half_life_s", sa.Double()),
        sa.Column("radiopharmaceutical", sa.String(length=120)),
        sa.Column("radionuclide", sa.String(length=120)),
        sa.Column("details", sa.JSON()),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_irradiation_event_device_id"),
        sa.ForeignKeyConstraint(
            ["source_object_id"], ["source_object.id"], name="fk_irradiation_event_source_object_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_irradiation_event_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_irradiation_event"),
        sa.UniqueConstraint(
            "study_id",
            "event_key",
            "plane",
            "occurrence",
            name="uq_irradiation_event_study_id_event_key_plane_occurrence",
        ),
    )
    op.create_index("ix_irradiation_event_event_key", "irradiation_event", ["event_key"])
    op.create_index("ix_irradiation_event_source_object_id", "irradiation_event", ["source_object_id"])
    op.create_table(
        "event_study",
        sa.Column("irradiation_event_id", ID, nullable=False),
        sa.Column("study_id", ID, nullable=False),
        sa.Column("source_object_id", ID, nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("differs", sa.LargeBinary()),
        sa.ForeignKeyConstraint(
            ["irradiation_event_id"],
            ["irradiation_event.id"],
            name="fk_event_study_irradiation_event_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["source_object_id"], ["source_object.id"], name="fk_event_study_source_object_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_event_study_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("irradiation_event_id", "study_id", name="pk_event_study"),
    )
    op.create_index("ix_event_study_source_object_id", "event_study", ["source_object_id"])
    op.create_index("ix_event_study_study_id", "event_study", ["study_id"])
    for name, column in SORTED_DOSES.items():
        op.create_index(f"ix_study_{name}", "study", [sa.text(f"coalesce({column}, -1)"), "id"])


def downgrade() -> None:
    """Drop them all."""
    for table in reversed(TABLES):
        op.drop_table(table)
