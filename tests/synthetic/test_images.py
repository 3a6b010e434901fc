"""Images are small, look like anatomy where it counts, and lead back to their irradiation event."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest

from dacs.synthetic import axial, images, radiographs, vessels
from tests import build
from tests.build import Device, Patient


def series(modality: str) -> images.Series:
    return images.Series(
        patient=Patient(), device=Device(), study=build.study(), modality=modality, number=2, description="Test",
        event_uid=build.uid("event"),
    )  # fmt: skip


def stored(ds: pydicom.Dataset) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(build.to_bytes(ds)))


@pytest.mark.parametrize("region", ["head", "chest", "heart", "abdomen", "pelvis", "phantom"])
def test_a_slice_holds_air_tissue_and_something_dense(region):
    pixels = axial.draw(region, axial.Section(0.4))
    assert pixels.shape == (128, 128)
    assert pixels[0, 0] == -1000
    assert pixels.max() > 110
    assert ((pixels > -20) & (pixels < 90)).mean() > 0.05


def test_lungs_are_dark_and_the_spine_is_bright():
    chest = axial.draw("chest", axial.Section(0.4))
    assert chest[64, 35] < -600
    assert chest[64, 92] < -600
    assert chest[80:86, 60:68].max() > 150


def test_less_dose_is_more_noise():
    plain, rng = axial.draw("abdomen", axial.Section(0.5)), np.random.default_rng(1)
    spread = [(axial.noisy(plain, dose, rng) - plain).std() for dose in (20.0, 5.0, 1.25)]
    assert spread[0] * 1.7 < spread[1] * 1.02 < spread[1] * 1.7 < spread[2] * 1.02


def test_a_drawn_section_cannot_be_spoiled_for_the_next():
    with pytest.raises(ValueError, match="read-only"):
        axial.draw("head", axial.Section(0.5))[0, 0] = 5.0


def test_a_ct_slice_keeps_its_hounsfield_units_and_its_event():
    event = build.ct_event(ctdi_vol_mgy=7.7)
    pixels = axial.draw("abdomen", axial.Section(0.3))
    found = stored(images.ct_slice(series("CT"), 3, pixels, event))
    assert np.allclose(found.pixel_array + float(found.RescaleIntercept), pixels, atol=1.0)
    assert (found.IrradiationEventUID, found.CTDIvol, found.KVP) == (build.uid("event"), 7.7, 120)


@pytest.mark.parametrize("modality", ["DX", "CR", "MG"])
def test_a_projection_image_states_its_dose_in_the_units_of_the_header(modality):
    event = build.mammogram(pka_gy_cm2=0.25, agd_mgy=1.5) if modality == "MG" else build.radiograph(pka_gy_cm2=0.25)
    grey = radiographs.to_grey(radiographs.limb("hand", 48, 64))
    found = stored(images.projection_image(series(modality), 1, grey, event))
    assert (found.Rows, found.Columns) == found.pixel_array.shape == (64, 48)
    assert float(found.ImageAndFluoroscopyAreaDoseProduct) == pytest.approx(2.5)  # dGy.cm2
    assert modality != "MG" or float(found.OrganDose) == pytest.approx(0.015)  # dGy


def test_contrast_arrives_along_the_vessels_frame_by_frame():
    frames = vessels.run("coronary", 6, 96, seed=3)
    filled = [(frame - frames[0]).clip(0).sum() for frame in frames[:-1]]
    assert filled == sorted(filled)
    assert filled[-1] > 0


def test_a_run_is_a_multi_frame_image_of_8_bits():
    grey = radiographs.to_grey(1.8 - vessels.run("hepatic", 5, 64), bits=8)
    found = stored(images.projection_image(series("XA"), 1, grey, build.cine(), bits=8))
    assert found.pixel_array.shape == (5, 64, 64)
    assert found.pixel_array.dtype == np.uint8


def test_left_and_right_breast_lie_on_opposite_sides():
    left, right = (radiographs.breast("CC", side, 60, 80, seed=2) for side in ("left", "right"))
    assert left[:, :20].sum() > 5 * left[:, -20:].sum()
    assert right[:, -20:].sum() > 5 * right[:, :20].sum()
