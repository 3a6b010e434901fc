"""The concepts that the builders write, with the template each comes from.

Written from the standard independently of the readers' table, so that a wrong code in one shows against the other.

References: DICOM PS3.16 TID 1002, 10001-10007, 10011-10014, annex D; annex O for SNOMED CT values.
"""

from __future__ import annotations

from collections.abc import Mapping

from dacs.synthetic.content import Concept

D = Concept


def _srt(value: str, sct: str | None, meaning: str) -> Concept:
    return Concept(value, meaning, "SRT", sct)


# The document: TID 10001, 10011, 1002, 1204
X_RAY_DOSE_REPORT = D("113701", "X-Ray Radiation Dose Report")
RADIOPHARMACEUTICAL_REPORT = D("113500", "Radiopharmaceutical Radiation Dose Report")
PROCEDURE_REPORTED = D("121058", "Procedure reported")
HAS_INTENT = _srt("G-C0E8", "363703001", "Has Intent")
DIAGNOSTIC_INTENT = _srt("R-408C3", "261004008", "Diagnostic Intent")
COMBINED_INTENT = _srt("R-002E9", "371931008", "Combined Diagnostic and Therapeutic Procedure")
OBSERVER_TYPE = D("121005", "Observer Type")
OBSERVER_DEVICE = D("121007", "Device")
OBSERVER_PERSON = D("121006", "Person")
PERSON_OBSERVER_NAME = D("121008", "Person Observer Name")
DEVICE_OBSERVER_UID = D("121012", "Device Observer UID")
DEVICE_OBSERVER_NAME = D("121013", "Device Observer Name")
DEVICE_OBSERVER_MANUFACTURER = D("121014", "Device Observer Manufacturer")
DEVICE_OBSERVER_MODEL = D("121015", "Device Observer Model Name")
DEVICE_OBSERVER_SERIAL = D("121016", "Device Observer Serial Number")
START_OF_IRRADIATION = D("113809", "Start of X-Ray Irradiation")
END_OF_IRRADIATION = D("113810", "End of X-Ray Irradiation")
SCOPE = D("113705", "Scope of Accumulation")
SCOPE_STUDY = D("113014", "Study")
SCOPE_STEP = D("113016", "Performed Procedure Step")
STUDY_UID = D("110180", "Study Instance UID")
STEP_UID = D("121126", "Performed Procedure Step SOP Instance UID")
SOURCE_OF_DOSE = D("113854", "Source of Dose Information")
AUTOMATED = D("113856", "Automated Data Collection")
COMMENT = D("121106", "Comment")

CT_PROCEDURE = _srt("P5-08000", "77477000", "Computed Tomography X-Ray")
PROJECTION_PROCEDURE = D("113704", "Projection X-Ray")
MAMMOGRAPHY = _srt("P5-40010", "71651007", "Mammography")
DEVICE_TYPE = D("122142", "Acquisition Device Type")
DEVICE_TYPES: Mapping[str, Concept] = {
    "fluoroscopy": D("113957", "Fluoroscopy-Guided Projection Radiography System"),
    "integrated": D("113958", "Integrated Projection Radiography System"),
    "cassette": D("113959", "Cassette-based Projection Radiography System"),
}

# What both kinds of event share
EVENT_LABEL = D("113605", "Irradiation Event Label")
LABEL_TYPE = D("113606", "Label Type")
LABEL_TYPES: Mapping[str, Concept] = {
    "series": D("113607", "Series Number"),
    "acquisition": D("113608", "Acquisition Number"),
}
EVENT_UID = D("113769", "Irradiation Event UID")
STARTED = D("111526", "DateTime Started")
PROTOCOL = D("125203", "Acquisition Protocol")
TARGET_REGION = D("123014", "Target Region")
KVP = D("113733", "KVP")
TUBE_CURRENT = D("113734", "X-Ray Tube Current")
LATERALITY = _srt("G-C171", "272741003", "Laterality")
STRUCTURE = _srt("T-D0005", "91723000", "Anatomical structure")

