"""What docs/conformance.md says beside the tables of the code: makers seen, deviations tolerated, what is not read."""

# ruff: noqa: E501 - one row a line reads better than its pieces

from __future__ import annotations

# (makers and models, what of theirs was read and compared value by value with an independent reader)
MAKERS = (
    (
        "Siemens SOMATOM Confidence, Definition Flash, Biograph Vision",
        "CT dose reports, one to three events, dual source",
    ),
    (
        "GE Optima CT660, LightSpeed RT16; dose screens",
        "CT dose reports (also as Enhanced SR), slices, screens by header",
    ),
    ("Philips Brilliance Big Bore, Brilliance 16P", "CT dose reports, slices, *Dose Info* screens by header"),
    ("Toshiba/Canon Aquilion Precision", "CT dose reports with dose check"),
    ("Siemens AXIOM-Artis, Artis Zee, Fluorospot Compact, Multix", "projection dose reports (XA, RF, DX), DX images"),
    ("Philips Allura Xper, Allura Clarity", "projection dose reports, single and biplane, private geometry"),
    ("Canon Ultimax-i (CANON_MEC)", "projection dose reports"),
    ("GE OEC C-arms, XR220", "projection dose reports, DX images"),
    ("Carestream DRX-Evolution, DR 7500", "projection dose reports, DX images"),
    ("Siemens mobile C-arms (99SMS_RADSUM)", "private summaries, from synthetic twins"),
    ("GE Senographe Pristina, Senographe", "mammography dose reports, images for processing and for presentation"),
    ("Hologic Selenia Dimensions", "mammography dose reports"),
    ("NewTom Go", "dental cone beam (PX)"),
    ("Siemens Biograph Vision", "radiopharmaceutical dose reports, PET images"),
    ("any maker", "performed procedure steps (MPPS), from synthetic twins and published examples"),
)

