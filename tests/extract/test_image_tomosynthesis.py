"""Breast tomosynthesis: doses of all projections and of each; added up once, never counted twice."""

from tests.build import head, items
from tests.extract.heads import lines, reports, warnings


def tomosynthesis(number=1, sop_class="1.2.840.10008.5.1.4.1.1.13.1.3", **attributes):
    absent = dict.fromkeys(("KVP", "OrganDose", "EntranceDoseInmGy", "ExposureInuAs", "Exposure", "ExposureTime"))
    dose = items(KVP="31", OrganDose="0.0186", EntranceDoseInmGy="7.1", ExposureInmAs=64.0, ExposureTimeInms=3700.0)
    return head("MG", number, sop_class=sop_class, **{**absent, "XRay3DAcquisitionSequence": dose, **attributes})


def test_breast_tomosynthesis_states_its_dose_in_the_3d_acquisition():
    (found,) = reports(tomosynthesis()).events
    assert (found.event_type, found.agd_mgy, found.kvp_kv, found.exposure_mas) == ("tomosynthesis", 1.86, 31.0, 64.0)
    (line,) = lines(tomosynthesis(), "agd_mgy")
    assert line.path == "(0018,9507) XRay3DAcquisitionSequence > (0040,0316) OrganDose"


def projections(*doses, angles=("-7", "0", "7"), sop_class="1.2.840.10008.5.1.4.1.1.13.1.4"):
    """Return a breast projection image whose frames state a dose and an angle each."""
    frames = [
        items(
            XRayAcquisitionDoseSequence=items(OrganDose=dose, EntranceDoseInmGy="0.5"),
            PositionerPositionSequence=items(PositionerPrimaryAngle=angle),
        )[0]
        for dose, angle in zip(doses, angles, strict=True)
    ]
    absent = dict.fromkeys(("OrganDose", "EntranceDoseInmGy", "EntranceDose"))
    return head("MG", sop_class=sop_class, **absent, PerFrameFunctionalGroupsSequence=frames)


def test_the_doses_of_single_breast_projections_add_up():
    (found,) = reports(projections("0.004", "0.005", "0.006")).events
    assert (found.agd_mgy, found.ka_e_mgy, found.event_type) == (1.5, 1.5, "tomosynthesis")
    assert ("agd_mgy", (0.4, 0.5, 0.6)) in found.values
    assert found.exposure_mas == 3.84  # stated once, of all frames


def test_the_slices_of_a_breast_tomosynthesis_repeat_one_dose():
    ds = projections("0.015", "0.015", "0.015", sop_class="1.2.840.10008.5.1.4.1.1.13.1.3", angles=("0", "0", "0"))
    (found,) = reports(ds).events
    assert (found.agd_mgy, found.event_type) == (1.5, "tomosynthesis")


def sweeps(*contexts):
    """Return a tomosynthesis whose acquisitions state these attributes; `PerProjection…` is a list of items."""
    stated = [items(**{"KVP": "31", **context})[0] for context in contexts]
    return tomosynthesis(EntranceDose=None, XRay3DAcquisitionSequence=stated)


def swept(*exposures, **total):
    each = [items(ExposureInmAs=mas, OrganDose=dose)[0] for mas, dose in exposures]
    return {"PerProjectionAcquisitionSequence": each, **total}


PROJECTIONS = ((4.0, "0.001"), (5.0, "0.002"), (6.0, "0.003"))


def test_the_projections_of_a_tomosynthesis_add_up_where_no_total_is_stated():
    ds = sweeps(swept(*PROJECTIONS))
    (found,) = reports(ds).events
    assert (found.exposure_mas, found.agd_mgy, found.kvp_kv) == (15.0, 0.6, 31.0)
    assert dict(found.values) == {"agd_mgy": (0.1, 0.2, 0.3), "exposure_mas": (4.0, 5.0, 6.0)}
    assert not warnings(ds)
    stated = lines(ds, "agd_mgy")
    assert [line.value for line in stated] == ["0.001", "0.002", "0.003"]
    inside = (
        "(0018,9507) XRay3DAcquisitionSequence > (0018,9538) PerProjectionAcquisitionSequence > (0040,0316) OrganDose"
    )
    assert {line.path for line in stated} == {inside}


def test_a_total_beside_its_projections_counts_once_and_is_compared_with_them():
    agreed, other = (sweeps(swept(*PROJECTIONS, OrganDose=total)) for total in ("0.006", "0.012"))
    assert [ds_event.agd_mgy for ds in (agreed, other) for ds_event in reports(ds).events] == [0.6, 1.2]
    assert (warnings(agreed), warnings(other)) == ([], ["stated-differently"])


def test_a_projection_without_a_dose_leaves_the_sum_open():
    (found,) = reports(sweeps(swept(*PROJECTIONS, (7.0, None)))).events
    assert (found.exposure_mas, found.agd_mgy) == (22.0, None)


def test_several_acquisitions_of_one_volume_add_up():
    ds = sweeps({"OrganDose": "0.010", "ExposureInmAs": 40.0}, swept(*PROJECTIONS, OrganDose="0.006"))
    (found,) = reports(ds).events
    assert (found.agd_mgy, found.exposure_mas, found.kvp_kv) == (1.6, 55.0, 31.0)
    assert warnings(ds) == ["several-acquisitions"]


def test_a_dose_of_the_whole_image_goes_before_those_of_its_acquisitions():
    ds = sweeps({"OrganDose": "0.010"}, {"OrganDose": "0.006"})
    ds.OrganDose = "0.016"
    assert reports(ds).events[0].agd_mgy == 1.6
    ds.OrganDose = "0.010"
    assert reports(ds).events[0].agd_mgy == 1.0
    assert "stated-differently" in warnings(ds)
