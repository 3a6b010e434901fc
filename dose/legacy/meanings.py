"""What a column can mean, the words its cells may use, and the header names by which it is suggested.

A meaning is a name such as `patient.id`, `study.date`, `event.dlp_mgy_cm` or `total.pka_gy_cm2`: its first part says
where the value goes (`dose.extract.typed`), the second is a field of `dose.model` or a row of `dose.quantities`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from dose.extract.typed import EVENT_VALUES, TOTAL_VALUES
from dose.quantities import QUANTITIES

TEXT, DATE, BIRTH, TIME, MOMENT, NUMBER, CHOICE, UID = (
    "text", "date", "birth", "time", "moment", "number", "choice", "uid",
)  # fmt: skip
IGNORE = "ignore"
MODALITIES = ("CT", "DX", "CR", "MG", "XA", "RF", "PX", "IO", "NM", "PT")

# Words of cells, compared without case, accents and punctuation. DICOM PS3.16 CID 10013, 10002, 244, 4015.
CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "study.modality": {
        "CT": ("scanner", "tdm", "scanographie"), "DX": ("radiographie", "radiography", "dr"), "CR": (),
        "MG": ("mammographie", "mammography", "mammo"), "XA": ("angiographie", "angiography"),
        "RF": ("fluoroscopy", "radioscopie", "fluoroscopie"), "PX": ("panoramique", "panoramic"), "IO": (),
        "NM": ("medecine nucleaire", "nuclear medicine"), "PT": ("pet", "tep"),
    },
    "patient.sex": {"F": ("female", "femme", "woman", "w", "feminin"), "M": ("male", "homme", "h", "man", "masculin"),
                    "O": ("other", "autre")},
    "event.laterality": {"left": ("l", "g", "gauche"), "right": ("r", "d", "droite", "droit"),
                         "both": ("b", "bilateral", "deux")},
    "event.plane": {"single": ("single plane", "mono"), "A": ("plane a",), "B": ("plane b",)},
    "event.ctdi_phantom": {
        "head_16": ("16", "16 cm", "head", "tete", "iec head dosimetry phantom", "head 16 cm"),
        "body_32": ("32", "32 cm", "body", "corps", "iec body dosimetry phantom", "body 32 cm"),
    },
    "event.event_type": {
        "spiral": ("spiral acquisition", "helical", "helicoidal"), "sequenced": ("sequenced acquisition", "axial"),
        "constant_angle": ("constant angle acquisition", "localizer", "scout", "topogram"),
        "stationary": (), "free": ("free acquisition",), "cone_beam": ("cone beam acquisition", "cbct"),
        "fluoroscopy": ("scopie", "radioscopie"), "stationary_acquisition": ("stationary acquisition", "graphie"),
        "stepping_acquisition": ("stepping acquisition",), "rotational_acquisition": ("rotational acquisition",),
        "radiography": ("radiographie",), "mammography": ("mammographie",), "tomosynthesis": ("tomosynthese",),
        "administration": (),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing a column can be. `longest` bounds a text; `headers` are the names by which it is suggested."""

    name: str
    kind: str
    headers: tuple[str, ...] = ()
    longest: int = 64

    @property
    def place(self) -> str:
        """Where the value goes: patient, study, device, size, event or total."""
        return self.name.partition(".")[0]

    @property
    def field(self) -> str:
        """The field or quantity."""
        return self.name.partition(".")[2]


