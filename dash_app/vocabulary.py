"""Words of the field as people read them, by the code that the database stores; marked for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping

from dash_app.i18n import N_, _
from dose.quantities import QUANTITIES
from dose.queries import Note

EVENT_TYPES = {
    "spiral": N_("Spiral"),
    "sequenced": N_("Sequenced"),
    "constant_angle": N_("Localizer"),
    "stationary": N_("Stationary"),
    "free": N_("Free"),
    "cone_beam": N_("Cone beam"),
    "fluoroscopy": N_("Fluoroscopy"),
    "stationary_acquisition": N_("Stationary acquisition"),
    "stepping_acquisition": N_("Stepping acquisition"),
    "rotational_acquisition": N_("Rotational acquisition"),
    "radiography": N_("Radiography"),
    "mammography": N_("Mammography"),
    "tomosynthesis": N_("Tomosynthesis"),
    "administration": N_("Administration"),
}
SIDES = {"left": N_("left"), "right": N_("right"), "both": N_("both sides"), "unilateral": N_("one side")}
PLANES = {"single": N_("single plane"), "A": N_("plane A"), "B": N_("plane B")}
PHANTOMS = {"head_16": N_("head, 16 cm"), "body_32": N_("body, 32 cm")}
SEXES = {"F": N_("female"), "M": N_("male"), "O": N_("other")}
KINDS = {
    "rdsr": N_("dose report (RDSR)"),
    "radiopharm_rdsr": N_("radiopharmaceutical dose report"),
    "mpps": N_("procedure step (MPPS)"),
    "dose_screen": N_("dose screen"),
    "header": N_("image header"),
    "manual": N_("typed"),
    "legacy": N_("imported table"),
}
SOURCE_STATES = {"ok": N_("in use"), "superseded": N_("superseded"), "rejected": N_("rejected"),
                 "copy": N_("copy")}  # fmt: skip
# Why a source that was read well does not count: the codes of `dose.store.states`.
SOURCE_REASONS = {
    "sop-uid-reused": N_("Another object with the same SOP Instance UID is believed instead."),
    "modified-in-orthanc": N_("It was modified inside Orthanc; what came of it counts instead."),
    "series-grew": N_("More images of this series have arrived since."),
    "anonymised-copy": N_("A copy made inside Orthanc: the object it was made from counts, where it is known."),
}
ORIGINS = {"orthanc": N_("from Orthanc"), "import": N_("imported"), "typed": N_("typed")}
PROCESS_STATES = {
    "running": N_("running"),
    "waiting": N_("waiting"),
    "stopped": N_("stopped"),
    "starting": N_("starting"),
    "failed": N_("failed"),
}
PRIORITIES = {0: N_("arrivals"), 1: N_("retries"), 2: N_("reconciliation"), 3: N_("back-fill")}
REASONS = {
    "bad-object": N_("The object cannot be used."),
    "unreadable": N_("The object cannot be read as DICOM: it is cut short or broken."),
    "missing-field": N_("The object lacks a field that identifies it."),
    "unknown-unit": N_("Its doses carry units that their quantities do not know."),
    "too-expensive": N_("Reading it would take more time or memory than an honest object needs."),
    "too-large": N_("It is larger than this system reads."),
}
NOTES = {
    "dlp-total-differs": N_("The reported total DLP differs from the sum of the events."),
    "pka-total-differs": N_("The reported total kerma-area product differs from the sum of the events."),
    "ka-r-total-differs": N_("The reported total reference kerma differs from the sum of the events."),
    "agd-total-differs": N_("The reported average glandular dose differs from the sum of the events."),
    "event-count-differs": N_("The report states another number of events than it holds."),
    "reports-overlap": N_("Reports of this study overlap in part: their totals cannot be added."),
    "event-in-other-study": N_(
        "An Irradiation Event UID of this study stands with other values in another study; both are counted."
    ),
    "events-moved-away": N_("A person moved events of this study to another study."),
    "events-moved-here": N_("A person moved events of another study into this study."),
    "maybe-counted-twice": N_("Two sources may describe one exposure of this study; both are counted."),
    "same-exposure-other-patient": N_(
        "An exposure of this study stands under another patient as well; it is counted once."
    ),
    "same-examination": N_("Another study describes the same examination better: that one counts, this one does not."),
    "maybe-same-examination": N_("Another study is possibly the same examination; each is counted."),
    "patient-differs": N_("Reports of this study name different patients."),
    "sop-uid-reused": N_("Another object with the same SOP Instance UID says something else."),
    "no-events": N_("The report holds no irradiation event."),
    "missing-event-uid": N_("Events without an Irradiation Event UID: told apart by time and technique."),
    "same-uid-other-values": N_("One Irradiation Event UID stands for events with different values."),
    "repeated-event": N_("An event is stated more than once; it is counted once."),
    "implausible": N_("A value lies outside what is plausible; it is stored as sent."),
    "unit-unknown": N_("A value carries an unknown unit; it was left empty."),
    "value-unreadable": N_("A value is not a number; it was left empty."),
    "zero-stated": N_("Zero is stated where the maker may mean unknown."),
    "extravasation": N_("A part of the activity is stated to have stayed at the injection site."),
    "repeated-value": N_("A value is stated several times in one event."),
    "max-current-below-mean": N_("The maximum tube current is below the mean."),
    "code-unknown": N_("A code is not in the table; its meaning is shown as sent."),
    "charset-doubtful": N_("Texts may be shown wrongly: the declared character set does not fit."),
    "datetime-unreadable": N_("A date or time cannot be read."),
    "tail-unreadable": N_("What follows the content of the report is broken; the doses were read."),
    "read-by-pydicom": N_("The encoding is unusual; the general reader was used."),
    "comma-for-backslash": N_("Several values of an element are separated by commas; they were read so."),
    "ctdi-vol-from-slices": N_("The CTDIvol of an acquisition is the mean over its slices."),
    "day-inferred": N_(
        "Only the time of an administration is stated: it was taken to be on the other side of midnight."
    ),
    "decimal-comma": N_("A number is written with a decimal comma; it was read so."),
    "duration-exceeds-gap": N_("An irradiation is stated to last longer than the time to the next event."),
    "kept-unread": N_("A part of the report that this version does not read is kept with it."),
    "not-shared-out": N_("A table of the report does not tell what belongs to which event; the value was left empty."),
    "other-kind-left-out": N_("Parts of another kind of dose report (CT, projection) are not read."),
    "reformats-only": N_("There are only reformatted images: the acquisition may be one that others show."),
    "several-acquisitions": N_("An image is made of several acquisitions; their doses are added up."),
    "several-administrations": N_("The images name more than one administration."),
    "several-event-uids": N_("An image belongs to several events; it counts as the first."),
    "several-exposures": N_("Of several exposures it is not told which source each is of."),
    "stated-differently": N_("Two attributes state one value and differ."),
    "images-left-out": N_("Some images of the series cannot be read and are left out."),
    "screen-among-slices": N_("A dose screen stands among the slices: it is kept and not read with them."),
    "more-warnings": N_("There are more odd values; their notes are left out."),
}
TOTAL_NOTES = {
    "dlp-total-differs": "dlp_mgy_cm",
    "pka-total-differs": "pka_gy_cm2",
    "ka-r-total-differs": "ka_r_mgy",
    "agd-total-differs": "agd_mgy",
}
# What the cards and heads of quantities say; the names are those of `dose.quantities`.
NAMES = {
    "ctdi_vol_mgy": N_("Volume CT dose index"),
    "dlp_mgy_cm": N_("Dose length product"),
    "ssde_mgy": N_("Size-specific dose estimate"),
    "pka_gy_cm2": N_("Kerma-area product"),
    "ka_r_mgy": N_("Kerma at the reference point"),
    "ka_i_mgy": N_("Incident air kerma"),
    "ka_e_mgy": N_("Entrance surface air kerma"),
    "agd_mgy": N_("Average glandular dose"),
    "activity_mbq": N_("Administered activity"),
    "effective_dose_msv": N_("Effective dose"),
    "organ_dose_mgy": N_("Organ dose"),
    "fluoro_pka_gy_cm2": N_("Kerma-area product, fluoroscopy"),
    "fluoro_ka_r_mgy": N_("Reference kerma, fluoroscopy"),
    "acquisition_pka_gy_cm2": N_("Kerma-area product, acquisition"),
    "acquisition_ka_r_mgy": N_("Reference kerma, acquisition"),
    "fluoro_time_s": N_("Fluoroscopy time"),
    "acquisition_time_s": N_("Acquisition time"),
    "irradiation_duration_s": N_("Irradiation duration"),
    "exposure_time_ms": N_("Exposure time"),
    "exposure_time_per_rotation_ms": N_("Time per rotation"),
    "kvp_kv": N_("Tube voltage"),
    "tube_current_ma": N_("Tube current"),
    "max_tube_current_ma": N_("Maximum tube current"),
    "exposure_mas": N_("Exposure"),
    "pulse_rate_hz": N_("Pulse rate"),
    "number_of_pulses": N_("Pulses"),
    "pulse_width_ms": N_("Pulse width"),
    "scanning_length_mm": N_("Scanning length"),
    "single_collimation_mm": N_("Single collimation"),
    "total_collimation_mm": N_("Total collimation"),
    "pitch": N_("Pitch"),
    "positioner_primary_angle_deg": N_("Primary angle"),
    "positioner_secondary_angle_deg": N_("Secondary angle"),
    "positioner_primary_end_angle_deg": N_("Primary end angle"),
    "positioner_secondary_end_angle_deg": N_("Secondary end angle"),
    "distance_source_to_detector_mm": N_("Source to detector"),
    "distance_source_to_isocenter_mm": N_("Source to isocentre"),
    "distance_source_to_reference_point_mm": N_("Source to reference point"),
    "table_longitudinal_mm": N_("Table, longitudinal"),
    "table_lateral_mm": N_("Table, lateral"),
    "table_height_mm": N_("Table height"),
    "collimated_field_height_mm": N_("Field height"),
    "collimated_field_width_mm": N_("Field width"),
    "collimated_field_area_cm2": N_("Field area"),
    "focal_spot_mm": N_("Focal spot"),
    "hvl_mm": N_("Half value layer"),
    "compressed_thickness_mm": N_("Compressed thickness"),
    "exposure_index": N_("Exposure index"),
    "target_exposure_index": N_("Target exposure index"),
    "deviation_index": N_("Deviation index"),
    "ka_output_mgy": N_("Air kerma at the output point"),
    "half_life_s": N_("Half-life of the radionuclide"),
    "extravasation_percent": N_("Extravasated activity"),
    "frame_count": N_("Number of images"),
    "scanning_top_z_mm": N_("Top of the scanning length"),
    "scanning_bottom_z_mm": N_("Bottom of the scanning length"),
    "exposed_range_mm": N_("Exposed range"),
    "water_equivalent_diameter_mm": N_("Water equivalent diameter"),
    "table_longitudinal_end_mm": N_("Table, longitudinal, end"),
    "table_lateral_end_mm": N_("Table, lateral, end"),
    "table_height_end_mm": N_("Table height, end"),
    "table_head_tilt_angle_deg": N_("Table head tilt"),
    "table_horizontal_rotation_angle_deg": N_("Table horizontal rotation"),
    "table_cradle_tilt_angle_deg": N_("Table cradle tilt"),
    "column_angulation_deg": N_("Column angulation"),
    "positioner_isocenter_primary_angle_deg": N_("Primary angle, isocentre system"),
    "positioner_isocenter_secondary_angle_deg": N_("Secondary angle, isocentre system"),
    "positioner_isocenter_detector_rotation_angle_deg": N_("Detector rotation, isocentre system"),
    "positioner_isocenter_primary_end_angle_deg": N_("Primary end angle, isocentre system"),
    "positioner_isocenter_secondary_end_angle_deg": N_("Secondary end angle, isocentre system"),
    "positioner_isocenter_detector_rotation_end_angle_deg": N_("Detector rotation, isocentre system, end"),
    "distance_source_to_table_plane_mm": N_("Source to table plane"),
    "relative_exposure": N_("Relative exposure"),
    "field_of_view_height_mm": N_("Field of view, height"),
    "field_of_view_width_mm": N_("Field of view, width"),
    "compression_force_n": N_("Compression force"),
    "filter_thickness_mm": N_("Filter thickness"),
    "height_m": N_("Height"),
    "weight_kg": N_("Weight"),
    "age_years": N_("Age"),
    "event_count": N_("Irradiation events"),
    "ctdi_phantom": N_("CTDI phantom"),
    "view": N_("View"),
}


def word(table: Mapping[str, str], code: str | None) -> str | None:
    """The word for a code in the reader's language; an unknown code stays as sent."""
    return None if code is None else _(table[code]) if code in table else code


def name_of(column: str) -> str:
    """The name of a quantity."""
    return _(NAMES[column]) if column in NAMES else QUANTITIES[column].name


def note_text(note: Note) -> str:
    """A note in the reader's language; one without a translation as it was written."""
    return _(NOTES[note.code]) if note.code in NOTES else note.text
