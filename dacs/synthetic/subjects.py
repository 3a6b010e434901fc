"""Who was irradiated, on what and in which study: the modules that reports and images share.

None leaves an attribute out, "" sends it empty. Invented people and machines only.

References: DICOM PS3.3 C.7.1.1 (patient), C.7.2 (study), C.7.5.1 (equipment); PS3.5 6.2 (AS, PN).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from dacs.synthetic.content import Dialect, coded
from dacs.synthetic.uids import uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Patient module, and age and size at the study."""

    id: str | None = "TEST-0001"
    name: str | None = "Test^Patient"
    birth_date: str | None = "19700102"
    sex: str | None = "F"
    age: str | None = None  # AS: 045Y, 006M, 003D
    height_m: float | None = 1.65
    weight_kg: float | None = 68.0
    issuer: str | None = None
    comments: str | None = None
    pregnancy: int | None = None  # 1 not pregnant, 2 possibly, 3 definitely, 4 unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The equipment, and the dialect in which it writes dose reports."""

    manufacturer: str | None = "Synthetic Imaging"
    model: str | None = "CT One"
    serial_number: str | None = "1001"
    station_name: str | None = "CT1"
    institution: str | None = "Test Hospital"
    department: str | None = "Radiology"
    software: tuple[str, ...] = ("1.0",)
    observer_uid: str | None = None
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def uid(self) -> str:
        """Device Observer UID (121012), the same for the same machine."""
        return self.observer_uid or uid("device", self.manufacturer, self.model, self.serial_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study as the worklist described it; date and time are local, as DICOM DA and TM."""

    uid: str = uid("study", "default")
    accession_number: str | None = "A0001"
    date: str | None = "20261121"
    time: str | None = "114014"
    description: str | None = "Synthetic study"
    id: str | None = "1"
    referring: str | None = ""
    performing: str | None = None
    operators: str | None = None  # several are parted by a backslash
    procedure: tuple[str, str, str] | None = None  # code, scheme, meaning

    @property
    def started(self) -> str:
        """Date and time as one DT value."""
        return f"{self.date or '20260101'}{self.time or '000000'}"


def common_modules(patient: Patient, device: Device, study: Study) -> Dataset:
    """Return a data set with the patient, study and equipment modules."""
    ds = Dataset()
    _set(
        ds,
        PatientName=patient.name,
        PatientID=patient.id,
        IssuerOfPatientID=patient.issuer,
        PatientBirthDate=patient.birth_date,
        PatientSex=patient.sex,
        PatientAge=patient.age,
        PatientSize=_decimal(patient.height_m),
        PatientWeight=_decimal(patient.weight_kg),
        PatientComments=patient.comments,
        PregnancyStatus=patient.pregnancy,
    )
    _set(
        ds,
        StudyInstanceUID=study.uid,
        StudyDate=study.date,
        StudyTime=study.time,
        AccessionNumber=study.accession_number,
        StudyID=study.id,
        StudyDescription=study.description,
        ReferringPhysicianName=study.referring,
        PerformingPhysicianName=study.performing,
        OperatorsName=study.operators,
    )
    if study.procedure is not None:
        ds.ProcedureCodeSequence = [coded(*study.procedure)]
    _set(
        ds,
        Manufacturer=device.manufacturer,
        ManufacturerModelName=device.model,
        DeviceSerialNumber=device.serial_number,
        StationName=device.station_name,
        InstitutionName=device.institution,
        InstitutionalDepartmentName=device.department,
        SoftwareVersions=list(device.software) or None,
    )
    return ds


def _decimal(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _set(ds: Dataset, **attributes: object) -> None:
    for keyword, value in attributes.items():
        if value is not None:
            setattr(ds, keyword, value)
