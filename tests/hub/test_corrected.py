"""Sharing corrected results with their log: what goes along, what readers are called, and that review goes on."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hub.corrected import SharedLog, shared_logs
from hub.errors import HubError
from hub.plans import Asked, page_plan, plans_of
from octseg.correction.corrections import Corrections
from octseg.correction.frames import CaseFrames
from octseg.correction.log import CorrectionLog, head_of, log_name
from octseg.correction.runs import changes
from octseg.correction.saved import open_saved
from octseg.drawing.palette import indexed_image
from octseg.errors import CorrectionError, PublishingError
from octseg.export.pictures import frame_png, mask_png, overlay_png
from octseg.export.provenance import run_record
from octseg.export.pullback import PullbackOrigin, write_pullback
from octseg.export.run import RunWriter
from octseg.export.tables import measures_json
from octseg.measurement import measure_pullback
from tests.fakes.along import frame as drawn_along
from tests.fakes.corrected import LUMEN, MODEL, disc, painted, result_of, vessel
from tests.fakes.hub.client import run_client
from tests.fakes.hub.server import HubServer
from tests.fakes.prepared import contents
from tests.fakes.windows import write_text_as_there
from tests.hub.test_results import push

PATIENT = "DOE_JANE_19450312"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as running:
        yield running


def predicted(home: Path) -> tuple[Path, Path]:
    """Results of a pullback whose file has a patient's name, and that file, a TIFF of three pages."""
    phantoms = vessel(3)
    out, stack = home / "out", home / f"{PATIENT}.tif"
    along = []
    with RunWriter(out, MODEL, "cpu", "torch") as writer:
        for number, phantom in enumerate(phantoms, start=1):
            result = replace(result_of(phantom, number), name=PATIENT, file=stack.name)
            stem = f"{PATIENT}_{number:04d}"
            writer.write(
                result, stem, {"folder": "", "mask_file": f"{stem}_mask.png", "overlay_file": f"{stem}_overlay.png"}
            )
            along.append(drawn_along(number, [(0, 120)], cap_um=50.0))
    origin = PullbackOrigin(file=stack.name, warnings=(f"{PATIENT} is short",))
    write_pullback(out, PATIENT, measure_pullback(along, 0.2), origin, writer.run)
    first, *others = (Image.fromarray(each.frame) for each in phantoms)
    first.save(stack, save_all=True, append_images=others)
    return out, stack


def correct(folder: Path, reader: str, *stems: str, radius: float = 110.0, reason: str = "") -> None:
    """Paint a disc of lumen on frames; the last stroke is undone and done again."""
    case = open_saved(folder)
    log = CorrectionLog(folder / log_name(reader), head_of(case.run, reader))
    corrections = Corrections(case, log)
    for stem in stems:
        before = corrections.labels(stem).copy()
        corrections.draw(stem, "brush", changes(before, wider(before, radius)), "lumen")
    corrections.undo()
    corrections.redo()
    if reason:
        corrections.judge(stems[0], "rejected", reason)
    log.close()


def wider(labels: np.ndarray, radius: float = 110.0) -> np.ndarray:
    return painted(labels, disc(labels.shape, 352.0, 352.0, radius), LUMEN)


def share(home: Path, out: Path, stack: Path, *logs: SharedLog, reasons: bool = False) -> Path:
    """The folder of the one case that is sent."""
    (planned,) = plans_of(out, [stack], Asked(logs=logs, reasons=reasons), home / "sent")
    folder = home / "sent" / "cases" / planned.name
    there = {f"cases/{path.relative_to(folder.parent).as_posix()}" for path in folder.rglob("*") if path.is_file()}
    assert there == set(planned.files)
    return folder


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("corrected")
    out, _ = predicted(home)
    correct(out, "AB", f"{PATIENT}_0001", f"{PATIENT}_0003", reason=f"{PATIENT} moved")
    return home


