"""The equipment of the demonstration hospital: invented makers, each with its own way to write a report."""

from __future__ import annotations

from dataclasses import replace

from dacs.synthetic.content import Dialect
from dacs.synthetic.subjects import Device

HOSPITAL = "DEMO HOSPITAL"


def _device(station: str, maker: str, model: str, department: str, dialect: Dialect) -> Device:
    return Device(
        manufacturer=maker,
        model=model,
        serial_number=f"DEMO-{station}",
        station_name=f"DEMO{station}",
        institution=HOSPITAL,
        department=department,
        software=("DEMO 1.0",),
        dialect=dialect,
    )


CT_1 = _device("CT1", "Orion Medical", "Helix 64", "Radiologie", Dialect())
CT_2 = _device("CT2", "Vega Imaging", "Duo Force", "Urgences", Dialect("SCT", {"dlp_mgy_cm": "mGycm"}))
DX_1 = _device("DX1", "Lumen Systems", "Radia DX", "Radiologie", Dialect(units={"pka_gy_cm2": "dGy.cm2"}))
DX_2 = _device("DX2", "Orion Medical", "Bedside R2", "Réanimation", Dialect("SCT", {"pka_gy_cm2": "uGy.m2"}))
XA_1 = _device("XA1", "Vega Imaging", "Angio Biplane", "Cardiologie", Dialect(units={"pka_gy_cm2": "Gym2"}))
RF_1 = _device("RF1", "Orion Medical", "Fluora 90", "Radiologie", Dialect(units={"pka_gy_cm2": "Gy.cm2"}))
MG_1 = _device("MG1", "Lumen Systems", "Mammo Tomo", "Sénologie", Dialect(exponent=True))

CT_2_RETUNED = replace(CT_2, software=("DEMO 1.1",))  # the same scanner after an upgrade

DEVICES = (CT_1, CT_2, DX_1, DX_2, XA_1, RF_1, MG_1)
