"""Why a shipped pattern stands for phantoms and tests: the sentences of `dose/store/not_patient.toml`."""

from __future__ import annotations

from dash_app.i18n import N_

WHY = frozenset(
    {
        N_("What is irradiated in quality control, in English and German."),
        N_("French fantôme, Spanish and Dutch fantoma and fantoom begin the same."),
        N_("Arabic for phantom."),
        N_("A family of CT image quality phantoms."),
        N_("A CT dose index measurement; an examination of a person is not called so."),
        N_("The plastic of dosimetry phantoms."),
        N_("A maker of phantoms."),
        N_("A phantom of nuclear medicine."),
        N_("The accreditation phantoms of the American College of Radiology; in comments it is cited as a guideline."),
        N_("The image quality phantom of NEMA NU 2; in comments it is cited as a standard."),
        N_("Quality assurance."),
        N_("Quality control."),
        N_("French contrôle de qualité."),
        N_("Written out."),
        N_("French, written out."),
        N_("Not in descriptions, protocols and comments: a stress test is done on a person."),
        N_("English and German: test patient in one word."),
        N_("French for test; in descriptions it may be a clinical trial."),
        N_("Arabic for test; in descriptions it may be a stress test."),
        N_("A person who is none; a dummy may be a child's, so not in descriptions."),
        N_("The water phantom; in descriptions and protocols water is a contrast medium."),
        N_("German for water; see there."),
        N_("French for water; see there."),
        N_("A calibration of the equipment."),
        N_("German for calibration."),
        N_("French for calibration."),
        N_("A constancy test (IEC 61223)."),
        N_("German for constancy test; Konstanz alone is a town."),
        N_("The tube is warmed up without a person."),
        N_("The maker's service; in descriptions it may name a department."),
        N_("Work on the equipment."),
    }
)