_S, _P, _Q = "tests/extract/test_structure.py", "tests/extract/test_image_projection.py", "tests/extract/test_quirks.py"
_W, _R = "tests/extract/test_warnings.py", "tests/extract/test_rdsr_projection.py"
# (deviation, what is done, the test that pins it)
TOLERATED = (
    ("Title 113701 in Enhanced SR or Comprehensive SR storage, or no title in dose SR storage", "read by its title and "
     "containers; the storage class stands in", f"{_S}::test_a_report_of_the_dose_class_without_title_is_read"),
    ("No template identification, an empty or another one", "the containers decide",
     "tests/extract/test_rdsr_ct.py::test_the_template_identifier_does_not_decide"),
    ("Meanings translated or respelt; SRT, SNM3, 99SDM, SCT spellings", "codes are compared, never meanings",
     "tests/extract/test_rdsr_ct.py::test_the_code_scheme_of_the_maker_makes_no_difference"),
    ("Scheme in other letters or left out", "recognised where the form of the value leaves no doubt",
     f"{_S}::test_a_scheme_in_other_letters_or_left_out_is_recognised"),
    ("Value under a wrong standard scheme", "recognised inside one context group",
     f"{_S}::test_a_value_under_a_wrong_standard_scheme_is_recognised"),
    ("Two items in a code sequence", "the first that says something counts",
     f"{_S}::test_of_two_codes_the_first_that_says_something_counts"),
    ("Items deeper, shallower or in another container", "read wherever they stand",
     f"{_S}::test_a_dose_outside_of_its_container_is_read"),
    ("Two X-ray sources in one container", "told apart by order", f"{_S}::test_two_tubes_in_one_source_are_two_sources"),
    ("Several values in one item, or repeated items (per pulse, per source)", "mean of the non-zero ones, or their sum; "
     "the list is kept", f"{_R}::test_exposure_and_exposure_time_add_up_and_voltage_is_averaged"),
    ("Wrong value types (`PERSON NAME`, UID as TEXT)", "read by what the item holds",
     "tests/extract/test_sr.py::test_wrong_value_types_are_read_by_what_they_hold"),
    ("Units spelt `Gym2`, `mGycm`, `uAs`, `Gy.cm^2`, `µGy·m²`, `pulse/s`, scheme `UCM`", "known spellings of the unit; "
     "any other unit leaves the item empty", f"{_R}::test_every_spelling_of_the_area_product_gives_one_number"),
    ("Unknown unit on one item", "left empty and flagged", f"{_W}::test_one_item_in_an_unknown_unit_is_left_empty_and_the_"
     "rest_is_read"),
    ("Unknown unit on every dose", "the object is rejected",
     f"{_W}::test_a_report_whose_every_dose_is_in_an_unknown_unit_is_refused"),
    ("Measured Value Sequence empty, or number empty", "absent, never zero",
     "tests/extract/test_rdsr_ct.py::test_absent_is_none_and_zero_is_zero"),
    ("Zero where the maker means unknown", "stored and flagged", f"{_W}::test_what_is_odd_is_told_once"),
    ("Right unit, wrong value (exposure time of 11912 s)", "stored and flagged, never repaired",
     f"{_W}::test_what_is_odd_is_told_once"),
    ("Duration longer than the time to the next event", "flagged",
     f"{_W}::test_a_duration_longer_than_the_time_to_the_next_event_is_told"),
    ("Totals that differ from the sum of the events, or zero beside events with dose", "both are kept and the study says "
     "so", f"{_W}::test_what_is_odd_is_told_once"),
    ("Two planes in two accumulated containers", "both are summed",
     f"{_R}::test_two_planes_are_two_totals_and_marked_events"),
    ("Reference point as a free text that is no point of CID 10025", "kept as sent",
     f"{_R}::test_a_reference_point_may_be_free_text"),
    ("Malformed or empty date and time", "absent and flagged", "tests/extract/test_texts.py::test_dates_times_and_offsets_"
     "in_older_spellings"),
    ("Latin-1 undeclared; UTF-8 declared as Latin-1; ISO 2022", "decoded as sent; doubtful texts are flagged",
     "tests/extract/test_texts.py::test_a_text_is_decoded_as_declared_or_as_makers_send_it"),
    ("Implicit, big endian, deflated; defined and undefined lengths", "read alike",
     "tests/extract/test_sr.py::test_the_encoding_makes_no_difference_to_the_report"),
    ("Wrongly declared transfer syntax; no preamble or meta group", "seen from the first element",
     "tests/extract/test_sr.py::test_a_wrongly_declared_transfer_syntax_is_seen_from_the_first_element"),
    ("Broken after the content", "the content is read and the rest told",
     "tests/extract/test_sr.py::test_what_follows_the_content_may_be_broken"),
    ("Header: trailing NUL or decimals in IS", "read", f"{_P}::test_trailing_nul_and_decimals_in_a_whole_number_are_read"),
    ("Header: decimal comma", "read and flagged", f"{_P}::test_a_decimal_comma_is_read_and_told"),
    ("Header: comma for the backslash", "read only where that is sure",
     f"{_P}::test_a_comma_for_the_backslash_parts_values_only_where_that_is_sure"),
    ("Header: VR UN, or none that exists, for standard tags", "read by the registry",
     "tests/extract/test_header_narrow.py::test_values_of_unknown_representation_are_read_by_the_registry"),
    ("Header: distance in centimetres", "kept as sent and flagged",
     f"{_P}::test_a_distance_in_centimetres_is_kept_as_sent_and_flagged"),
    ("Header: Entrance Dose in dGy is 0 while Entrance Dose in mGy is filled", "the one that is not zero",
     f"{_P}::test_the_entrance_dose_in_whole_dgy_counts_where_nothing_finer_is_stated"),
    ("PET activity in MBq, NM or enhanced PET activity in Bq", "no number: the administration without its activity, "
     "flagged",
     "tests/extract/test_image_nuclear.py::test_an_activity_possible_in_another_unit_only_never_becomes_a_number"),
    ("An injection stated by its time alone, beside midnight", "on the day on which it can have been, told",
     "tests/extract/test_image_nuclear.py::test_an_injection_beside_midnight_is_on_its_own_day"),
    ("Items of one radiopharmaceutical sequence that are alike", "injections of their own; over images the same ones",
     "tests/extract/test_image_nuclear.py::test_two_injections_of_one_image_count_both_even_if_alike"),
    ("A dose screen among the slices of a CT series", "left to itself, told",
     "tests/extract/test_screen.py::test_a_screen_among_slices_is_that_one_object_only"),
    ("Reformats that name neither event nor acquisition", "no scan of their own beside its slices",
     "tests/extract/test_image_ct.py::test_reformats_that_name_no_scan_are_none_of_their_own"),
    ("Exposures of several sources that do not say which", "CTDIvol left open, told",
     "tests/extract/test_image_ct.py::test_exposures_that_name_no_source_are_not_added_up"),
    ("Projections of a tomosynthesis beside their total", "the total; told where they add up to another",
     "tests/extract/test_image_tomosynthesis.py::"
     "test_a_total_beside_its_projections_counts_once_and_is_compared_with_them"),
    ("CTDIvol that varies from slice to slice", "mean over the slice positions, flagged, spread in the trace",
     "tests/extract/test_image_ct.py::test_of_modulated_slices_the_mean_counts_and_is_told"),
    ("Several reconstructions of one acquisition", "one event",
     "tests/extract/test_image_ct.py::test_reconstructions_without_uid_state_the_same_scan"),
    ("Tomosynthesis stored as CT images", "one mammogram",
     f"{_P}::test_every_slice_of_a_tomosynthesis_stored_as_ct_gives_the_same_mammogram"),
    ("For Processing and For Presentation without event UID", "one exposure",
     f"{_P}::test_for_processing_and_for_presentation_are_one_exposure"),
)  # fmt: skip

