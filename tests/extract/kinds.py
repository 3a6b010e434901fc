"""One synthetic object of every kind that may arrive, by name: what fuzzing and the oldest seeds start from."""

from __future__ import annotations

from pydicom.dataset import Dataset

from dacs.synthetic.hospital import demo_studies
from tests.build import Device, Patient, basic_text_sr, study, to_bytes
from tests.extract.samples import REPORTS

PIXELS = 0x7FE00010


def every_kind() -> dict[str, bytes]:
    """Return an object of every kind as it is ingested: reports, images without their pixels."""
    kinds = {name: to_bytes(build()) for name, build in REPORTS.items()}
    kinds["text report"] = to_bytes(basic_text_sr(Patient(), Device(), study()))
    return kinds | _images()


def _images() -> dict[str, bytes]:
    found: dict[str, Dataset] = {}
    for visit in demo_studies(count=60):
        for image in visit.images():
            found.setdefault(f"image {image.Modality}", image)
    return {name: to_bytes(_headed(image), strict=False) for name, image in found.items()}


def _headed(image: Dataset) -> Dataset:
    if PIXELS in image:
        del image[PIXELS]
    return image
