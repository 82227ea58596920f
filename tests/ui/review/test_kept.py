"""Reviews of what the page has made: opened by a result's key alone, gone with it, taken home as a ZIP."""

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import octseg
from octseg.correction.runs import changes
from octseg.correction.saved import open_saved
from octseg.correction.unpacking import unpacked
from octseg.errors import CorrectionError
from octseg.pullback import Pullback
from octseg.ui.later import Later
from octseg.ui.limits import ServerLimits
from octseg.ui.markup import on_page
from octseg.ui.model_turns import ModelTurns
from octseg.ui.review.kept import MOST_AT_ONCE, MOST_OPEN, Reviews
from octseg.ui.review.server import review_routes
from octseg.ui.run import REMEMBERED, Given, PullbackRun, Runs
from tests.fakes.corrected import LIPID, SIDE, disc, painted, result_of, vessel

SPOT = disc((SIDE, SIDE), 80, 352, 12)


@dataclass
class Server:
    """What a server keeps for its visitors, and its reviews."""

    visitors: Path
    runs: Runs
    later: Later
    reviews: Reviews
    client: TestClient

    def frame(self, key: str) -> str:
        """A frame's result; its key."""
        phantom = vessel(1)[0]
        (self.visitors / key).mkdir()
        source = self.visitors / f"{key}.png"
        Image.fromarray(phantom.frame).save(source)
        self.later.promise(result_of(phantom, 1), source, self.visitors / key)
        return key

    def run(self, key: str, segmenter: octseg.Segmenter) -> PullbackRun:
        """A pullback's, not begun."""
        frames = [phantom.frame for phantom in vessel(2)]
        (self.visitors / key).mkdir()
        source = self.visitors / f"{key}.dcm"
        source.touch()
        pullback = Pullback(name="vessel", frame_count=2, read_frames=lambda: iter(frames), frame_spacing_mm=0.2)
        folder = self.visitors / key
        run = PullbackRun(pullback, Given(kind=""), source, folder, segmenter, ModelTurns(1), self.runs)
        self.runs.add(run)
        return run

    def stroke(self, key: str) -> dict:
        with self.reviews.using(key) as session:
            stem = next(iter(session.case.stems))
            before = session.corrections.labels(stem)
            return {"kind": "brush", "class": "lipid_core", "runs": changes(before, painted(before, SPOT, LIPID))}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    runs, later = Runs(ServerLimits()), Later()
    reviews = Reviews(runs, later, tmp_path)
    routes = review_routes(lambda request: reviews.using(request.path_params["key"], request.method == "POST"), on_page)
    client = TestClient(Starlette(routes=[Mount("/octseg/review/{key}", routes=routes)]))
    client.base_url = client.base_url.join("/octseg/review/")
    return Server(tmp_path, runs, later, reviews, client)


def test_a_frame_is_corrected_and_taken_home(server: Server, tmp_path: Path) -> None:
    key = server.frame("a" * 32)
    assert "vessel: review" in server.client.get(f"{key}/").text
    drawn = server.client.post(f"{key}/frames/0/draw", json=server.stroke(key)).json()
    assert "Of your corrected outlines (1 stroke)" in drawn["numbers"]
    said = server.client.post(f"{key}/export").json()
    assert said["file"] == "vessel_corrected.zip"
    home = tmp_path / said["file"]
    home.write_bytes(server.client.get(f"{key}/results.zip").content)
    folder = unpacked(home)
    before, after = open_saved(folder), open_saved(folder / "corrected")
    assert (before.labels("vessel")[80, 352], after.labels("vessel")[80, 352]) == (0, LIPID)
    assert len((folder / "corrections.jsonl").read_text().splitlines()) == 2


def test_an_export_leaves_nothing_on_the_servers_disk_and_holds_what_was_drawn_when_it_began(server: Server) -> None:
    key = server.frame("a" * 32)
    server.client.post(f"{key}/frames/0/draw", json=server.stroke(key))
    with server.reviews.using(key) as session:
        lies = sorted(server.visitors.rglob("*"))
        pieces = session.zipped()
        content = next(pieces)
        assert "already" in server.client.post(f"{key}/export").text
        assert server.client.post(f"{key}/undo").status_code == 200
        content += b"".join(pieces)
    assert sorted(server.visitors.rglob("*")) == lies
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert len(archive.read("corrections.jsonl").splitlines()) == 2
    assert archive.read("corrected/corrections.jsonl") == archive.read("corrections.jsonl")
    assert json.loads(archive.read("corrected/measures.json"))["frames"][0]["strokes"] == 1
    assert server.client.post(f"{key}/export").status_code == 200