# CT: TID 10012, 10013, 10014
CT_ACCUMULATED = D("113811", "CT Accumulated Dose Data")
CT_EVENT_COUNT = D("113812", "Total Number of Irradiation Events")
DLP_TOTAL = D("113813", "CT Dose Length Product Total")
CT_ACQUISITION = D("113819", "CT Acquisition")
CT_TYPE = D("113820", "CT Acquisition Type")
PROCEDURE_CONTEXT = _srt("G-C32C", "408730004", "Procedure Context")
CT_PARAMETERS = D("113822", "CT Acquisition Parameters")
SOURCE_COUNT = D("113823", "Number of X-Ray Sources")
CT_SOURCE = D("113831", "CT X-Ray Source Parameters")
CT_SOURCE_ID = D("113832", "Identification of the X-Ray Source")
CT_DOSE = D("113829", "CT Dose")
CTDI_PHANTOM = D("113835", "CTDIw Phantom Type")
MODULATION = D("113842", "X-Ray Modulation Type")
CT_TYPES: Mapping[str, Concept] = {
    "spiral": _srt("P5-08001", "116152004", "Spiral Acquisition"),
    "sequenced": D("113804", "Sequenced Acquisition"),
    "constant_angle": D("113805", "Constant Angle Acquisition"),
    "stationary": D("113806", "Stationary Acquisition"),
    "free": D("113807", "Free Acquisition"),
    "cone_beam": _srt("R-FB8F1", "702569007", "Cone Beam Acquisition"),
}
CONTEXTS: Mapping[str, Concept] = {
    "without contrast": _srt("P5-0808E", "399331006", "CT without contrast"),
    "with contrast": _srt("P5-00100", "27483000", "Diagnostic radiography with contrast media"),
}
PHANTOMS: Mapping[str, Concept] = {
    "head_16": D("113690", "IEC Head Dosimetry Phantom"),
    "body_32": D("113691", "IEC Body Dosimetry Phantom"),
}

# CT dose check: TID 10015; people: TID 1003, 1020
ALERT = D("113900", "Dose Check Alert Details")
NOTIFICATION = D("113908", "Dose Check Notification Details")
DLP_CONFIGURED = {
    "alert": D("113901", "DLP Alert Value Configured"),
    "notification": D("113909", "DLP Notification Value Configured"),
}
CTDI_CONFIGURED = {
    "alert": D("113902", "CTDIvol Alert Value Configured"),
    "notification": D("113910", "CTDIvol Notification Value Configured"),
}
REASON = D("113907", "Reason for Proceeding")
YES, NO = _srt("R-0038D", "373066001", "Yes"), _srt("R-00339", "373067005", "No")
PERSON_NAME = D("113870", "Person Name")
PERSON_PROCEDURE_ROLE = D("113875", "Person Role in Procedure")
PERSON_OBSERVER_ROLE = D("121011", "Person Observer's Role in this Procedure")
PERSON_OBSERVER_ORGANISATION_ROLE = D("121010", "Person Observer's Role in the Organization")
PROCEDURE_ROLES: Mapping[str, Concept] = {
    "authorizing": D("113850", "Irradiation Authorizing"),
    "administering": D("113851", "Irradiation Administering"),
    "performing": D("121094", "Performing"),
}
TECHNOLOGIST = D("121083", "Technologist")