_TEXTS = (
    Meaning("patient.id", TEXT,
            ("patient id", "patientid", "id patient", "ipp", "numero patient", "mrn", "nip", "pid")),
    Meaning("patient.issuer", TEXT, ("issuer of patient id",), 120),
    Meaning("patient.name", TEXT, ("patient name", "patient s name", "nom patient", "nom du patient", "nom"), 200),
    Meaning("patient.birth_date", BIRTH,
            ("date of birth", "birth date", "dob", "date de naissance", "ddn", "naissance")),
    Meaning("patient.sex", CHOICE, ("sex", "patient sex", "sexe", "gender")),
    Meaning("study.uid", UID, ("study instance uid", "study uid", "studyinstanceuid", "uid examen")),
    Meaning("study.accession_number", TEXT,
            ("accession number", "accession", "accession no", "numero d examen", "no examen", "numero acces")),
    Meaning("study.date", DATE,
            ("study date", "date", "exam date", "date examen", "date de l examen", "date d examen")),
    Meaning("study.time", TIME, ("study time", "time", "heure", "heure examen", "heure de l examen")),
    Meaning("study.moment", MOMENT, ("date time", "datetime", "study date time", "date et heure", "date heure")),
    Meaning("study.description", TEXT,
            ("study description", "description", "examen", "exam", "libelle", "procedure", "type d examen"), 200),
    Meaning("study.modality", CHOICE, ("modality", "modalite")),
    Meaning("device.manufacturer", TEXT, ("manufacturer", "fabricant", "constructeur", "marque"), 120),
    Meaning("device.model", TEXT, ("model", "model name", "manufacturer model name", "modele", "equipment", "appareil"),
            120),
    Meaning("device.serial_number", TEXT, ("serial number", "device serial number", "numero de serie"), 120),
    Meaning("device.station_name", TEXT, ("station name", "station", "room", "salle", "nom de station"), 120),
    Meaning("device.institution", TEXT,
            ("institution", "institution name", "etablissement", "hospital", "hopital"), 200),
    Meaning("device.department", TEXT, ("department", "service", "departement"), 200),
    Meaning("event.started_at", MOMENT, ("event time", "acquisition time", "started at", "heure acquisition")),
    Meaning("event.protocol", TEXT, ("protocol", "acquisition protocol", "protocole", "acquisition"), 200),
    Meaning("event.event_type", CHOICE, ("type", "acquisition type", "event type", "type d acquisition")),
    Meaning("event.laterality", CHOICE, ("laterality", "lateralite", "side", "cote", "breast", "sein")),
    Meaning("event.plane", CHOICE, ("plane", "plan")),
    Meaning("event.view", TEXT, ("view", "image view", "view position", "incidence", "projection")),
    Meaning("event.ctdi_phantom", CHOICE, ("phantom", "ctdi phantom", "ctdi phantom type", "fantome")),
    Meaning("event.comment", TEXT, ("comment", "comments", "commentaire", "remarque"), 1000),
    Meaning("event.irradiation_event_uid", UID, ("irradiation event uid", "event uid")),
    Meaning("event.radiopharmaceutical", TEXT,
            ("radiopharmaceutical", "radiopharmaceutical agent", "radiopharmaceutique", "traceur", "tracer"), 120),
    Meaning("event.radionuclide", TEXT, ("radionuclide", "radionucleide", "isotope"), 120),
)  # fmt: skip

