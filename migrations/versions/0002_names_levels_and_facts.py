"""Names, reference levels, facts that statistics count.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = """
    dose_cell event_fact procedure protocol study_fact operator saved_view signed_record local_name
    procedure_change procedure_rule reference_set reference_level
""".split()  # noqa: SIM905 - a list literal would be a page


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    op.create_table(
        "dose_cell",
        sa.Column("id", ID, nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("procedure_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dose_cell"),
    )
    key = ["month", "device_id", "modality", "procedure_id", "site_id"]
    op.create_index("ix_dose_cell_key", "dose_cell", key, unique=True)
    op.create_index("ix_dose_cell_version", "dose_cell", ["version"])
    op.create_table(
        "event_fact",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("procedure_id", sa.BigInteger()),
        sa.Column("protocol_id", sa.BigInteger()),
        sa.Column("event_type", sa.String(length=30)),
        sa.Column("diagnostic", sa.Boolean(), nullable=False),
        sa.Column("phantom", sa.SmallInteger()),
        sa.Column("sex", sa.String(length=1)),
        sa.Column("age_years", sa.Double()),
        sa.Column("weight_kg", sa.Double()),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("ctdi_vol_mgy", sa.Double()),
        sa.Column("dlp_mgy_cm", sa.Double()),
        sa.Column("ssde_mgy", sa.Double()),
        sa.Column("pka_gy_cm2", sa.Double()),
        sa.Column("ka_r_mgy", sa.Double()),
        sa.Column("ka_i_mgy", sa.Double()),
        sa.Column("ka_e_mgy", sa.Double()),
        sa.Column("agd_mgy", sa.Double()),
        sa.Column("activity_mbq", sa.Double()),
        sa.Column("scanning_length_mm", sa.Double()),
        sa.Column("compressed_thickness_mm", sa.Double()),
        sa.Column("kvp_kv", sa.Double()),
        sa.Column("exposure_mas", sa.Double()),
        sa.Column("exposure_index", sa.Double()),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_event_fact"),
    )
    op.create_index("ix_event_fact_day", "event_fact", ["day", "site_id", "device_id"])
    op.create_index("ix_event_fact_procedure", "event_fact", ["procedure_id", "device_id", "day"])
    indexed = ["protocol_id", "device_id", "day", "modality", "diagnostic", "counts"]
    op.create_index("ix_event_fact_protocol", "event_fact", indexed)
    op.create_index("ix_event_fact_study_id", "event_fact", ["study_id", "diagnostic", "exposure_mas", "kvp_kv"])
    op.create_table(
        "procedure",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("region", sa.String(length=60)),
        sa.Column("rpid", sa.String(length=20)),
        sa.Column("loinc", sa.String(length=20)),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("is_head", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_procedure"),
        sa.UniqueConstraint("key", name="uq_procedure_key"),
    )
    op.create_table(
        "protocol",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_protocol"),
        sa.UniqueConstraint("name_sha256", name="uq_protocol_name_sha256"),
    )
    noted = sa.text("state = 'notes'")
    op.create_index("ix_study_noted", "study", ["listed_at", "id"], sqlite_where=noted, postgresql_where=noted)
    op.create_table(
        "study_fact",
        sa.Column("study_id", ID, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("hour", sa.SmallInteger()),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("procedure_id", sa.BigInteger()),
        sa.Column("rule_id", sa.BigInteger()),
        sa.Column("naming", sa.String(length=8), nullable=False),
        sa.Column("complexity", sa.String(length=20)),
        sa.Column("local_name_id", sa.BigInteger()),
        sa.Column("protocol_id", sa.BigInteger()),
        sa.Column("operator_id", sa.BigInteger()),
        sa.Column("sex", sa.String(length=1)),
        sa.Column("age_years", sa.Double()),
        sa.Column("weight_kg", sa.Double()),
        sa.Column("height_m", sa.Double()),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("outdated", sa.Boolean(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("phase_count", sa.SmallInteger()),
        sa.Column("scan_length_mm", sa.Double()),
        sa.Column("phantom", sa.SmallInteger()),
        sa.Column("ctdi_vol_mgy", sa.Double()),
        sa.Column("dlp_mgy_cm", sa.Double()),
        sa.Column("pka_gy_cm2", sa.Double()),
        sa.Column("ka_r_mgy", sa.Double()),
        sa.Column("fluoro_time_s", sa.Double()),
        sa.Column("agd_mgy", sa.Double()),
        sa.Column("activity_mbq", sa.Double()),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study_id", name="pk_study_fact"),
    )
    of_people = ["day", "site_id", "device_id", "patient_id", "counts", "modality", "phantom"]
    summed = ["dlp_mgy_cm", "pka_gy_cm2", "agd_mgy", "activity_mbq"]
    op.create_index("ix_study_fact_day", "study_fact", [*of_people, *summed])
    of_names = ["local_name_id", "naming", "procedure_id", "rule_id", "counts", "day"]
    op.create_index("ix_study_fact_local_name", "study_fact", of_names)
    op.create_index(
        "ix_study_fact_outdated",
        "study_fact",
        ["study_id"],
        sqlite_where=sa.text("outdated = 1"),
        postgresql_where=sa.text("outdated"),
    )
    op.create_index("ix_study_fact_patient", "study_fact", ["patient_id", "day"])
    op.create_index("ix_study_fact_procedure", "study_fact", ["procedure_id", "device_id", "day", "band"])
    op.create_index(
        "ix_study_fact_unnamed",
        "study_fact",
        ["day", "local_name_id", "counts", "site_id", "device_id"],
        sqlite_where=sa.text("naming <> 'mapped'"),
        postgresql_where=sa.text("naming <> 'mapped'"),
    )
    op.create_index("ix_study_fact_protocol", "study_fact", ["protocol_id", "device_id", "day", "band"])
    op.create_table(
        "operator",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("name_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_operator"),
        sa.UniqueConstraint("site_id", "name_index", name="uq_operator_site_id_name_index"),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_saved_view_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.UniqueConstraint("user_id", "name", name="uq_saved_view_user_id_name"),
    )
    op.create_index("ix_saved_view_user_id", "saved_view", ["user_id"])
    op.create_table(
        "signed_record",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=160), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("signed_at", sa.DateTime()),
        sa.Column("signed_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_signed_record_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_signed_record"),
    )
    op.create_index("ix_signed_record_kind", "signed_record", ["kind", "made_at"])
    op.create_table(
        "local_name",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("words_sha256", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_local_name"),
        sa.UniqueConstraint("words_sha256", name="uq_local_name_words_sha256"),
    )
    op.create_index("ix_local_name_device_id", "local_name", ["device_id"])
    op.create_table(
        "procedure_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("procedure_id", ID, nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON()),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name="fk_procedure_change_procedure_id"),
        sa.PrimaryKeyConstraint("id", name="pk_procedure_change"),
    )
    op.create_index("ix_procedure_change_procedure_id", "procedure_change", ["procedure_id"])
    op.create_table(
        "procedure_rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("modality", sa.String(length=16)),
        sa.Column("site_id", ID),
        sa.Column("device_id", ID),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("procedure_id", ID, nullable=False),
        sa.Column("complexity", sa.String(length=20)),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("note", sa.String(length=300)),
        sa.Column("replaces_id", ID),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("retired_at", sa.DateTime()),
        sa.Column("retired_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_procedure_rule_device_id"),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name="fk_procedure_rule_procedure_id"),
        sa.ForeignKeyConstraint(["replaces_id"], ["procedure_rule.id"], name="fk_procedure_rule_replaces_id"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_procedure_rule_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_procedure_rule"),
    )
    op.create_index("ix_procedure_rule_in_force", "procedure_rule", ["retired_at", "modality"])
    op.create_table(
        "reference_set",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("authority", sa.String(length=160)),
        sa.Column("edition", sa.String(length=40)),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("superseded_by", sa.String(length=160)),
        sa.Column("site_id", ID),
        sa.Column("device_id", ID),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_to", sa.Date()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("made_of", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_reference_set_device_id"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_reference_set_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reference_set"),
        sa.UniqueConstraint("key", name="uq_reference_set_key"),
    )
    op.create_table(
        "reference_level",
        sa.Column("id", ID, nullable=False),
        sa.Column("set_id", ID, nullable=False),
        sa.Column("row_key", sa.String(length=64), nullable=False),
        sa.Column("procedure_id", ID),
        sa.Column("procedure_text", sa.String(length=200), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("column", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("phantom", sa.Integer()),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("printed", sa.String(length=60), nullable=False),
        sa.Column("statistic", sa.String(length=12), nullable=False),
        sa.Column("population", sa.String(length=80), nullable=False),
        sa.Column("age_from_years", sa.Double()),
        sa.Column("age_to_years", sa.Double()),
        sa.Column("weight_from_kg", sa.Double()),
        sa.Column("weight_to_kg", sa.Double()),
        sa.Column("sex", sa.String(length=1)),
        sa.Column("thickness_from_mm", sa.Double()),
        sa.Column("thickness_to_mm", sa.Double()),
        sa.Column("complexity", sa.String(length=20)),
        sa.Column("sample_count", sa.Integer()),
        sa.Column("room_count", sa.Integer()),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("verified", sa.String(length=40), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime()),
        sa.Column("confirmed_by", sa.String(length=255)),
        sa.Column("note", sa.Text()),
        sa.Column("replaces_id", ID),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_to", sa.Date()),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("retired_at", sa.DateTime()),
        sa.Column("retired_by", sa.String(length=255)),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name="fk_reference_level_procedure_id"),
        sa.ForeignKeyConstraint(["replaces_id"], ["reference_level.id"], name="fk_reference_level_replaces_id"),
        sa.ForeignKeyConstraint(["set_id"], ["reference_set.id"], name="fk_reference_level_set_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reference_level"),
    )
    op.create_index("ix_reference_level_procedure_id", "reference_level", ["procedure_id"])
    op.create_index("ix_reference_level_set", "reference_level", ["set_id", "retired_at"])


def downgrade() -> None:
    """Drop them all."""
    op.drop_index("ix_study_noted", "study")
    for table in reversed(TABLES):
        op.drop_table(table)