# Projection: TID 10002-10007
ACCUMULATED = D("113702", "Accumulated X-Ray Dose Data")
EVENT = D("113706", "Irradiation Event X-Ray Data")
PLANE = D("113764", "Acquisition Plane")
PLANES: Mapping[str, Concept] = {
    "single": D("113622", "Single Plane"),
    "A": D("113620", "Plane A"),
    "B": D("113621", "Plane B"),
}
EVENT_TYPE = D("113721", "Irradiation Event Type")
EVENT_TYPES: Mapping[str, Concept] = {
    "fluoroscopy": _srt("P5-06000", "44491008", "Fluoroscopy"),
    "stationary_acquisition": D("113611", "Stationary Acquisition"),
    "stepping_acquisition": D("113612", "Stepping Acquisition"),
    "rotational_acquisition": D("113613", "Rotational Acquisition"),
}
REFERENCE_POINT = D("113780", "Reference Point Definition")
REFERENCE_POINTS: Mapping[str, Concept] = {
    "isocenter": D("113860", "15cm from Isocenter toward Source"),
    "input surface": D("113861", "30cm in Front of Image Input Surface"),
    "tabletop": D("113862", "1cm above Tabletop"),
    "breast": D("113865", "4.2cm above Breast Support Surface"),
    "detector": D("113941", "In Detector Plane"),
    "patient": D("113964", "At Surface of Patient"),
}
IMAGE_VIEW = D("111031", "Image View")
VIEWS: Mapping[str, Concept] = {
    "CC": _srt("R-10242", "399162004", "cranio-caudal"),
    "MLO": _srt("R-10226", "399368009", "medio-lateral oblique"),
    "ML": _srt("R-10224", "399260004", "medio-lateral"),
    "AP": _srt("R-10206", "399348003", "antero-posterior"),
    "PA": _srt("R-40888", "272479007", "postero-anterior"),
    "LAT": _srt("R-10236", "399173006", "left lateral"),
}
ORIENTATION = D("113743", "Patient Orientation")
RECUMBENT = _srt("F-10450", "102538003", "recumbent")
ORIENTATION_MODIFIER = D("113744", "Patient Orientation Modifier")
SUPINE = _srt("F-10340", "40199007", "supine")
PRONE = _srt("F-10310", "1240000", "prone")
TABLE_RELATIONSHIP = D("113745", "Patient Table Relationship")
HEAD_FIRST = _srt("F-10470", "102540008", "headfirst")
FEET_FIRST = _srt("F-10480", "102541007", "feet-first")
FLUORO_MODE = D("113732", "Fluoro Mode")
PULSED = D("113631", "Pulsed")
CONTINUOUS = D("113630", "Continuous")
GRID = D("111635", "X-Ray Grid")
GRIDS: Mapping[str, Concept] = {
    "none": D("111646", "No grid"),
    "fixed": D("111641", "Fixed grid"),
    "focused": D("111642", "Focused grid"),
}
MOUNT = D("113956", "CR/DR Mechanical Configuration")
MOUNTS: Mapping[str, Concept] = {
    "table": D("113952", "Table Mount"),
    "upright": D("113954", "Upright Stand Mount"),
}
VIEW_MODIFIER = D("111032", "Image View Modifier")
VIEW_MODIFIERS: Mapping[str, Concept] = {
    "magnification": _srt("R-102D6", "399163009", "Magnification"),
    "spot": _srt("R-102D7", "399055006", "Spot compression"),
}
IS_REJECTED = D("130503", "Is Rejected Acquisition")
REASON_FOR_REJECTING = D("130504", "Reason for Rejecting Acquisition")
IS_REPEATED = D("128551", "Is Repeated Acquisition")
REASON_FOR_REPEATING = D("128552", "Reason for Repeating Acquisition")
PATIENT_MOTION = D("111206", "Patient motion")
PHILIPS = "99PHI-IXR-XPER"
WEDGES_AND_SHUTTERS = D("005", "Wedges and Shutters", PHILIPS)
PHILIPS_PHYSICIAN = D("027", "Performing Physicians Name", PHILIPS)
DETECTOR_FIELD = D("023", "Detector Field Size", PHILIPS)
FILTERS = D("113771", "X-Ray Filters")
FILTER_TYPE = D("113772", "X-Ray Filter Type")
FILTER_TYPES: Mapping[str, Concept] = {
    "strip": D("113650", "Strip filter"),
    "wedge": D("113651", "Wedge filter"),
    "flat": D("113653", "Flat filter"),
}
FILTER_MATERIAL = D("113757", "X-Ray Filter Material")
FILTER_MIN = D("113758", "X-Ray Filter Thickness Minimum")
FILTER_MAX = D("113773", "X-Ray Filter Thickness Maximum")
MATERIALS: Mapping[str, Concept] = {
    "Al": _srt("C-120F9", "12503006", "Aluminum or Aluminum compound"),
    "Cu": _srt("C-127F9", "66925006", "Copper or Copper compound"),
    "Rh": _srt("C-167F9", "59801003", "Rhodium or Rhodium compound"),
    "Ag": _srt("C-137F9", "41967008", "Silver or Silver compound"),
    "W": _srt("C-164F9", "26194003", "Tungsten or Tungsten compound"),
    "Mo": _srt("C-150F9", "71128006", "Molybdenum or Molybdenum compound"),
}
ANODE = D("111632", "Anode Target Material")
ACQUIRED_IMAGE = D("113795", "Acquired Image")
ACCUMULATED_AGD = D("111637", "Accumulated Average Glandular Dose")
SIDES: Mapping[str, Concept] = {
    "left": _srt("G-A101", "7771000", "Left"),
    "right": _srt("G-A100", "24028007", "Right"),
    "both": _srt("G-A102", "51440002", "Right and left"),
}
BREASTS: Mapping[str, Concept] = {
    "left": _srt("T-04030", "80248007", "Left breast"),
    "right": _srt("T-04020", "73056007", "Right breast"),
    "both": _srt("T-04080", "63762007", "Both breasts"),
}
DEVICE_ROLE = D("113876", "Device Role in Procedure")
IRRADIATING_DEVICE = D("113859", "Irradiating Device")
DEVICE_NAME = D("113877", "Device Name")
DEVICE_MANUFACTURER = D("113878", "Device Manufacturer")
DEVICE_MODEL = D("113879", "Device Model Name")
DEVICE_SERIAL = D("113880", "Device Serial Number")

