"""The addresses of a review: behind its key, what they tell, what they refuse, and what they leave on the disk."""

import io
import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from octseg.classes import PALETTE
from octseg.correction.doubt import doubts
from octseg.correction.frames import CaseFrames
from octseg.correction.measuring import Measuring
from octseg.correction.runs import changes
from octseg.correction.saved import open_saved
from octseg.export.png import indexed_png
from octseg.ui.review.server import app_of, review_routes
from octseg.ui.review.session import ReviewSession
from octseg.view.drawn_over import OF_COLOURS
from tests.fakes.corrected import LIPID, LUMEN, SIDE, disc, opened, painted, save_results, vessel

SPOT = disc((SIDE, SIDE), 80, 352, 12)


@pytest.fixture
def session(tmp_path: Path) -> ReviewSession:
    case, corrections = opened(save_results(tmp_path, vessel(4), withdrawn=4))
    return ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))


@pytest.fixture
def client(session: ReviewSession) -> TestClient:
    return TestClient(app_of(session, "key"), base_url="http://127.0.0.1/key/")


def spot_on(session: ReviewSession, label: int = LIPID, mask: np.ndarray = SPOT) -> list[int]:
    before = session.corrections.labels("vessel_0001")
    return changes(before, painted(before, mask, label))


def test_nothing_is_told_without_the_key(client: TestClient) -> None:
    assert client.get("case.json").status_code == 200
    for path in ("/", "/case.json", "/other/case.json"):
        assert client.get(f"http://127.0.0.1{path}").status_code == 404


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "https://" not in answer.text


def test_a_frame_is_shown_with_its_saved_numbers(client: TestClient, session: ReviewSession) -> None:
    assert client.get("frames/0.jpg").content[:2] == b"\xff\xd8"
    told = client.get("frames/0.json").json()
    area = session.case.record("vessel_0001")["lumen_area_mm2"]
    assert "Of the model&#x27;s outlines" in told["numbers"]
    assert f'data-value="{area}' in told["numbers"]
    assert told["labels"] == told["original"]


@pytest.mark.parametrize("are_one_vessel", [True, False])
def test_what_is_along_the_vessel_is_not_told_of_pictures_by_themselves(tmp_path: Path, are_one_vessel: bool) -> None:
    folder = save_results(tmp_path, vessel(3))
    if not are_one_vessel:
        (folder / "vessel_pullback.json").unlink()
    table = json.loads((folder / "measures.json").read_text())
    table["frames"][1]["lipid_arc_deg"] = 0 if table["frames"][0]["lipid_arc_deg"] > 180 else 330
    (folder / "measures.json").write_text(json.dumps(table))
    case, corrections = opened(folder)
    told = ReviewSession(case, corrections, Measuring(case, CaseFrames(case))).told()
    assert [each["vessel"] for each in told["frames"]] == ["vessel" if are_one_vessel else None] * 3
    assert told["frame_spacing_mm"] == (0.2 if are_one_vessel else None)
    assert any("in the frames beside it" in why for each in told["doubts"] for why in each["why"]) is are_one_vessel


def test_a_stroke_is_on_the_disk_and_its_numbers_are_told(client: TestClient, session: ReviewSession) -> None:
    before = client.get("case.json").json()["status"]["curves"][1]["values"]
    lipid = session.corrections.labels("vessel_0001") == LIPID
    stroke = {"kind": "eraser", "class": "lipid_core", "runs": spot_on(session, label=0, mask=lipid)}
    told = client.post("frames/0/draw", json=stroke).json()
    after = told["status"]["curves"][1]["values"]
    assert "Of your corrected outlines (1 stroke)" in told["numbers"]
    assert before[0] > 0
    assert after[0] == 0
    assert after[1:] == before[1:]
    assert told["status"]["states"] == ["corrected", "model", "model", "model"]
    assert len(session.corrections.log.path.read_text().splitlines()) == 2