def test_exports_of_a_pullback_are_in_the_zip_and_gone_from_the_server(
    server: Server, segmenter: octseg.Segmenter
) -> None:
    run = server.run("a" * 32, segmenter)
    run.begin()
    run.wait(60)
    stroke = {**server.stroke(run.key), "overruled": True}
    server.client.post(f"{run.key}/frames/1/draw", json=stroke)
    lies = sorted(server.visitors.rglob("*"))
    said = server.client.post(f"{run.key}/export", json={"kinds": ["labelme", "coco", "report"]}).json()
    archive = zipfile.ZipFile(io.BytesIO(server.client.get(f"{run.key}/{said['href']}").content))
    names = archive.namelist()
    assert len(names) == len(set(names))
    assert {f"corrected/vessel_{end}" for end in ("coco.json", "report.html", "frames/vessel_0002.json")} <= set(names)
    assert "of 1 frame corrected by a reader without a name" in archive.read("corrected/vessel_report.html").decode()
    assert sorted(server.visitors.rglob("*")) == lies


def test_nobody_sees_what_is_another_visitors(server: Server) -> None:
    one, other = server.frame("a" * 32), server.frame("b" * 32)
    server.client.post(f"{one}/frames/0/draw", json=server.stroke(one))
    assert server.client.get(f"{one}/case.json").json()["status"]["states"] == ["corrected"]
    assert server.client.get(f"{other}/case.json").json()["status"]["states"] == ["model"]
    for key in ("c" * 32, "review", ".."):
        answer = server.client.get(f"{key}/case.json")
        assert answer.status_code in (404, 409)
        assert "vessel" not in answer.text


def test_a_pullback_is_reviewed_once_it_is_done(server: Server, segmenter: octseg.Segmenter) -> None:
    run = server.run("a" * 32, segmenter)
    assert "still under way" in server.client.get(f"{run.key}/case.json").text
    run.begin()
    run.wait(60)
    told = server.client.get(f"{run.key}/case.json").json()
    assert [each["number"] for each in told["frames"]] == [1, 2]
    assert told["frame_spacing_mm"] == 0.2
    along = server.client.get(f"{run.key}/frames/0/vessel").json()
    assert along["left"] == 0  # its frames are not measured again
    assert along["html"] == run_html(run)
    server.client.post(f"{run.key}/frames/1/draw", json={**server.stroke(run.key), "overruled": True})
    run.ask(frame_spacing_mm=0.5, asked=1.0)
    again = server.client.get(f"{run.key}/case.json").json()
    assert again["frame_spacing_mm"] == 0.5
    assert again["status"]["states"] == ["model", "corrected"]
    deadline = time.monotonic() + 60  # its frame is measured behind what is asked
    while server.client.get(f"{run.key}/frames/0/vessel").json()["left"]:
        assert time.monotonic() < deadline
    server.client.post(f"{run.key}/export")
    names = zipfile.ZipFile(io.BytesIO(server.client.get(f"{run.key}/results.zip").content)).namelist()
    assert {"vessel_measures.json", "vessel_pullback.json", "corrections.jsonl"} <= set(names)
    assert {"corrected/vessel_pullback.json", "corrected/vessel_0002_mask.png"} <= set(names)


def test_a_range_that_was_chosen_on_the_page_is_in_the_review_and_in_what_it_exports(
    server: Server, segmenter: octseg.Segmenter
) -> None:
    run = server.run("a" * 32, segmenter)
    run.begin()
    run.wait(60)
    with server.reviews.using(run.key) as session:
        before = session.corrections.labels("vessel_0002")
        runs = changes(before, painted(before, before == LIPID, 0))
    erased = {"kind": "eraser", "class": "lipid_core", "runs": runs}
    assert server.client.post(f"{run.key}/frames/1/draw", json=erased).status_code == 200
    run.ask(frames=(2, 2), asked=1.0)
    assert server.client.get(f"{run.key}/case.json").json()["range"] == [2, 2]
    archive = zipfile.ZipFile(io.BytesIO(server.client.get(f"{run.key}/results.zip").content))
    as_it_was, corrected = (
        json.loads(archive.read(f"{folder}vessel_pullback.json"))["range"] for folder in ("", "corrected/")
    )
    for told in (as_it_was, corrected):
        assert (told["first_frame"], told["last_frame"]) == (2, 2)
    assert (as_it_was["lipid_frame_count"], corrected["lipid_frame_count"]) == (1, 0)


def run_html(run: PullbackRun) -> str:
    """What the page says along the vessel."""
    told = json.loads((run.folder / "run.json").read_text())
    return f'<div class="oct-vessel">{told["vessel"]}</div><div class="oct-found">{told["plaques"]}</div>'


