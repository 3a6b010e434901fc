"""What the demonstration hospital examines, with the middle of its doses.

Medians are typical of national surveys, rounded: UKHSA (2022, CT), ASN 2019-DC-0667 (radiography, guide values),
El Mansouri 2022 and El Fahssi 2024 (CT in Morocco), RAY'ACT-2 and UKHSA 2010 (intervention, fluoroscopy),
EC RP 195 (cardiac CT). They make a demonstration look true and are no reference levels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """One scan of a CT examination: median dose of an adult of 75 kg and length on the patient."""

    name: str
    ctdi_vol_mgy: float
    length_mm: float
    picture: str  # region of `axial`
    target: str  # key of REGIONS
    contrast: bool = False
    kind: str = "spiral"


@dataclass(frozen=True, slots=True)
class CTExam:
    """A CT examination: its worklist description, share of the work, phases and technique."""

    description: str
    share: float
    phases: tuple[Phase, ...]
    kvp_kv: float = 120.0
    phantom: str = "body_32"
    scout: str = "chest"  # frame of `radiographs`
    child: bool = False
    dual: bool = False  # two X-ray sources where the scanner has them


CT_EXAMS = (
    CTExam("CT HEAD", 31, (Phase("Head", 38, 165, "head", "head"),), phantom="head_16", scout="head"),
    CTExam(
        "SCANNER CRANE ENFANT",
        5,
        (Phase("Crane enfant", 30, 150, "head", "head"),),
        phantom="head_16",
        scout="head",
        child=True,
        kvp_kv=100,
    ),
    CTExam("CT CHEST", 31, (Phase("Thorax", 6.6, 335, "chest", "chest"),)),
    CTExam("CT PULMONARY ANGIOGRAPHY", 6, (Phase("Thorax PE", 7.4, 290, "chest", "chest", contrast=True),), 100),
    CTExam(
        "SCANNER ABDOMEN PELVIS",
        38,
        (Phase("Abdomen pelvis portal", 8.8, 455, "abdomen", "abdomen", contrast=True),),
        scout="abdomen",
    ),
    CTExam(
        "SCANNER THORAX ABDOMEN PELVIS",
        24,
        (
            Phase("Thorax arteriel", 6.9, 330, "chest", "chest", contrast=True),
            Phase("TAP portal", 8.9, 460, "abdomen", "abdomen", contrast=True),
        ),
        scout="trunk",
    ),
    CTExam(
        "CT LIVER MULTIPHASE",
        3,
        (
            Phase("Liver native", 8.2, 230, "abdomen", "abdomen"),
            Phase("Liver arterial", 8.6, 235, "abdomen", "abdomen", contrast=True),
            Phase("Abdomen portal", 8.8, 430, "abdomen", "abdomen", contrast=True),
        ),
        scout="abdomen",
    ),
    CTExam(
        "CT CORONARY ANGIOGRAPHY",
        4,
        (
            Phase("CaScore", 2.9, 140, "heart", "heart", kind="sequenced"),
            Phase("CorCTA", 16.5, 142, "heart", "heart", contrast=True),
        ),
        100,
        dual=True,
    ),
    CTExam("CT URINARY STONES LOW DOSE", 3, (Phase("Stone", 4.1, 440, "abdomen", "abdomen"),), scout="abdomen"),
)


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One exposure: median P_KA (Gy.cm2) and incident dose at the detector plane (mGy) of an adult of 75 kg."""

    name: str
    description: str
    share: float
    pka_gy_cm2: float
    ka_r_mgy: float
    kvp_kv: float
    region: str
    picture: str
    view: str = "AP"
    bedside: bool = False


RADIOGRAPHS = (
    Radiograph("Thorax PA", "RADIOGRAPHIE THORAX", 46, 0.105, 0.12, 120, "chest", "chest", view="PA"),
    Radiograph("Abdomen AP", "RADIOGRAPHIE ABDOMEN", 9, 1.9, 2.6, 77, "abdomen", "abdomen"),
    Radiograph("Bassin AP", "RADIOGRAPHIE BASSIN", 12, 1.75, 2.4, 75, "pelvis", "pelvis"),
    Radiograph("Lumbar spine AP", "XR LUMBAR SPINE", 10, 1.5, 3.1, 77, "lumbar spine", "lumbar spine"),
    Radiograph("Hand PA", "XR HAND", 10, 0.006, 0.06, 50, "hand", "hand", view="PA"),
    Radiograph("Knee AP", "XR KNEE", 11, 0.035, 0.17, 62, "knee", "knee"),
    Radiograph("Thorax AP lit", "RADIOGRAPHIE THORAX AU LIT", 14, 0.125, 0.16, 90, "chest", "chest", bedside=True),
)