def test_what_was_overruled_is_said(client: TestClient, session: ReviewSession) -> None:
    lumen = session.corrections.labels("vessel_0001") == LUMEN
    stroke = {"kind": "brush", "class": "lipid_core", "runs": spot_on(session, mask=lumen)}
    refused = client.post("frames/0/draw", json=stroke)
    assert refused.status_code == 409
    assert "Overrule anatomy" in refused.text
    told = client.post("frames/0/draw", json={**stroke, "overruled": True}).json()
    assert "anatomy overruled" in told["numbers"]


def test_undo_leads_to_the_frame_and_gives_its_outlines_back(client: TestClient, session: ReviewSession) -> None:
    had = client.get("frames/0.json").json()
    client.post("frames/0/draw", json={"kind": "brush", "class": "lipid_core", "runs": spot_on(session)})
    told = client.post("undo").json()
    assert told["frame"] == 0
    assert told["told"]["labels"] == had["labels"]
    assert told["told"]["numbers"] == had["numbers"]
    assert client.post("undo").status_code == 409
    assert client.post("redo").json()["told"]["status"]["states"][0] == "corrected"


def test_a_stroke_of_a_tab_that_knows_older_outlines_is_refused(client: TestClient, session: ReviewSession) -> None:
    stroke = {"kind": "brush", "class": "lipid_core", "runs": spot_on(session)}
    assert client.post("frames/0/draw", json=stroke).status_code == 200
    again = client.post("frames/0/draw", json=stroke)
    assert again.status_code == 409
    assert "other outlines" in again.text


@pytest.mark.parametrize("body", [b"[1]", b"no json", b'{"kind": "brush", "runs": "all"}', b'{"kind": "shout"}', b""])
def test_what_is_no_stroke_is_refused(client: TestClient, session: ReviewSession, body: bytes) -> None:
    assert client.post("frames/0/draw", content=body).status_code == 409
    assert session.corrections.revision == 0


def test_a_withdrawn_frame_has_numbers_once_it_is_outlined(client: TestClient, session: ReviewSession) -> None:
    assert client.get("frames/3.json").json()["withdrawn"] == "The lumen was not found"
    before = session.corrections.labels("vessel_0004")
    runs = changes(before, painted(before, vessel(4)[3].masks["lumen"], LUMEN))
    told = client.post("frames/3/draw", json={"kind": "polygon", "class": "lumen", "runs": runs}).json()
    assert told["withdrawn"] is None
    assert told["status"]["withdrawn"] == [False, False, False, False]


def test_a_frame_is_rejected_with_a_reason_alone(client: TestClient) -> None:
    assert client.post("frames/1/judge", json={"verdict": "rejected"}).status_code == 409
    told = client.post("frames/1/judge", json={"verdict": "rejected", "reason": "blood"}).json()
    assert told["status"]["verdicts"] == ["open", "rejected", "open", "open"]


def test_a_reason_whose_last_letter_was_cut_in_two_is_kept(client: TestClient, session: ReviewSession) -> None:
    cut = '{"verdict": "rejected", "reason": "blood \\ud83d"}'
    assert client.post("frames/0/judge", content=cut).status_code == 200
    session.close()
    _, again = opened(session.case.folder)
    assert again.verdict("vessel_0001") == ("rejected", "blood ?")
    assert client.post("frames/0/judge", content='{"verdict": "\\ud83d"}').status_code == 409


def test_what_went_wrong_unforeseen_is_not_logged_in_its_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_results(tmp_path, vessel(2))
    table = json.loads((folder / "measures.json").read_text())
    table["frames"][0]["lumen_area_mm2"] = "Mueller"
    (folder / "measures.json").write_text(json.dumps(table))
    case, corrections = opened(folder)
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    answer = TestClient(app_of(session, "key"), base_url="http://127.0.0.1/key/").get("frames/0.json")
    assert (answer.status_code, "load the page again" in answer.text) == (500, True)
    assert "not answered" in caplog.text
    assert "Mueller" not in caplog.text + answer.text


def test_reviews_have_threads_of_their_own(session: ReviewSession) -> None:
    seen = []

    def using(_: Request) -> AbstractContextManager[ReviewSession]:
        seen.append(threading.current_thread().name)
        return nullcontext(session)

    assert TestClient(Starlette(routes=review_routes(using))).get("/case.json").status_code == 200
    assert seen[0].startswith("octseg-review")