# Enhanced X-Ray Radiation Dose: TID 10040-10055
ENDED = D("111527", "DateTime Ended")
ENHANCED_ACCUMULATED = D("130500", "Accumulated Dose Data")
ENHANCED_EVENT = D("130501", "Irradiation Event Summary Data")
REFERENCE_POINT_DOSIMETRY = D("130502", "Reference Point Dosimetry")
IRRADIATION_DETAILS = D("130505", "Irradiation Details")
SOURCE_CHARACTERISTICS = D("130508", "Radiation Source Characteristics")
RADIATION_TECHNIQUE = D("130511", "Radiation Technique")
FILTRATION = D("130512", "Filtration")
RADIATION_OUTPUT = D("130514", "Radiation Output")
RADIATION_FIELD = D("130516", "Radiation Field Area")
SOURCE_COORDINATES = D("130519", "X-Ray Source Reference Coordinate System")
TRANSFORMATION_MATRIX = D("130520", "Transformation Matrix")
CENTER_OF_ROTATION = D("130521", "Center of Rotation")
ROTATION_ANGLE = D("130523", "Rotation Angle")
BEAM_POSITION = D("130524", "Beam Position")
OUTPUT_POINT_POSITION = D("130525", "Output Measurement Point Position")
REFERENCE_POINT_POSITION = D("130526", "Reference Point Position")
PATIENT_ATTENUATION = D("130529", "Patient Attenuation Characteristics")
PROCEDURE_CHARACTERISTICS = D("130530", "Procedure Characteristics")
WATER_EQUIVALENT_DIAMETER = D("113980", "Water Equivalent Diameter")
AIR_KERMA_AT_OUTPUT_POINT = D("130515", "Air Kerma at Output Measurement Point")
ATTENUATORS = D("130513", "Attenuators")
ATTENUATOR = D("130531", "Attenuator Characteristics")
FILTER_THICKNESS = D("130509", "X-Ray Filter Thickness")
SOURCE_ID = D("113832", "Identification of the X-Ray Source")

