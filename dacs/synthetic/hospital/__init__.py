"""A small hospital that never existed: a year of studies with dose reports and images, the same in every run."""

from dacs.synthetic.hospital.machines import DEVICES, HOSPITAL
from dacs.synthetic.hospital.people import ID_PREFIX, ISSUER
from dacs.synthetic.hospital.study import STUDIES, DemoStudy
from dacs.synthetic.hospital.year import ANCHOR, SEED, demo_studies

__all__ = ["ANCHOR", "DEVICES", "HOSPITAL", "ID_PREFIX", "ISSUER", "SEED", "STUDIES", "DemoStudy", "demo_studies"]