def test_frames_are_measured_behind_answers_but_once(client: TestClient, session: ReviewSession) -> None:
    for stem in session.case.stems:
        before = session.corrections.labels(stem)
        session.corrections.draw(stem, "brush", changes(before, painted(before, SPOT, LIPID)), "", overruled=True)
    measured: list[str] = []
    of_frame = session.measuring.result
    session.measuring.result = lambda stem, *more: measured.append(stem) or of_frame(stem, *more)  # type: ignore
    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(session.measure_all)
    assert sorted(measured) == sorted(session.case.stems)
    assert client.get("case.json").json()["status"]["unmeasured"] == 0


def test_where_variants_disagree_is_a_layer(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(4), withdrawn=4, doubt=SPOT.astype(np.uint8) * 255)
    case, corrections = opened(folder)
    client = TestClient(
        app_of(ReviewSession(case, corrections, Measuring(case, CaseFrames(case))), "key"),
        base_url="http://127.0.0.1/key/",
    )
    assert [client.get(f"frames/{number}.json").json()["doubt"] for number in (0, 3)] == [True, False]
    layer = np.asarray(Image.open(io.BytesIO(client.get("frames/0.png").content)).convert("RGBA"))
    assert np.array_equal(layer[..., 3] > 0, SPOT)
    assert "--uncertainty" in client.get("frames/3.png").text


@pytest.mark.parametrize("damaged", [b"", b"no picture", indexed_png(np.ones((9, 9), np.uint8), PALETTE, {})])
def test_a_frame_whose_layer_is_damaged_or_of_another_is_shown_without(tmp_path: Path, damaged: bytes) -> None:
    folder = save_results(tmp_path, vessel(2), doubt=np.full((SIDE, SIDE), 64, np.uint8))
    (folder / "vessel_0001_doubt.png").write_bytes(damaged)
    case, corrections = opened(folder)
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    assert [session.frame(number)["doubt"] for number in (0, 1)] == [False, True]


def test_a_withdrawn_frame_is_in_doubt(client: TestClient) -> None:
    assert {"frame": 3, "why": ["withdrawn: The lumen was not found"]} in client.get("case.json").json()["doubts"]


@pytest.mark.parametrize("warning", OF_COLOURS)
def test_a_frame_with_lines_drawn_over_it_or_in_foreign_colours_is_in_doubt(tmp_path: Path, warning: str) -> None:
    folder = save_results(tmp_path, vessel(2))
    told = json.loads((folder / "measures.json").read_text())
    told["frames"][1]["warnings"] = [warning]
    (folder / "measures.json").write_text(json.dumps(told))
    [doubt] = [each for each in doubts(open_saved(folder)) if warning in each.why]
    assert doubt.stem == "vessel_0002"