# Radiopharmaceuticals: TID 10021-10024; CID 4021, 4020, 11, 10044, 10040
ASSOCIATED_PROCEDURE = _srt("G-C2D0", "363589002", "Associated Procedure")
NM_PROCEDURES: Mapping[str, Concept] = {
    "PET": _srt("P5-0A00A", "443271005", "PET study for localization of tumor"),
    "NM": _srt("P5-D2011", "41551000", "Bone imaging"),
}
ADMINISTRATION = D("113502", "Radiopharmaceutical Administration")
ADMINISTRATION_UID = D("113503", "Radiopharmaceutical Administration Event UID")
ADMINISTRATION_START = D("123003", "Radiopharmaceutical Start DateTime")
ADMINISTRATION_STOP = D("123004", "Radiopharmaceutical Stop DateTime")
RADIOPHARMACEUTICAL = _srt("F-61FDB", "349358000", "Radiopharmaceutical agent")
RADIOPHARMACEUTICALS: Mapping[str, Concept] = {
    "FDG": _srt("C-B1031", "35321007", "Fluorodeoxyglucose F^18^"),
    "MDP": _srt("C-B1300", "765089006", "Technetium Tc^99m^ medronate"),
}
RADIONUCLIDE = _srt("C-10072", "89457008", "Radionuclide")
RADIONUCLIDES: Mapping[str, Concept] = {
    "F-18": _srt("C-111A1", "77004003", "^18^Fluorine"),
    "Ga-68": _srt("C-131A3", "35337001", "^68^Gallium"),
    "Tc-99m": _srt("C-163A8", "303612005", "^99m^Technetium"),
    "I-131": _srt("C-114B1", "1368003", "^131^Iodine"),
}
ROUTE = _srt("G-C340", "410675002", "Route of administration")
ROUTES: Mapping[str, Concept] = {
    "intravenous": _srt("G-D101", "47625008", "Intravenous route"),
    "oral": _srt("G-D140", "26643006", "Oral route"),
}
ORGAN_DOSE_INFORMATION = D("113517", "Organ Dose Information")
FINDING_SITE = _srt("G-C0E3", "363698007", "Finding Site")
ORGANS: Mapping[str, Concept] = {
    "bladder": _srt("T-74000", "89837001", "Bladder"),
    "lung": _srt("T-28000", "39607008", "Lung"),
    "brain": _srt("T-A0100", "12738006", "Brain"),
}
REFERENCE_AUTHORITY = D("121406", "Reference Authority")
EFFECTIVE_DOSE_INFORMATION = D("220001", "Effective Dose Information", "99SHS")
PATIENT_CHARACTERISTICS = D("121118", "Patient Characteristics")

# CID 4031: target regions, by the words the builders use
REGIONS: Mapping[str, Concept] = {
    "head": _srt("T-D1100", "69536005", "Head"),
    "neck": _srt("T-D1600", "45048000", "Neck"),
    "chest": _srt("T-D3000", "51185008", "Chest"),
    "abdomen": _srt("T-D4000", "113345001", "Abdomen"),
    "pelvis": _srt("T-D6000", "12921003", "Pelvis"),
    "heart": _srt("T-32000", "80891009", "Heart"),
    "breast": _srt("T-04000", "76752008", "Breast"),
    "hand": _srt("T-D8700", "85562004", "Hand"),
    "knee": _srt("T-D9200", "72696002", "Knee"),
    "lumbar spine": _srt("T-11503", "122496007", "Lumbar spine"),
    "entire body": _srt("T-D0010", "38266002", "Entire body"),
}