@dataclass(frozen=True, slots=True)
class Intervention:
    """A fluoroscopically guided examination: medians of the whole, and how many presses and runs make it."""

    description: str
    protocol: str
    share: float
    pka_gy_cm2: float
    ka_r_mgy: float
    fluoro_s: float
    presses: int
    runs: int
    territory: str
    region: str
    biplane: bool = False
    modality: str = "XA"


INTERVENTIONS = (
    Intervention("CORONAROGRAPHIE", "Coro 15 i/s", 14, 22, 340, 210, 6, 7, "coronary", "heart"),
    Intervention("CORONARY ANGIOPLASTY (PCI)", "PCI 15 f/s", 11, 55, 980, 780, 11, 12, "coronary", "heart"),
    Intervention("EMBOLISATION HEPATIQUE", "DSA foie 3 i/s", 4, 130, 1250, 1260, 10, 9, "hepatic", "abdomen"),
    Intervention("UTERINE FIBROID EMBOLISATION", "DSA pelvis 2 f/s", 3, 90, 820, 1080, 9, 7, "uterine", "pelvis"),
    Intervention("ARTERIOGRAPHIE MEMBRES INFERIEURS", "DSA jambes", 4, 28, 190, 300, 5, 5, "femoral", "pelvis"),
    Intervention("PAEDIATRIC CARDIAC CATHETER", "Ped coro biplan", 3, 4.5, 48, 420, 5, 4, "coronary", "heart", True),
)
FLUOROSCOPIES = (
    Intervention("TRANSIT OESO-GASTRO-DUODENAL", "TOGD", 9, 4.2, 26, 130, 4, 3, "oesophagus", "abdomen", modality="RF"),
    Intervention("HYSTEROSALPINGOGRAPHIE", "HSG", 6, 1.3, 9, 60, 3, 2, "uterine", "pelvis", modality="RF"),
)

# Slips at the console: the protocol as some write it. Lists of near-duplicate names are there to find them.
SLIPS = {"Abdomen pelvis portal": "Abdomen-pelvis portal", "Thorax PA": "THORAX PA", "Bassin AP": "Basin AP"}

# What the worklist of one department sends beside the words: codes of the RadLex Playbook. The others send words alone.
PROCEDURES = {
    "CT HEAD": ("RPID22", "RADLEX", "CT Head wo IV Contrast"),
    "CT CHEST": ("RPID16", "RADLEX", "CT Chest wo IV Contrast"),
    "CT PULMONARY ANGIOGRAPHY": ("RPID147", "RADLEX", "CT Chest w IV Contrast Pulmonary Embolus"),
    "SCANNER ABDOMEN PELVIS": ("RPID145", "RADLEX", "CT Abdomen/Pelvis w IV Contrast"),
    "SCANNER THORAX ABDOMEN PELVIS": ("RPID249", "RADLEX", "CT Chest Abdomen Pelvis with IV Contrast"),
    "CT CORONARY ANGIOGRAPHY": ("RPID6003", "RADLEX", "CT Heart Coronary Arteries Angio w IV Contrast"),
    "CT URINARY STONES LOW DOSE": ("RPID144", "RADLEX", "CT Abdomen/Pelvis wo IV Contrast"),
    "RADIOGRAPHIE THORAX": ("RPID6035", "RADLEX", "XR Chest 1 View Posteroanterior"),
    "RADIOGRAPHIE ABDOMEN": ("RPID2590", "RADLEX", "XR Abdomen 1 View"),
    "RADIOGRAPHIE BASSIN": ("RPID2657", "RADLEX", "XR Pelvis 1 View Anteroposterior"),
    "XR LUMBAR SPINE": ("RPID2673", "RADLEX", "XR Lumbar Spine 1 View"),
    "MAMMOGRAPHIE DEPISTAGE": ("RPID5592", "RADLEX", "Mammo Breast Screening"),
    "MAMMOGRAPHIE TOMOSYNTHESE": ("RPID6288", "RADLEX", "Mammo Breast Screening Tomosynthesis"),
    "HYSTEROSALPINGOGRAPHIE": ("RPID6683", "RADLEX", "FL Hysterosalpingogram"),
}