def test_outlines_of_a_shared_case_that_a_hand_corrected_are_not_called_the_models(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    told = json.loads((folder / "measures.json").read_text())
    (folder / "measures.json").write_text(json.dumps({"corrected_by": "AB", **told}))
    case, corrections = opened(folder, "EF")
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    assert "Of the saved outlines, corrected by AB" in session.frame(0)["numbers"]
    assert session.told()["outlines"] == "the saved outlines"


def of_vessel(client: TestClient, number: int = 0) -> dict:
    """What is told along the vessel, once all its frames are measured."""
    deadline = time.monotonic() + 60
    while (told := client.get(f"frames/{number}/vessel").json())["left"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert told["left"] == 0
    return told


def lipid_volume_mm3(told: dict) -> float:
    return float(re.search(r"Visible lipid volume.*?<td>([\d.]+) mm³", told["html"], re.DOTALL).group(1))


def test_exports_are_offered_with_what_keeps_them_from_being_made(client: TestClient) -> None:
    offers = {each["name"]: each["why_not"] for each in client.get("case.json").json()["offers"]}
    assert list(offers) == ["report", "nifti", "dicom-seg", "mp4", "coco", "geojson", "labelme"]
    assert offers.pop("dicom-seg").startswith("Only of a DICOM file")
    assert set(offers.values()) == {""}


def test_volumes_are_not_offered_of_pictures_by_themselves(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(1))
    (folder / "vessel_pullback.json").unlink()
    case, corrections = opened(folder)
    offers = ReviewSession(case, corrections, Measuring(case, CaseFrames(case))).told()["offers"]
    corrections.log.close()
    refused = [each["name"] for each in offers if each["why_not"].startswith("Needs a pullback")]
    assert refused == ["nifti", "dicom-seg"]


def test_exports_that_are_asked_for_lie_beside_the_corrected_results(
    client: TestClient, session: ReviewSession
) -> None:
    client.post("frames/0/draw", json={"kind": "brush", "class": "lipid_core", "runs": spot_on(session)})
    assert client.post("export", json={"kinds": ["report", "geojson"]}).status_code == 200
    folder = session.case.folder / "corrected_AB"
    assert "of 1 frame corrected by AB" in (folder / "vessel_report.html").read_text()
    assert (folder / "vessel.geojson").is_file()
    refused = client.post("export", json={"kinds": ["dicom-seg"]})  # of copies, not of a DICOM file
    assert (refused.status_code, "no DICOM SEG can be made. Only of a DICOM file" in refused.text) == (409, True)
    for kinds in (["tables"], "report", [["report"]]):
        refused = client.post("export", json={"kinds": kinds})
        assert (refused.status_code, "there is no such export" in refused.text) == (409, True)


def test_numbers_of_the_vessel_follow_a_stroke_and_are_those_of_the_export(
    client: TestClient, session: ReviewSession
) -> None:
    before = of_vessel(client)
    areas = [session.case.record(stem)["lipid_core_area_mm2"] for stem in session.case.stems]
    assert lipid_volume_mm3(before) == pytest.approx(0.2 * sum(area or 0 for area in areas), abs=0.06)
    lipid = session.corrections.labels("vessel_0001") == LIPID
    stroke = {"kind": "eraser", "class": "lipid_core", "runs": spot_on(session, label=0, mask=lipid)}
    client.post("frames/0/draw", json=stroke)
    after = of_vessel(client)
    assert (before["corrected"], after["corrected"]) == (0, 1)
    assert lipid_volume_mm3(before) - lipid_volume_mm3(after) == pytest.approx(0.2 * areas[0], abs=0.11)
    client.post("export")
    exported = json.loads((session.case.folder / "corrected_AB" / "vessel_pullback.json").read_text())["pullback"]
    assert lipid_volume_mm3(after) == pytest.approx(exported["lipid_volume_mm3"], abs=0.051)
    assert f"frame {exported['minimum_lumen_area_frame']}<" in after["jumps"]
    client.post("undo")
    assert of_vessel(client)["html"] == before["html"]
    session.stop()


def test_numbers_of_a_vessel_need_none_of_its_frames(tmp_path: Path) -> None:
    case, corrections = opened(save_results(tmp_path, vessel(4)))
    for path in (case.folder / "vessel_frames").iterdir():
        path.unlink()
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    told = TestClient(app_of(session, "key"), base_url="http://127.0.0.1/key/").get("frames/0/vessel").json()
    areas = [case.record(stem)["lipid_core_area_mm2"] for stem in case.stems]
    assert lipid_volume_mm3(told) == pytest.approx(0.2 * sum(area or 0 for area in areas), abs=0.06)


def test_frames_that_were_not_corrected_keep_their_saved_caps_along_the_vessel(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(5))
    told = json.loads((folder / "vessel_pullback.json").read_text())
    told["en_face"]["fibrous_caps"] = [[[[10, 60]], [50.4] * 60, [1500] * 60]] * 5
    (folder / "vessel_pullback.json").write_text(json.dumps(told))
    case, corrections = opened(folder)
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    client = TestClient(app_of(session, "key"), base_url="http://127.0.0.1/key/")
    assert "50 µm" in of_vessel(client)["jumps"]
    before = corrections.labels("vessel_0005")
    corrections.draw("vessel_0005", "brush", changes(before, painted(before, SPOT, LIPID)), "", overruled=True)
    session.measure_all()
    assert "50 µm" in of_vessel(client)["jumps"]
    client.post("export")
    exported = json.loads((folder / "corrected_AB" / "vessel_pullback.json").read_text())
    assert exported["pullback"]["fibrous_cap_thickness_min_um"] == 50.4
    assert exported["en_face"]["fibrous_caps"][0] == [[[10, 60]], [50.4] * 60, [1500] * 60]


def _without(name: str) -> Callable[[dict], object]:
    return lambda en_face: en_face.pop(name)


def _with_cap(cap: list) -> Callable[[dict], object]:
    return lambda en_face: en_face["fibrous_caps"].__setitem__(1, cap)


@pytest.mark.parametrize(
    "change",
    [
        _without("fibrous_caps"),  # as before they were saved
        lambda en_face: en_face["rows"].pop(),
        _with_cap([[[10, 60]], [50.0], [1500]]),
        _with_cap([[[10, 60]], ["50"] * 60, [None] * 60]),
        _with_cap([[[10]], [50.0] * 60, [1500] * 60]),
        _with_cap([[[-10, 60]], [50.0] * 60, [1500] * 60]),
        _with_cap([[[10, 60]], [-40.0] * 60, [1500] * 60]),
        _with_cap([[[10, 60]], [1e9] * 60, [1500] * 60]),
    ],
)
def test_a_vessel_whose_rays_were_not_saved_has_a_sentence_and_no_number(
    tmp_path: Path, change: Callable[[dict], object]
) -> None:
    folder = save_results(tmp_path, vessel(4))
    told = json.loads((folder / "vessel_pullback.json").read_text())
    change(told["en_face"])
    (folder / "vessel_pullback.json").write_text(json.dumps(told))
    case, corrections = opened(folder)
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    answer = TestClient(app_of(session, "key"), base_url="http://127.0.0.1/key/").get("frames/0/vessel")
    assert (answer.status_code, "run `octseg predict` again" in answer.text) == (409, True)


def test_pictures_by_themselves_have_no_vessel(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(4))
    (folder / "vessel_pullback.json").unlink()
    case, corrections = opened(folder)
    session = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    told = TestClient(app_of(session, "key"), base_url="http://127.0.0.1/key/").get("frames/0/vessel").json()
    assert (told["vessel"], told["html"]) == (None, "")


def test_curves_of_a_log_that_is_opened_again_are_measured(client: TestClient, session: ReviewSession) -> None:
    client.post("frames/0/draw", json={"kind": "brush", "class": "lipid_core", "runs": spot_on(session)})
    shown = client.get("case.json").json()["status"]["curves"]
    session.corrections.log.close()
    case, corrections = opened(session.case.folder)
    again = ReviewSession(case, corrections, Measuring(case, CaseFrames(case)))
    assert again.told()["status"]["unmeasured"] == 1
    again.measure_all()
    assert again.told()["status"]["curves"] == shown


def test_curves_follow_what_is_interpolated_undone_and_done_again(client: TestClient, session: ReviewSession) -> None:
    saved = client.get("case.json").json()["status"]["curves"][0]["values"]
    for number in (0, 2):
        labels = session.corrections.labels(f"vessel_000{number + 1}")
        half = (labels == LUMEN) & (np.arange(SIDE)[:, None] > SIDE // 2)
        runs = changes(labels, painted(labels, half, 0))
        client.post(f"frames/{number}/draw", json={"kind": "eraser", "class": "lumen", "runs": runs})
    assert client.post("frames/1/interpolate").json()["frames"] == [1]
    half_open = client.get("case.json").json()["status"]["curves"][0]["values"]
    assert half_open[1] == pytest.approx(half_open[0], rel=0.05)
    assert half_open[1] < 0.7 * saved[1]
    client.post("undo")
    assert client.get("case.json").json()["status"]["curves"][0]["values"][1] == saved[1]
    client.post("redo")
    assert client.get("case.json").json()["status"]["curves"][0]["values"] == half_open
