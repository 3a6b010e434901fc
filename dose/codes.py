"""The codes we match by, as (scheme, value), grouped by the template or context group they come from.

Matching is by code, never by meaning: makers translate and respell meanings. Until 2018 DICOM used
SNOMED-RT style codes (designators SRT, SNM3, 99SDM), since then SNOMED CT (SCT); every spelling of
one concept is one row of `SPELLINGS`.

References: DICOM PS3.16 (templates, context groups, annex D); PS3.16 annex O for SRT to SCT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Concept = tuple[str, str]
T = TypeVar("T")


def _dcm(value: str) -> Concept:
    return ("DCM", value)


def _sct(value: str) -> Concept:
    return ("SCT", value)


# SNOMED CT value -> SNOMED-RT style value
SPELLINGS: Mapping[str, str] = {
    "77477000": "P5-08000",  # computed tomography
    "71651007": "P5-40010",  # mammography
    "44491008": "P5-06000",  # fluoroscopy
    "116152004": "P5-08001",  # spiral acquisition
    "702569007": "R-FB8F1",  # cone beam acquisition
    "272741003": "G-C171",  # laterality
    "91723000": "T-D0005",  # anatomical structure
    "408730004": "G-C32C",  # procedure context
    "363703001": "G-C0E8",  # has intent
    "24028007": "G-A100",  # right
    "7771000": "G-A101",  # left
    "51440002": "G-A102",  # bilateral
    "66459002": "G-A103",  # unilateral
    "73056007": "T-04020",  # right breast
    "80248007": "T-04030",  # left breast
    "63762007": "T-04080",  # both breasts
    "76752008": "T-04000",  # breast
    "12503006": "C-12000", "66925006": "C-12700", "88488004": "C-13200", "71128006": "C-15000",  # Al, Cu, Pb, Mo
    "59801003": "C-16700", "41967008": "C-13700", "45215009": "C-15600", "12597001": "C-13900",  # Rh, Ag, Ta, Sn
    "26194003": "C-16400",  # W
    "102538003": "F-10450", "102539006": "F-10460",  # recumbent, semi-erect
    "10904000": "F-10320", "33586001": "F-103A0", "40199007": "F-10340", "1240000": "F-10310",  # standing … prone
    "102535000": "F-10317", "102536004": "F-10319",  # right, left lateral decubitus
    "102540008": "F-10470", "102541007": "F-10480",  # headfirst, feet-first
    "399162004": "R-10242", "399196006": "R-10244", "399368009": "R-10226", "399260004": "R-10224",  # CC FB MLO ML
    "399352003": "R-10228", "399099002": "R-10230", "399192008": "R-1024A", "399101009": "R-1024B",  # LM LMO XCCL XCCM
    "441555000": "R-40AAA", "399188001": "R-102D0",  # LMO, SIO
    "399348003": "R-10206", "272479007": "R-40888", "399067008": "R-102CD",  # AP, PA, lateral
    "399173006": "R-10236", "399198007": "R-10232", "399182000": "R-102C1",  # left lateral, right lateral, oblique
    "349358000": "C-B02C9", "89457008": "C-10072", "304283002": "R-42806",  # radiopharmaceutical, nuclide, half life
    "410675002": "G-C340", "363698007": "G-C0E3", "363589002": "G-C2D0",  # route, finding site, associated procedure
    "373066001": "R-0038D", "373067005": "R-00339",  # yes, no
    "159016003": "J-00187", "309343006": "J-004E8",  # radiologic technologist, physician
    "77004003": "C-111A1", "40565003": "C-105A1", "21576001": "C-107A1", "129504001": "C-B1038",  # F-18 C-11 N-13 O-15
    "424875009": "C-1018C", "35337001": "C-131A3", "79477007": "C-131A1", "53315004": "C-128A2",  # O-14 Ga-68 -66 Ge-68
    "79197006": "C-159A2", "3932008": "C-127A2", "425364008": "C-127A4",  # Rb-82, Cu-64 -60
    "71425003": "C-127A1", "422934004": "C-127A5", "63360001": "C-168A4",  # Cu-61, Cu-62, Zr-89
    "40937006": "C-114A5",  # I-124
    "10738001": "C-162A3", "423764008": "C-135A4", "424079002": "C-163AA",  # Y-86, K-38, Tc-94m
    "71633006": "C-155A1",  # Na-22
    "37225000": "C-149A1", "69089000": "C-130A1", "65054007": "C-141A1", "75696008": "C-166A2",  # Mn Fe Zn Ti-45
    "17910003": "C-113A1", "79523006": "C-113A2", "2705002": "C-115A2", "87437000": "C-116A2",  # Br-75 -76 As-72 Se-73
}  # fmt: skip

# Other values that older tables give for the same concept.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "91723000": ("91772007",),
    "10904000": ("C86043", "F-10440"),
    "12503006": ("C-120F9", "105830007"), "66925006": ("C-127F9",), "88488004": ("C-132F9",), "71128006": ("C-150F9",),
    "59801003": ("C-167F9",), "41967008": ("C-137F9",), "45215009": ("C-156F9",), "12597001": ("C-139F9",),
    "26194003": ("C-164F9",), "349358000": ("F-61FDB",),
}  # fmt: skip

_RT_SCHEMES = ("SRT", "SNM3", "99SDM", "SCT", "NCIt")


def spellings(concept: Concept) -> tuple[Concept, ...]:
    """Return every (scheme, value) by which this concept is sent, the modern one first."""
    scheme, value = concept
    if scheme != "SCT":
        return (concept,)
    values = (*((SPELLINGS[value],) if value in SPELLINGS else ()), *_ALSO.get(value, ()))
    return (concept, *((scheme, other) for other in values for scheme in _RT_SCHEMES))


def by_code(table: Mapping[Concept, T]) -> dict[Concept, T]:
    """Return the table keyed by every spelling of its concepts."""
    return {spelling: found for concept, found in table.items() for spelling in spellings(concept)}


# Document titles: PS3.16 TID 10001 and 10011, 10021, 10030
X_RAY_DOSE_REPORT = _dcm("113701")
RADIOPHARMACEUTICAL_DOSE_REPORT = _dcm("113500")
PATIENT_DOSE_REPORT = _dcm("128401")

# The private summary of Siemens mobile C-arms
RADSUM_REPORT = ("99SMS_RADSUM", "C-10")
RADSUM_FRAMES = ("99SMS_RADSUM", "C-200")
RADSUM_FLUORO_TIME = ("99SMS_RADSUM", "C-202")
RADSUM_PKA = ("99SMS_RADSUM", "C-204")

# TID 10021 to 10024: administered radiopharmaceuticals
ADMINISTRATION = _dcm("113502")
ASSOCIATED_PROCEDURE = _sct("363589002")
ADMINISTRATION_UID = _dcm("113503")
ADMINISTRATION_START = _dcm("123003")
ADMINISTRATION_STOP = _dcm("123004")
RADIOPHARMACEUTICAL = _sct("349358000")
RADIONUCLIDE = _sct("89457008")
HALF_LIFE = _sct("304283002")
ACTIVITY = _dcm("113507")
EXTRAVASATION = _dcm("113506")
ROUTE = _sct("410675002")
ORGAN_DOSE_INFORMATION = _dcm("113517")
ORGAN_DOSE = _dcm("113518")
FINDING_SITE = _sct("363698007")
REFERENCE_AUTHORITY = _dcm("121406")
PATIENT_CHARACTERISTICS = _dcm("121118")
SUBJECT_AGE = _dcm("121033")
PATIENT_HEIGHT = ("LN", "8302-2")
PATIENT_WEIGHT = ("LN", "29463-7")

POSITRON_EMITTERS = {  # CID 4020, those of clinical use
    _sct("77004003"): "F-18", _sct("40565003"): "C-11", _sct("21576001"): "N-13", _sct("129504001"): "O-15",
    _sct("424875009"): "O-14", _sct("35337001"): "Ga-68", _sct("79477007"): "Ga-66", _sct("53315004"): "Ge-68",
    _sct("79197006"): "Rb-82", _sct("3932008"): "Cu-64", _sct("425364008"): "Cu-60", _sct("71425003"): "Cu-61",
    _sct("422934004"): "Cu-62", _sct("63360001"): "Zr-89", _sct("40937006"): "I-124", _sct("10738001"): "Y-86",
    _sct("423764008"): "K-38", _sct("424079002"): "Tc-94m", _sct("71633006"): "Na-22", _sct("37225000"): "Mn-52",
    _sct("69089000"): "Fe-52", _sct("65054007"): "Zn-62", _sct("75696008"): "Ti-45", _sct("17910003"): "Br-75",
    _sct("79523006"): "Br-76", _sct("2705002"): "As-72", _sct("87437000"): "Se-73",
    _dcm("126600"): "Sc-44", _dcm("126605"): "Sc-43", _dcm("126606"): "Tb-152",
}  # fmt: skip

# TID 10001, 10011: the document
PROCEDURE_REPORTED = _dcm("121058")
HAS_INTENT = _sct("363703001")
ACQUISITION_DEVICE_TYPE = _dcm("122142")
START_OF_IRRADIATION = _dcm("113809")
END_OF_IRRADIATION = _dcm("113810")

CT_PROCEDURE = _sct("77477000")
MAMMOGRAPHY = _sct("71651007")
PROJECTION_PROCEDURE = _dcm("113704")
FLUOROSCOPY_SYSTEM = _dcm("113957")  # CID 10032
INTEGRATED_RADIOGRAPHY_SYSTEM = _dcm("113958")
CASSETTE_RADIOGRAPHY_SYSTEM = _dcm("113959")

# TID 1002 device observer, TID 1021 device participant
DEVICE_OBSERVER_NAME = _dcm("121013")
DEVICE_OBSERVER_MANUFACTURER = _dcm("121014")
DEVICE_OBSERVER_MODEL = _dcm("121015")
DEVICE_OBSERVER_SERIAL = _dcm("121016")
DEVICE_ROLE = _dcm("113876")
DEVICE_NAME = _dcm("113877")
DEVICE_MANUFACTURER = _dcm("113878")
DEVICE_MODEL = _dcm("113879")
DEVICE_SERIAL = _dcm("113880")

# TID 1003 person observer, TID 1020 person participant
PERSON_OBSERVER_NAME = _dcm("121008")
PERSON_OBSERVER_ORGANISATION_ROLE = _dcm("121010")
PERSON_OBSERVER_PROCEDURE_ROLE = _dcm("121011")
PERSON_NAME = _dcm("113870")
PHILIPS_PHYSICIAN = ("99PHI-IXR-XPER", "027")
PERSON_ORGANISATION_ROLE = _dcm("113874")
PERSON_PROCEDURE_ROLE = _dcm("113875")
PERSON_ROLES = {  # CID 7453, CID 7452
    _dcm("113850"): "authorizing", _dcm("113851"): "administering", _dcm("121094"): "performing",
    _dcm("121096"): "requesting", _dcm("121097"): "recording", _dcm("121098"): "verifying",
    _dcm("121099"): "assisting", ("UMLS", "C1709880"): "referring", _dcm("121083"): "technologist",
    _dcm("121081"): "physician", _sct("159016003"): "technologist", _sct("309343006"): "physician",
}  # fmt: skip

# TID 10003, 10013: what both kinds of event share
IRRADIATION_EVENT_UID = _dcm("113769")
DATETIME_STARTED = _dcm("111526")
ACQUISITION_PROTOCOL = _dcm("125203")
TARGET_REGION = _dcm("123014")
COMMENT = _dcm("121106")
EVENT_LABEL = _dcm("113605")
LABEL_TYPE = _dcm("113606")
ACQUISITION_NUMBER_LABEL = _dcm("113608")  # CID 10022
LATERALITY = _sct("272741003")
KVP = _dcm("113733")
TUBE_CURRENT = _dcm("113734")
CT_EXPOSURE_TIME = _dcm("113824")

# TID 10012, 10013, 10014: CT
CT_ACCUMULATED = _dcm("113811")
CT_EVENT_COUNT = _dcm("113812")
DLP_TOTAL = _dcm("113813")
CT_ACQUISITION = _dcm("113819")
CT_ACQUISITION_TYPE = _dcm("113820")
PROCEDURE_CONTEXT = _sct("408730004")
CT_PARAMETERS = _dcm("113822")
SCANNING_LENGTH = _dcm("113825")
SINGLE_COLLIMATION = _dcm("113826")
TOTAL_COLLIMATION = _dcm("113827")
PITCH = _dcm("113828")
CT_SOURCE = _dcm("113831")
CT_SOURCE_ID = _dcm("113832")
MAX_TUBE_CURRENT = _dcm("113833")
EXPOSURE_TIME_PER_ROTATION = _dcm("113834")
CT_DOSE = _dcm("113829")
MEAN_CTDI_VOL = _dcm("113830")
CTDI_PHANTOM = _dcm("113835")
DLP = _dcm("113838")
SSDE = _dcm("113930")
WATER_EQUIVALENT_DIAMETER = _dcm("113980")
EXPOSED_RANGE = _dcm("113899")
TOP_Z = _dcm("113897")
BOTTOM_Z = _dcm("113898")
MODULATION = _dcm("113842")
EFFECTIVE_DOSE = _dcm("113839")

# TID 10015: dose check
DOSE_CHECK_ALERT = _dcm("113900")
DLP_ALERT_VALUE = _dcm("113903")
CTDI_ALERT_VALUE = _dcm("113904")
DLP_ALERT_FORECAST = _dcm("113905")
CTDI_ALERT_FORECAST = _dcm("113906")
REASON_FOR_PROCEEDING = _dcm("113907")
DOSE_CHECK_NOTIFICATION = _dcm("113908")
DLP_NOTIFICATION_VALUE = _dcm("113911")
CTDI_NOTIFICATION_VALUE = _dcm("113912")
DLP_NOTIFICATION_FORECAST = _dcm("113913")
CTDI_NOTIFICATION_FORECAST = _dcm("113914")

CT_EVENT_TYPES = {  # CID 10013
    _dcm("113804"): "sequenced",
    _sct("116152004"): "spiral",
    _dcm("113805"): "constant_angle",
    _dcm("113806"): "stationary",
    _dcm("113807"): "free",
    _sct("702569007"): "cone_beam",
}
CTDI_PHANTOMS = {_dcm("113690"): "head_16", _dcm("113691"): "body_32"}  # CID 4052

# TID 10002, 10004, 10005, 10007: projection totals
PROJECTION_ACCUMULATED = _dcm("113702")
ACQUISITION_PLANE = _dcm("113764")
PKA_TOTAL = _dcm("113722")
KA_R_TOTAL = _dcm("113725")
FLUORO_PKA_TOTAL = _dcm("113726")
FLUORO_KA_R_TOTAL = _dcm("113728")
TOTAL_FLUORO_TIME = _dcm("113730")
ACQUISITION_PKA_TOTAL = _dcm("113727")
ACQUISITION_KA_R_TOTAL = _dcm("113729")
TOTAL_ACQUISITION_TIME = _dcm("113855")
TOTAL_FRAMES = _dcm("113731")
ACCUMULATED_AGD = _dcm("111637")
REFERENCE_POINT = _dcm("113780")

# TID 10003, 10003A, 10003B, 10003C: projection events
PROJECTION_EVENT = _dcm("113706")
EVENT_TYPE = _dcm("113721")
ANATOMICAL_STRUCTURE = _sct("91723000")
IMAGE_VIEW = _dcm("111031")
PATIENT_TABLE_RELATIONSHIP = _dcm("113745")
PATIENT_ORIENTATION = _dcm("113743")
PATIENT_ORIENTATION_MODIFIER = _dcm("113744")
PKA = _dcm("122130")
KA_R = _dcm("113738")
ENTRANCE_EXPOSURE = _dcm("111636")
AGD = _dcm("111631")
HVL = _dcm("111634")
EXPOSURE_INDEX = _dcm("113845")
TARGET_EXPOSURE_INDEX = _dcm("113846")
DEVIATION_INDEX = _dcm("113847")
PULSE_RATE = _dcm("113791")
NUMBER_OF_PULSES = _dcm("113768")
PULSE_WIDTH = _dcm("113793")
IRRADIATION_DURATION = _dcm("113742")
AVERAGE_TUBE_CURRENT = _dcm("113767")
EXPOSURE_TIME = _dcm("113735")
EXPOSURE = _dcm("113736")
FOCAL_SPOT = _dcm("113766")
FILTERS = _dcm("113771")
FILTER_TYPE = _dcm("113772")
STRIP_FILTER = _dcm("113650")
FILTER_MATERIAL = _dcm("113757")
FILTER_THICKNESS_MIN = _dcm("113758")
FILTER_THICKNESS_MAX = _dcm("113773")
FIELD_AREA = _dcm("113790")
FIELD_HEIGHT = _dcm("113788")
FIELD_WIDTH = _dcm("113789")
PRIMARY_ANGLE = _dcm("112011")
SECONDARY_ANGLE = _dcm("112012")
PRIMARY_END_ANGLE = _dcm("113739")
SECONDARY_END_ANGLE = _dcm("113740")
COMPRESSED_THICKNESS = _dcm("111633")
SOURCE_TO_ISOCENTER = _dcm("113748")  # CID 10008
SOURCE_TO_DETECTOR = _dcm("113750")
SOURCE_TO_REFERENCE_POINT = _dcm("113737")
TABLE_LONGITUDINAL = _dcm("113751")
TABLE_LATERAL = _dcm("113752")
TABLE_HEIGHT = _dcm("113753")
TABLE_LONGITUDINAL_END = _dcm("113759")
TABLE_LATERAL_END = _dcm("113760")
TABLE_HEIGHT_END = _dcm("113761")
SOURCE_TO_TABLE_PLANE = _dcm("113792")
TABLE_HEAD_TILT = _dcm("113754")
TABLE_HORIZONTAL_ROTATION = _dcm("113755")
TABLE_CRADLE_TILT = _dcm("113756")
COLUMN_ANGULATION = _dcm("113770")
ISOCENTER_PRIMARY = _dcm("128757")
ISOCENTER_SECONDARY = _dcm("128758")
ISOCENTER_ROTATION = _dcm("128759")
ISOCENTER_PRIMARY_END = _dcm("128760")
ISOCENTER_SECONDARY_END = _dcm("128761")
ISOCENTER_ROTATION_END = _dcm("128762")
FLUORO_MODE = _dcm("113732")
ANODE_TARGET = _dcm("111632")
GRID = _dcm("111635")
MOUNT = _dcm("113956")
COMPRESSION_FORCE = _dcm("111647")
VIEW_MODIFIER = _dcm("111032")
IS_REJECTED = _dcm("130503")
REASON_FOR_REJECTING = _dcm("130504")
IS_REPEATED = _dcm("128551")
REASON_FOR_REPEATING = _dcm("128552")
YES = _sct("373066001")

# TID 10040 to 10055: Enhanced X-Ray Radiation Dose
ENHANCED_ACCUMULATED = _dcm("130500")
ENHANCED_EVENT = _dcm("130501")
DATETIME_ENDED = _dcm("111527")
SOURCE_CHARACTERISTICS = _dcm("130508")
RADIATION_TECHNIQUE = _dcm("130511")
FILTRATION = _dcm("130512")
RADIATION_OUTPUT = _dcm("130514")
AIR_KERMA_AT_OUTPUT_POINT = _dcm("130515")
RADIATION_FIELD = _dcm("130516")
SOURCE_COORDINATES, TRANSFORMATION_MATRIX = _dcm("130519"), _dcm("130520")
CENTER_OF_ROTATION, ROTATION_NORMAL_POINT, ROTATION_ANGLE = _dcm("130521"), _dcm("130522"), _dcm("130523")
BEAM_POSITION, OUTPUT_POINT_POSITION, REFERENCE_POINT_POSITION = _dcm("130524"), _dcm("130525"), _dcm("130526")
PATIENT_ATTENUATION, PROCEDURE_CHARACTERISTICS = _dcm("130529"), _dcm("130530")
ATTENUATOR = _dcm("130531")
EQUIVALENT_MATERIAL = _dcm("128465")
FILTER_THICKNESS = _dcm("130509")

PROJECTION_EVENT_TYPES = {  # CID 10002
    _sct("44491008"): "fluoroscopy",
    _dcm("113611"): "stationary_acquisition",
    _dcm("113612"): "stepping_acquisition",
    _dcm("113613"): "rotational_acquisition",
}
PLANES = {_dcm("113622"): "single", _dcm("113620"): "A", _dcm("113621"): "B"}  # CID 10003
SIDES = {  # CID 244, CID 6022
    _sct("24028007"): "right", _sct("73056007"): "right",
    _sct("7771000"): "left", _sct("80248007"): "left",
    _sct("51440002"): "both", _sct("63762007"): "both", _sct("66459002"): "unilateral",
}  # fmt: skip
FILTER_TYPES = {  # CID 10007
    STRIP_FILTER: "strip", _dcm("113651"): "wedge", _dcm("113652"): "butterfly",
    _dcm("113653"): "flat", _dcm("111609"): "none",
}  # fmt: skip
MATERIALS = {  # CID 10006, 10016
    _sct("12503006"): "Al", _sct("66925006"): "Cu", _sct("88488004"): "Pb", _sct("71128006"): "Mo",
    _sct("767775001"): "Eu", _sct("767776000"): "Nb", _sct("59801003"): "Rh", _sct("41967008"): "Ag",
    _sct("45215009"): "Ta", _sct("12597001"): "Sn", _sct("26194003"): "W",
}  # fmt: skip
VIEWS = {  # CID 4010, 4014; abbreviations of CID 4014 and ACR BI-RADS
    _sct("399162004"): "CC", _sct("399196006"): "FB", _sct("399368009"): "MLO", _sct("399260004"): "ML",
    _sct("399352003"): "LM", _sct("399099002"): "LMO", _sct("399192008"): "XCCL", _sct("399101009"): "XCCM",
    _sct("441555000"): "ISO", _sct("399188001"): "SIO",
    _sct("399348003"): "AP", _sct("272479007"): "PA", _sct("399067008"): "LAT",
    _sct("399173006"): "LLAT", _sct("399198007"): "RLAT", _sct("399182000"): "OBL",
}  # fmt: skip
FLUORO_MODES = {_dcm("113630"): "continuous", _dcm("113631"): "pulsed"}  # CID 10004
GRIDS = {  # CID 10017
    _dcm("111640"): "virtual", _dcm("111641"): "fixed", _dcm("111642"): "focused", _dcm("111643"): "reciprocating",
    _dcm("111644"): "parallel", _dcm("111645"): "crossed", _dcm("111646"): "none",
}  # fmt: skip
MOUNTS = {  # CID 10031
    _dcm("113952"): "table", _dcm("113953"): "unmounted", _dcm("113954"): "upright", _dcm("113955"): "c-arm",
}  # fmt: skip
HEADINGS = {_sct("102540008"): "HF", _sct("102541007"): "FF"}  # CID 21
POSTURES = {  # CID 20, letters of (0018,5100) Patient Position
    _sct("40199007"): "S", _sct("1240000"): "P", _sct("102535000"): "DR", _sct("102536004"): "DL",
}  # fmt: skip
REFERENCE_POINTS = {  # CID 10025
    _dcm("113860"): "15 cm from isocentre toward source",
    _dcm("113861"): "30 cm in front of image input surface",
    _dcm("113862"): "1 cm above tabletop",
    _dcm("113863"): "30 cm above tabletop",
    _dcm("113864"): "15 cm from table centreline",
    _dcm("113865"): "4.2 cm above breast support surface",
    _dcm("113941"): "in detector plane",
    _dcm("113964"): "at surface of patient",
    _dcm("113965"): "100 cm from X-ray source",
}