@pytest.fixture
def corrected(made_once: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Results with the log of a reader AB, and what they are of."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out", tmp_path / f"{PATIENT}.tif"


def test_a_corrected_pullback_is_opened_again_and_goes_on(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    folder = share(tmp_path, *corrected, SharedLog(corrected[0] / "corrections_AB.jsonl", "R1"))
    case = open_saved(folder)
    log = CorrectionLog(folder / "corrections_R1.jsonl", head_of(case.run, "R1"))
    corrections = Corrections(case, log)
    frames = CaseFrames(case)
    first, second, third = case.stems
    assert frames.missing() == []
    np.testing.assert_array_equal(frames(second), vessel(3)[1].frame)
    assert corrections.touched() == [first, third]
    own = open_saved(corrected[0]).labels(f"{PATIENT}_0003")
    np.testing.assert_array_equal(corrections.labels(third), wider(own))
    np.testing.assert_array_equal(case.labels(third), own)
    corrections.undo()
    np.testing.assert_array_equal(corrections.labels(third), own)
    log.close()


def test_frames_that_were_changed_on_the_way_are_refused(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    folder = share(tmp_path, *corrected, SharedLog(corrected[0] / "corrections_AB.jsonl", "R1"))
    (frame, *_) = sorted(folder.glob("*_frames/*.png"))
    Image.fromarray(vessel(3)[0].frame // 2).save(frame)
    case = open_saved(folder)
    with pytest.raises(CorrectionError, match="is not the one that was outlined"):
        CaseFrames(case)(next(iter(case.stems)))


def test_what_is_sent_is_the_same_where_windows_would_end_lines_its_way(
    corrected: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SharedLog(corrected[0] / "corrections_AB.jsonl", "R1")
    here = contents(share(tmp_path / "here", *corrected, log))
    monkeypatch.setattr(Path, "write_text", write_text_as_there)
    assert contents(share(tmp_path / "there", *corrected, log)) == here


def test_original_and_corrected_outlines_both_go_along(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    folder = share(tmp_path, *corrected, SharedLog(corrected[0] / "corrections_AB.jsonl", "R1"))
    told = [json.loads((folder / within / "measures.json").read_text()) for within in ("", "corrected_R1")]
    assert told[1]["corrected_by"] == "R1"
    by_hand = [frame["outlines"] == "corrected by hand" for frame in told[1]["frames"]]
    assert by_hand == [True, False, True]
    own, made = (frames["frames"][2]["lumen_area_mm2"] for frames in told)
    assert made > 1.05 * own
    assert (folder / "corrected_R1" / f"{folder.name}_pullback.json").is_file()
    pullback = json.loads((folder / f"{folder.name}_pullback.json").read_text())
    before = json.loads((corrected[0] / f"{PATIENT}_pullback.json").read_text())
    for key in ("pullback", "range", "en_face", "frame_spacing_mm"):
        assert pullback[key] == before[key]
    assert pullback["pullback"]["plaques"][0]["clima"]["cap_under_75_um"] is True
    assert "the file is short" in pullback["warnings"]


def test_nothing_that_is_sent_names_patient_or_reader(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    out, stack = corrected
    log = out / "corrections_AB.jsonl"
    (out / "corrections_MUELLER.jsonl").write_text(
        log.read_text().replace('"reader":"AB"', '"reader":"MUELLER","institute":"HUBER"')
    )
    (planned,) = plans_of(out, [stack], Asked(logs=shared_logs(out, ["MUELLER="])), tmp_path / "sent")
    folder = tmp_path / "sent" / "cases" / planned.name
    everything = "\n".join(planned.files).encode() + json.dumps(list(planned.rows)).encode()
    everything += b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for name in (PATIENT, "JANE", "MUELLER", "HUBER"):
        assert name.encode() not in everything
    assert planned.readers == ["a reader without a name"]


def test_what_was_put_into_a_log_by_hand_does_not_go_along(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    folder = corrected[0]
    path = folder / log_name("AB")
    head, *lines = map(json.loads, path.read_text().splitlines())
    for line in lines:
        line |= {"time": "2026-11-28T10:11:12.123456+09:00", "host": PATIENT, "class": PATIENT}
        line |= {"number": PATIENT} if "number" in line else {}
    path.write_text("".join(json.dumps(line) + "\n" for line in ({**head, "host": PATIENT}, *lines)))
    asked = Asked(logs=shared_logs(folder, ["AB=R1"]))
    (plan,) = plans_of(folder, [corrected[1]], asked, tmp_path)
    sent = [Path(str(content)).read_bytes() for content in plan.files.values()]
    assert not any(word in content for content in sent for word in (PATIENT.encode(), b"+09:00"))
    log = (tmp_path / plan.logs[0]).read_text().splitlines()
    assert all('"time":"2026-11-28T01:11:12+00:00"' in line for line in log[1:])


@pytest.mark.parametrize("other", ["r1", "R1"])
def test_readers_whose_files_some_disks_take_for_one_are_refused(tmp_path: Path, other: str) -> None:
    for reader in ("AB", "CD"):
        (tmp_path / log_name(reader)).touch()
    with pytest.raises(HubError, match="called the same"):
        shared_logs(tmp_path, ["AB=R1", f"CD={other}"])


def test_reasons_go_along_where_that_is_asked_for(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    log = SharedLog(corrected[0] / "corrections_AB.jsonl", "R1")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    without, within = (share(tmp_path / name, *corrected, log, reasons=name == "b") for name in "ab")
    assert "moved" not in (without / "corrections_R1.jsonl").read_text()
    assert '"verdict":"rejected","reason":""' in (without / "corrections_R1.jsonl").read_text()
    assert "moved" in (within / "corrections_R1.jsonl").read_text()


def test_readers_are_called_what_they_chose(tmp_path: Path) -> None:
    for name in ("corrections.jsonl", "corrections_AB.jsonl", "corrections_CD.jsonl"):
        (tmp_path / name).write_text("")
    names = {log.path.name: log.reader for log in shared_logs(tmp_path, ["AB=R1", "CD", "=X"])}
    assert names == {"corrections_AB.jsonl": "R1", "corrections_CD.jsonl": "CD", "corrections.jsonl": "X"}
    assert [log.reader for log in shared_logs(tmp_path, [])] == ["1", "2", "3"]
    with pytest.raises(HubError, match="has no log of a reader EF; it has those of"):
        shared_logs(tmp_path, ["EF"])
    with pytest.raises(HubError, match="two readers would be called the same"):
        shared_logs(tmp_path, ["AB=", "CD="])
    with pytest.raises(HubError, match="is no name for a reader"):
        shared_logs(tmp_path, ["AB=Dr. Who"])


def test_without_a_log_there_is_nothing_to_share(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="has no log of corrections"):
        shared_logs(tmp_path, [])


def test_a_private_frame_is_refused(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text('{"private": true}')
    with pytest.raises(PublishingError):
        plans_of(corrected[0], [corrected[1]], Asked(), tmp_path / "sent")


def test_a_pullback_and_its_log_go_in_one_commit_and_only_once(
    hub: HubServer, corrected: tuple[Path, Path], tmp_path: Path
) -> None:
    token = hub.add_user("ada")
    out, stack = corrected
    command = [out, "ada/results", "--frames", stack, "--yes", "--corrected", "AB=R1"]
    first, again = push(hub, tmp_path / "home", token, command, command)
    assert (first.status, again.status) == (0, 0), first.stderr + again.stderr
    assert hub.is_private("dataset", "ada/results")
    (sent,) = plans_of(out, [stack], Asked(logs=shared_logs(out, ["AB=R1"])), tmp_path / "sent")
    assert hub.commits("dataset", "ada/results") == [f"Share result {sent.name}", "initial commit"]
    files = hub.files("dataset", "ada/results")
    assert set(files) - {"README.md", "metadata.jsonl", ".gitattributes"} == set(sent.files)
    rows = [json.loads(line) for line in files["metadata.jsonl"].splitlines()]
    assert [row["case"] for row in rows] == [f"{sent.name}/{number:04d}" for number in (1, 2, 3)]
    assert all(row[f"{kind}_file_name"] in files for row in rows for kind in ("image", "mask", "overlay"))


def later(corrected: tuple[Path, Path], name: str) -> Path:
    """A copy of the results in which the same reader has gone on."""
    out = corrected[0].with_name(name)
    shutil.copytree(corrected[0], out)
    correct(out, "AB", f"{PATIENT}_0002")
    return out


def test_a_log_on_the_hub_is_added_to_and_never_changed(
    hub: HubServer, corrected: tuple[Path, Path], tmp_path: Path
) -> None:
    token = hub.add_user("eva")
    out, stack = corrected
    correct(out, "CD", f"{PATIENT}_0002", radius=90.0)
    flags = ["eva/results", "--frames", stack, "--yes", "--corrected"]
    first, other, more, behind = push(
        hub,
        tmp_path / "home",
        token,
        [out, *flags, "AB="],
        [out, *flags, "CD="],
        [later(corrected, "later"), *flags, "AB="],
        [out, *flags, "AB="],
    )
    assert (first.status, other.status, more.status, behind.status) == (0, 1, 0, 1), more.stderr
    assert "is another log, and logs are never changed: call the reader otherwise" in other.stderr
    assert "has strokes that are not in the log here" in behind.stderr
    assert "corrections go along, with the time of each stroke, by a reader without a name" in more.stderr
    logs = [each for name, each in hub.files("dataset", "eva/results").items() if name.endswith("/corrections.jsonl")]
    # its head, two strokes, one of them undone and done again, a verdict; then a stroke, undone and done again
    assert logs[0].count(b"\n") == 6 + 3


def test_taking_back_one_readers_corrections_leaves_those_of_the_other(
    hub: HubServer, corrected: tuple[Path, Path], tmp_path: Path
) -> None:
    token = hub.add_user("fay")
    out, stack = corrected
    correct(out, "CD", f"{PATIENT}_0002", radius=90.0)
    flags = [out, "fay/results", "--frames", stack, "--yes", "--corrected"]
    _, _, undone = push(
        hub, tmp_path / "home", token, [*flags, "AB=R1"], [*flags, "CD=R2"], ["--undo", "LINK", "fay/results"]
    )
    assert undone.status == 0, undone.stderr
    names = hub.files("dataset", "fay/results").keys()
    assert [name.rpartition("/")[2] for name in names if "R2" in name] == []
    assert [name.rpartition("/")[2] for name in names if "/corrections_" in name] == ["corrections_R1.jsonl"]
    assert len([name for name in names if name.endswith("_mask.png") and "corrected" not in name]) == 3


def test_pictures_that_are_of_no_pullback_go_each_with_its_part_of_the_log(
    corrected: tuple[Path, Path], tmp_path: Path
) -> None:
    out, stack = corrected
    (out / f"{PATIENT}_pullback.json").unlink()
    log = SharedLog(out / "corrections_AB.jsonl", "R1")
    plans = plans_of(out, [stack], Asked(logs=[log]), tmp_path / "sent")
    assert [len(each.rows) for each in plans] == [1, 1, 1]
    assert [len(each.logs) for each in plans] == [1, 0, 1]
    folder = tmp_path / "sent" / "cases" / plans[2].name
    case = open_saved(folder)
    opened = CorrectionLog(folder / "corrections_R1.jsonl", head_of(case.run, "R1"))
    (stem,) = case.stems
    np.testing.assert_array_equal(Corrections(case, opened).labels(stem), wider(case.labels(stem)))
    assert [line["kind"] for line in opened.lines] == ["brush", "undo", "redo"]
    opened.close()


def test_corrected_results_are_not_taken_for_the_models(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    folder = share(tmp_path, *corrected, SharedLog(corrected[0] / "corrections_AB.jsonl", "R1"))
    with pytest.raises(HubError, match="give the folder that was reviewed, with --corrected"):
        plans_of(folder / "corrected_R1", [corrected[1]], Asked(), tmp_path / "again")


def test_a_shared_case_is_shared_on_with_what_was_added(corrected: tuple[Path, Path], tmp_path: Path) -> None:
    log = SharedLog(corrected[0] / "corrections_AB.jsonl", "R1")
    folder = share(tmp_path, *corrected, log)
    first = (folder / "corrections_R1.jsonl").read_bytes()
    correct(folder, "R1", f"{folder.name}_0002")
    (planned,) = plans_of(folder, (), Asked(logs=shared_logs(folder, ["R1"])), tmp_path / "again")
    sent = tmp_path / "again" / "cases" / planned.name
    assert planned.name == folder.name
    assert (sent / "corrections_R1.jsonl").read_bytes().startswith(first)
    assert (sent / "measures.json").read_bytes() == (folder / "measures.json").read_bytes()


def page_folder(folder: Path) -> Path:
    """What the page keeps of a frame that was corrected in its review."""
    phantom = vessel(3)[0]
    result = replace(result_of(phantom, 1), name=PATIENT, file=f"{PATIENT}.png")
    within = folder / "review" / PATIENT
    within.mkdir(parents=True)
    told = measures_json(run_record(MODEL, "cpu", "torch", "f32"), [result.to_record()])
    for place in (folder, within):
        (place / "measures.json").write_text(told)
    (folder / "frame.png").write_bytes(frame_png(phantom.frame))
    (folder / "overlay.png").write_bytes(overlay_png(result))
    for path in (folder / "mask.png", within / f"{PATIENT}_mask.png"):
        path.write_bytes(mask_png(result))
    correct(within, "", PATIENT)
    return folder


def test_a_frame_of_the_page_takes_its_corrections_along_without_a_name(tmp_path: Path) -> None:
    planned = page_plan(page_folder(tmp_path / "page"), "", tmp_path / "sent")
    folder = tmp_path / "sent" / "cases" / planned.name
    assert planned.logs == [f"cases/{planned.name}/corrections.jsonl"]
    assert not [path for path in folder.rglob("*") if path.is_file() and b"JANE" in path.read_bytes()]
    case = open_saved(folder)
    (stem,) = case.stems
    log = CorrectionLog(folder / "corrections.jsonl", head_of(case.run, ""))
    np.testing.assert_array_equal(Corrections(case, log).labels(stem), wider(case.labels(stem)))
    log.close()
    assert f"cases/{planned.name}/corrected/measures.json" in planned.files


def test_corrections_of_outlines_that_the_page_has_no_more_stay_here(tmp_path: Path) -> None:
    folder = page_folder(tmp_path / "page")
    with Image.open(folder / "mask.png") as mask:
        other = np.asarray(mask).copy()
    other[:] = 2
    indexed_image(other).save(folder / "mask.png")
    planned = page_plan(folder, "", tmp_path / "sent")
    assert planned.logs == []
    assert [name.rpartition("/")[2] for name in planned.files if "correct" in name] == []


@pytest.mark.slow
def test_the_viewer_sees_a_row_a_frame_of_a_pullback(
    hub: HubServer, corrected: tuple[Path, Path], tmp_path: Path
) -> None:
    token = hub.add_user("joe")
    out, stack = corrected
    push(hub, tmp_path / "home", token, [out, "joe/results", "--frames", stack, "--yes", "--corrected"])
    code = """
        import numpy as np
        from datasets import load_dataset
        rows = load_dataset("joe/results", split="results")
        print([(row["case"][-5:], row["image"].size, row["overlay"].size, row["lumen_area_mm2"] > 0) for row in rows])
        print([np.unique(np.array(row["mask"])).tolist()[:2] for row in rows])
    """
    told = run_client(hub, tmp_path / "home", code, token).stdout
    assert [f"('/000{number}', (704, 704), (704, 704), True)" in told for number in (1, 2, 3)] == [True] * 3
    assert "[[0, 1], [0, 1], [0, 1]]" in told