_NUMBER_HEADERS: Mapping[str, tuple[str, ...]] = {
    "size.age_years": ("age", "patient age", "patient s age"),
    "size.height_m": ("height", "patient height", "taille", "patient size"),
    "size.weight_kg": ("weight", "patient weight", "mass", "patient mass", "poids", "masse"),
    "event.ctdi_vol_mgy": ("ctdivol", "ctdi vol", "ctdi", "idsv", "mean ctdivol"),
    "event.dlp_mgy_cm": ("dlp", "pdl", "dose length product", "produit dose longueur"),
    "event.ssde_mgy": ("ssde",),
    "event.pka_gy_cm2": ("dap", "kap", "pka", "pds", "dose area product", "produit dose surface", "p ka"),
    "event.ka_r_mgy": ("ka r", "kar", "ak", "air kerma", "ref point dose", "dose rp", "kerma", "kerma dans l air"),
    "event.ka_e_mgy": ("esd", "esak", "ka e", "dose entree", "de", "entrance dose", "dose a l entree"),
    "event.ka_i_mgy": ("ka i", "incident air kerma", "entrance exposure at rp"),
    "event.agd_mgy": ("agd", "mgd", "dgm", "average glandular dose", "mean glandular dose", "dose glandulaire moyenne"),
    "event.activity_mbq": (
        "activity",
        "administered activity",
        "activite",
        "activite administree",
        "activite injectee",
    ),
    "event.fluoro_time_s": ("fluoro time", "fluoroscopy time", "temps de scopie", "duree de scopie", "screening time"),
    "event.kvp_kv": ("kvp", "kv", "tube voltage", "tension", "haute tension", "s1 kvp"),
    "event.tube_current_ma": ("ma", "tube current", "courant", "s1 ma"),
    "event.exposure_mas": ("mas", "exposure", "charge", "uas"),
    "event.exposure_time_ms": ("exposure time", "temps de pose", "temps d exposition", "ms"),
    "event.number_of_pulses": ("frames", "number of frames", "images", "nombre d images", "number of pulses", "pulses"),
    "event.exposure_index": ("exposure index", "ei", "indice d exposition", "index exposition"),
    "event.pitch": ("pitch",),
    "event.scanning_length_mm": ("scanning length", "scan length", "longueur exploree", "longueur d exploration"),
    "event.total_collimation_mm": ("total collimation", "collimation totale"),
    "event.compressed_thickness_mm": ("thickness", "compressed thickness", "epaisseur", "epaisseur comprimee"),
    "total.dlp_mgy_cm": ("dlp total", "total dlp", "pdl total"),
    "total.pka_gy_cm2": ("dap total", "total dap", "pds total", "pka total", "kap total"),
    "total.ka_r_mgy": ("dose rp total", "kar total", "ak total", "kerma total"),
    "total.agd_mgy": ("agd total", "dgm totale"),
    "total.fluoro_time_s": ("fluoro time total", "total fluoro time", "temps de scopie total"),
}


def _numbers() -> list[Meaning]:
    names = [f"size.{one}" for one in ("age_years", "height_m", "weight_kg")]
    names += [f"event.{one}" for one in EVENT_VALUES] + [f"total.{one}" for one in TOTAL_VALUES]
    return [Meaning(name, NUMBER, _NUMBER_HEADERS.get(name, ())) for name in names]


MEANINGS: Mapping[str, Meaning] = {one.name: one for one in (*_TEXTS, *_numbers())}
# Of a table with a row a study, a dose without *total* in its name is the study's.
OF_STUDY = {f"event.{one}": f"total.{one}" for one in ("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "fluoro_time_s")}


def plain(text: str) -> str:
    """Return a header or a cell's word for comparing: letters and digits of lower case, without accents."""
    stripped = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^a-z0-9%]+", " ", stripped).split())


@cache
def words(meaning: str) -> Mapping[str, str]:
    """Every accepted word of a choice, plain, with the code it stands for."""
    known = CHOICES[meaning]
    return {plain(word.replace("_", " ")): code for code, spelt in known.items() for word in (code, *spelt)}


@cache
def by_header() -> Mapping[str, str]:
    """Plain header names with the meaning that is suggested for them."""
    return {header: one.name for one in MEANINGS.values() for header in one.headers}


@cache
def units(column: str) -> tuple[str, ...]:
    """The units to choose from for a quantity, its canonical one first; the empty text is *no unit*."""
    known = dict.fromkeys(unit for unit in QUANTITIES[column].factors if _is_main_spelling(unit))
    seen = list(known)
    return tuple(sorted(seen, key=lambda unit: (QUANTITIES[column].factors[unit] != 1.0, seen.index(unit))))


def _is_main_spelling(unit: str) -> bool:
    return unit.isascii() and not set("^*{} ") & set(unit) and unit not in _OTHER_SPELLINGS


_OTHER_SPELLINGS = frozenset(
    spelt
    for row in QUANTITIES.values()
    for unit in row.factors
    if "." in unit
    for spelt in (unit.replace(".", ""),)
) | {"sec", "KV", "kVp", "pulse/s", "/s", "ratio", "events"}  # fmt: skip


def needs_unit(column: str) -> bool:
    """Whether a quantity's numbers mean nothing without a unit."""
    return "" not in QUANTITIES[column].factors