def test_a_review_goes_when_its_result_is_forgotten(server: Server, segmenter: octseg.Segmenter) -> None:
    run = server.run("a" * 32, segmenter)
    run.begin()
    run.wait(60)
    server.client.post(f"{run.key}/frames/0/draw", json={**server.stroke(run.key), "overruled": True})
    assert (run.folder / "review").is_dir()
    for number in range(REMEMBERED):
        server.run(f"{number:032x}", segmenter)
    assert "no longer holds this result" in server.client.get(f"{run.key}/case.json").text
    frame = server.frame("b" * 32)
    server.client.get(f"{frame}/case.json")
    assert not (run.folder / "review").exists()


def test_a_run_that_is_corrected_is_not_forgotten_before_others(server: Server, segmenter: octseg.Segmenter) -> None:
    run = server.run("a" * 32, segmenter)
    run.begin()
    run.wait(60)
    for number in range(REMEMBERED + 2):
        server.run(f"{number:032x}", segmenter)
        assert server.client.get(f"{run.key}/case.json").status_code == 200


def test_files_that_were_deleted_are_told_of(server: Server) -> None:
    key = server.frame("a" * 32)
    (server.visitors / f"{key}.png").unlink()
    answer = server.client.get(f"{key}/case.json")
    assert (answer.status_code, "send" in answer.text) == (409, True)


def test_a_visitor_is_told_what_to_do_on_the_page_and_of_no_command(server: Server) -> None:
    key = server.frame("a" * 32)
    server.client.get(f"{key}/case.json")
    (server.visitors / key / "review/vessel/vessel_mask.png").write_bytes(b"no picture")
    answer = server.client.get(f"{key}/frames/0.json")
    assert (answer.status_code, "send the frames again on the page" in answer.text) == (409, True)
    assert "octseg predict" not in answer.text


def test_of_many_reviews_the_oldest_are_let_go_and_lose_nothing(server: Server) -> None:
    keys = [server.frame(f"{number:032x}") for number in range(MOST_OPEN + 2)]
    server.client.post(f"{keys[0]}/frames/0/draw", json=server.stroke(keys[0]))
    with server.reviews.using(keys[0]) as first:
        pass
    for key in keys[1:]:
        assert server.client.get(f"{key}/case.json").status_code == 200
    assert first.stopped.is_set()
    with server.reviews.using(keys[0]) as again:
        assert again is not first
        assert again.told()["status"]["states"] == ["corrected"]


def test_what_is_worked_on_counts_as_new(server: Server) -> None:
    key = server.frame("a" * 32)
    old = time.time() - 3000
    stroke = server.stroke(key)
    paths = [server.visitors / f"{key}.png", server.visitors / key / "review/vessel/measures.json"]
    for path in paths:
        os.utime(path, (old, old))
    server.client.get(f"{key}/case.json")
    assert all(path.stat().st_mtime == pytest.approx(old) for path in paths)
    server.client.post(f"{key}/frames/0/draw", json=stroke)
    assert all(path.stat().st_mtime > time.time() - 60 for path in paths)


def test_a_key_that_nothing_is_kept_for_leaves_nothing(server: Server) -> None:
    with pytest.raises(CorrectionError, match="no longer holds"), server.reviews.using("d" * 32):
        pass
    assert list(server.visitors.iterdir()) == []


def test_a_flood_of_strokes_ends_where_there_is_no_more_room(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octseg.ui.review.kept.MOST_LOG_BYTES", 2000)
    key = server.frame("a" * 32)
    answers = [server.client.post(f"{key}/frames/0/judge", json={"verdict": "accepted"}) for _ in range(20)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 409
    assert "Export corrected results" in answers[-1].text
    assert (server.visitors / key / "review/vessel/corrections.jsonl").stat().st_size <= 2000
    assert server.client.post(f"{key}/export").status_code == 200


def test_of_reviews_with_many_strokes_fewer_are_open(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = server.frame("a" * 32), server.frame("b" * 32)
    monkeypatch.setattr("octseg.ui.review.kept.MOST_LOGS_BYTES", 3000)
    for key in (one, other):
        server.client.post(f"{key}/frames/0/draw", json=server.stroke(key))
    with server.reviews.using(one) as first:
        pass
    for _ in range(10):
        server.client.post(f"{other}/frames/0/judge", json={"verdict": "accepted"})
    assert first.stopped.is_set()
    assert server.client.get(f"{one}/case.json").json()["status"]["states"] == ["corrected"]


def test_a_review_of_which_too_much_is_asked_says_so_and_others_are_answered(server: Server) -> None:
    one, other = server.frame("a" * 32), server.frame("b" * 32)
    with ExitStack() as asked:
        for _ in range(MOST_AT_ONCE):
            asked.enter_context(server.reviews.using(one))
        assert "at once" in server.client.get(f"{one}/case.json").text
        assert server.client.get(f"{other}/case.json").status_code == 200
    assert server.client.get(f"{one}/case.json").status_code == 200