# What the tables of a reader cannot say, by its module.
BESIDE = {
    "rdsr_enhanced": (
        "Of a TABLE of values over time (PS3.3 C.18.10) an event takes the rows that speak of it, as a list with its mean",
        "or, of what adds up, its sum; rows that are of several events, or may be a running total, are not added up.",
        "Lists of an event alone are",
        "`rotation_center_mm` (130521, DCM), `rotation_normal_point_mm` (130522, DCM), `rotation_angle_deg` (130523, DCM),",
        "`source_transformation_matrix` (130520, DCM), `output_point_position_mm` (130525, DCM) and",
        "`reference_point_position_mm` (130526, DCM). Held against the rows of the standard: TID 10043, 10048, 10050 to",
        "10052, 10055, and the first of 10053 and 10054; TID 10044 to 10047 and 10049 are matched by containers and codes.",
    ),
    "image_projection": (
        "Where a run began and ended is read from the angles of its first and last frame, or from",
        "(0018,1520) PositionerPrimaryAngleIncrement and (0018,1521) PositionerSecondaryAngleIncrement. Doses of several",
        "items of (0018,9507) XRay3DAcquisitionSequence add up; those of (0018,9538) PerProjectionAcquisitionSequence",
        "only where no total stands beside them.",
    ),
    "image_ct": (
        "Several items of (0018,9321) CTExposureSequence, (0018,9325) CTXRayDetailsSequence or (0018,9360)",
        "CTAdditionalXRaySourceSequence are the X-ray sources of one event; their CTDIvol adds up where each item names",
        "sources of its own, (0018,9377) ReferencedXRaySourceIndex.",
    ),
}

# (what, why it is not read)
NOT_READ = (
    ("Patient radiation dose SR (TID 10030)", "it repeats what other objects measured; counting it would count twice"),
    ("Dose screens that state their doses only in pixels", "they are told apart and recorded as such"),
    ("Values of overlays, private pixel data and encapsulated documents", "their units and meaning are not published"),
    ("A dose-length product from CTDIvol and length of images", "over-ranging: the product is not the DLP; none is made"),
    ("A total for reports that overlap in part", "their totals cannot be added; each report's own stay visible"),
    ("Philips beam position and wedges, Siemens detector format", "axis, sense or unit is not published"),
    ("Philips table axes (longitudinal and lateral against other makers)", "makers mean different axes by (113751) and "
     "(113752); values are stored as sent, under the name of their code, and never swapped"),
    ("Table height of any maker as a place in the room", "its zero is the equipment's own (PS3.16 CID 10008, 113753)"),
    ("Distance Source to Patient of RF images as that to an isocentre", "it reaches to the centre of the field of view "
     "(PS3.3 C.8.7.6)"),
    ("Tables and positions of enhanced reports beyond those listed, models of attenuators", "they are kept in the "
     "object; a report that holds one says so"),
    ("A repair of values", "a number and its unit are never changed: what is odd is flagged"),
    ("Texts that are no field of a table", "they may name people"),
)  # fmt: skip

# What `make fuzz` gave (benchmarks/fuzz.py), seeds 100 to 153 and 9001.
FUZZED = (
    "`make fuzz` spoils an object of every kind in its structure (items dropped, doubled, re-typed, shuffled, nested; codes,",
    "values, character sets, representations, transfer syntaxes) and in its bytes (flips, cuts, lengths), and reads each",
    "mutant, and of a tenth of those that read well the trace, in a child process of limited memory. Whatever it is, the",
    "answer must be *ok*, *not_dose* or *rejected*, within 2 s + 1 s a megabyte and 300 MB. What was found is kept in",
    "`tests/extract/seeds/`.",
    "",
    "On two cores shared with others: 200,000 mutants in one run with all readers of this version (110,705 ok, 18,979 no dose",
    "object, 70,316 rejected, none answered otherwise); slowest 0.6 s (574 kB), largest growth of memory by one object",
    "12.5 MB. 388,000 before, while they were written: 1 found (a typed row whose place was no text), mended.",
)
