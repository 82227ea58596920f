"""Sharing results: what is sent and what is not, where it goes, and how it is taken back."""

import csv
import io
import json
import os
import pty
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image, PngImagePlugin

from hub.__main__ import main
from hub.cards.results import with_row, without_row
from hub.cases import Case, plan
from hub.errors import HubError
from hub.predicted import page_case, predicted_cases
from hub.results import offer, place, take_back
from octseg.errors import PublishingError
from octseg.export.run import RunWriter
from octseg.measurement.frame import FrameMeasures
from octseg.publishing import PRIVATE_KEYWORD, PRIVATE_TEXT
from octseg.pullback import PixelScale, frame_sha256
from octseg.result import FrameResult, ModelIdentity
from tests.forking import python
from tests.hub_client import environment, run_client
from tests.hub_server import Fault, HubServer

LINK = "LINK"
PATIENT = "DOE_JANE_19450312"
MODEL = ModelIdentity(name="jane_does_model", source="folder", revision=None, sha256="ab" * 32)


def square(top: int, size: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top : top + size, 10 : 10 + size] = True
    return mask


def made(level: int, name: str = PATIENT) -> FrameResult:
    """A result of 60 x 80 px whose frame has one grey level and whose file has a patient's name."""
    masks = {"lumen": square(5, 30), "lipid_core": square(25, 20)}
    return FrameResult(
        name=name,
        file=f"{name}.png",
        frame=np.full((60, 80, 3), level, np.uint8),
        masks=masks,
        probabilities={},
        measures=FrameMeasures(lipid_core_area_px=400.0, lipid_core_area_mm2=1.25, lipid_arc_deg=90.0),
        scale=PixelScale(pixel_spacing_mm=0.00668, source="ruler", evidence=f"Ruler of {name}.png: 9 dots"),
        device="cpu",
        backend="torch",
        model=MODEL,
        warnings=(f"{name} reaches the edge", "<b>bold</b>"),
    )


def predict(folder: Path, *results: FrameResult) -> tuple[Path, Path]:
    """What `octseg predict` writes for frames, and the folder of these frames, which bear a patient's name."""
    frames, out = folder / "frames", folder / "out"
    frames.mkdir(parents=True)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Patient", PATIENT)
    with RunWriter(out, MODEL, "cpu", "torch") as writer:
        for result in results:
            exif = Image.Exif()
            exif[0x010E] = PATIENT
            Image.fromarray(result.frame).save(frames / result.file, pnginfo=texts, exif=exif)
            files = {"mask_file": f"{result.name}_mask.png", "overlay_file": f"{result.name}_overlay.png"}
            writer.write(result, result.name, files)
    return out, frames


@pytest.fixture
def case(tmp_path: Path) -> Case:
    out, frames = predict(tmp_path / "one", made(100))
    (found,) = predicted_cases(out, [frames])
    return found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as running:
        yield running


# What a case is made of


def test_a_case_lies_under_the_hash_of_its_pixels(case: Case) -> None:
    folder = f"cases/{frame_sha256(case.frame)[:16]}"
    names = ("frame.png", "mask.png", "overlay.png", "measures.csv", "measures.json", "report.html")
    assert list(plan(case).files) == [f"{folder}/{name}" for name in names]


def test_the_same_case_gives_the_same_bytes_and_another_frame_another_folder(case: Case) -> None:
    assert plan(case).files == plan(case).files
    other = replace(case, frame=case.frame + np.uint8(1))
    assert not plan(other).files.keys() & plan(case).files.keys()


def test_nothing_that_is_sent_names_the_patient(case: Case) -> None:
    sent = plan(case)
    everything = b"".join(bytes(content) for content in sent.files.values()) + json.dumps(sent.row).encode()
    for name in (PATIENT, "JANE", "jane_does_model"):
        assert name.encode() not in everything
    assert b"Ruler of the file: 9 dots" in everything


def test_unknown_keys_of_measures_json_stay_here(case: Case) -> None:
    record, run = {**case.record, "patient": "Jane"}, {**case.run, "operator": "Jane"}
    sent = plan(replace(case, record=record, run=run))
    assert not any(b"Jane" in bytes(content) for content in sent.files.values())


def test_pictures_are_their_pixels_and_no_text(case: Case) -> None:
    files = plan(case).files
    for name, pixels in (("frame", case.frame), ("mask", case.mask), ("overlay", case.overlay)):
        picture = Image.open(io.BytesIO(bytes(files[f"cases/{case.name}/{name}.png"])))
        assert picture.info.keys() <= {"transparency"}
        assert np.array_equal(np.asarray(picture), pixels)


def test_the_tables_hold_the_measures_and_the_hashed_names(case: Case) -> None:
    files = plan(case).files
    (record,) = json.loads(bytes(files[f"cases/{case.name}/measures.json"]))["frames"]
    (row,) = csv.DictReader(io.StringIO(bytes(files[f"cases/{case.name}/measures.csv"]).decode()))
    assert (record["file"], record["case"], record["lipid_core_area_mm2"]) == ("frame.png", case.name, 1.25)
    assert (row["file"], row["lipid_core_area_mm2"]) == ("frame.png", "1.25")
    assert plan(case).row["lipid_core_area_mm2"] == 1.25


def test_the_report_stands_alone_and_says_scale_model_warnings_and_research_use(case: Case) -> None:
    page = bytes(plan(replace(case, attribution="Ada, CC BY 4.0")).files[f"cases/{case.name}/report.html"]).decode()
    for said in (
        "Research use only, not a medical device",
        "0.00668 mm per pixel, source: ruler",
        f"sha256 {MODEL.sha256}",
        "1.250 mm²",
        "not measured",
        "&lt;b&gt;bold&lt;/b&gt;",
        "Ada, CC BY 4.0",
    ):
        assert said in page
    assert page.count("src=") == page.count('src="data:image/') == 3
    assert "http" not in page


@pytest.mark.parametrize("sentence", ["{stem}_b reaches the edge", "see x{stem}", "of {stem}.png", "{stem}"])
def test_a_long_name_of_a_file_is_left_out_inside_words_too(case: Case, sentence: str) -> None:
    record = {**case.record, "warnings": [sentence.format(stem=PATIENT)]}
    assert not any(PATIENT.encode() in bytes(content) for content in plan(replace(case, record=record)).files.values())


def test_a_short_name_of_a_file_is_left_out_as_a_word_only(case: Case) -> None:
    record = {**case.record, "file": "cap.png", "warnings": ["cap is thin, its capsule is not"]}
    assert b"the file is thin, its capsule is not" in bytes(
        plan(replace(case, record=record)).files[f"cases/{case.name}/report.html"]
    )


def test_the_notice_is_ours_whatever_measures_json_says(case: Case) -> None:
    sent = plan(replace(case, run={**case.run, "notice": "Jane Doe is ill"})).files[f"cases/{case.name}/measures.json"]
    assert json.loads(bytes(sent))["notice"] == "Research use only, not a medical device"


@pytest.mark.parametrize(
    ("source", "name", "shared"),
    [
        ("hub", "org/name", "org/name"),
        ("bundled", "octseg-bundled", "octseg-bundled"),
        ("hub", "Jane Doe", "a folder"),
        ("bundled", "jane_doe", "a folder"),
        ("folder", "org/name", "a folder"),
    ],
)
def test_a_model_is_named_only_where_its_name_is_public(case: Case, source: str, name: str, shared: str) -> None:
    model = {**case.run["model"], "source": source, "name": name}
    assert plan(replace(case, run={**case.run, "model": model})).row["model"] == shared


# What is read


def spoilt(folder: Path, place: Sequence[str], value: Any) -> None:
    """Another value in measures.json, at a key of its head, its model or, after "frames", its first frame."""
    told = json.loads((folder / "measures.json").read_text())
    *way, last = place
    inner = told
    for key in way:
        inner = inner[key][0] if key == "frames" else inner[key]
    inner[last] = value
    (folder / "measures.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model",), None),
        (("model", "name"), None),
        (("model", "source"), ["hub"]),
        (("device",), 5),
        (("octseg",), "\ud800"),
        (("frames",), []),
        (("frames", "lipid_arc_deg"), float("nan")),
        (("frames", "lipid_arc_deg"), 10**400),
        (("frames", "lipid_arc_deg"), "90"),
        (("frames", "lipid_arc_deg"), [90.0]),
        (("frames", "lipid_arcs_deg"), 90.0),
        (("frames", "meets_tcfa_criteria"), 1),
        (("frames", "lipid_cores"), "x"),
        (("frames", "lipid_cores"), [{"arc_deg": 90.0}]),
        (("frames", "pixel_spacing_evidence"), 5),
        (("frames", "warnings"), None),
        (("frames", "warnings"), [None]),
        (("frames", "warnings"), ["\ud800"]),
        (("frames", "file"), ["a.png"]),
        (("frames", "intervals_95"), None),
        (("frames", "intervals_95"), "x"),
        (("frames", "intervals_95"), {"lipid_arc_deg": [1.0]}),
        (("frames", "intervals_95"), {"Jane Doe": None}),
    ],
)
def test_a_measures_json_that_says_something_else_is_refused(
    tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    out, frames = predict(tmp_path, made(100))
    spoilt(out, place, value)
    with pytest.raises(HubError, match="is not what this version writes; run `octseg predict` again"):
        list(predicted_cases(out, [frames]))


@pytest.mark.parametrize("key", ["pixel_spacing_mm", "height", "warnings", "lipid_arc_deg"])
def test_a_measures_json_that_lacks_a_part_is_refused(tmp_path: Path, key: str) -> None:
    out, frames = predict(tmp_path, made(100))
    told = json.loads((out / "measures.json").read_text())
    del told["frames"][0][key]
    (out / "measures.json").write_text(json.dumps(told))
    with pytest.raises(HubError, match="is not what this version writes"):
        list(predicted_cases(out, [frames]))


def test_a_measures_json_without_an_end_of_its_depth_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (out / "measures.json").write_text("[" * 100_000)
    with pytest.raises(HubError, match="is not what this version writes"):
        list(predicted_cases(out, [frames]))


def test_intervals_are_shared_with_their_measures(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    spoilt(out, ("frames", "intervals_95"), {"lipid_arc_deg": [80.0, 100.0], "lumen_area_mm2": None})
    (found,) = predicted_cases(out, [frames])
    report = plan(found).files[f"cases/{found.name}/report.html"]
    assert "95 %: 80 to 100" in bytes(report).decode()


def test_an_attribution_that_is_no_text_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    with pytest.raises(HubError, match="the attribution holds characters that are no text"):
        list(predicted_cases(out, [frames], "Ada \udcff"))


def as_page(folder: Path) -> Path:
    """What the page keeps of one frame."""
    out, _ = predict(folder, made(100))
    for kind in ("mask", "overlay"):
        (out / f"{PATIENT}_{kind}.png").rename(out / f"{kind}.png")
    Image.fromarray(made(100).frame).save(out / "frame.png")
    return out


@pytest.mark.parametrize("name", ["measures.json", "frame.png"])
def test_a_file_that_the_page_keeps_no_more_is_told(tmp_path: Path, name: str) -> None:
    page = as_page(tmp_path)
    (page / name).unlink()
    with pytest.raises(HubError, match="the server keeps no files of this frame any more; measure it again"):
        page_case(page)


@pytest.mark.parametrize("kind", ["no file", "a file for a folder", "a NUL", "a long name"])
@pytest.mark.parametrize("what", ["folder", "frames"])
def test_an_odd_path_is_told_in_one_sentence(
    tmp_path: Path, what: str, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    out, frames = predict(tmp_path, made(100))
    odd = {
        "no file": tmp_path / "none",
        "a file for a folder": out / "measures.json" / "x",
        "a NUL": "a\0b",
        "a long name": "x" * 5000,
    }[kind]
    folder, given = (odd, frames) if what == "folder" else (out, odd)
    assert main(["push-results", str(folder), "ada/results", "--frames", str(given)]) == 1
    said = capsys.readouterr().err
    assert (said[:5], said.count("\n")) == ("hub: ", 1)


@pytest.mark.parametrize("name", ["a\0b", "ada", "ada/re\0sults", ""])
def test_what_is_no_name_of_a_repository_is_told_as_such(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    out, frames = predict(tmp_path, made(100))
    for flags in ([str(out), name, "--frames", str(frames)], ["--undo", "d0bb" * 10, name]):
        assert main(["push-results", *flags]) == 1
        assert capsys.readouterr().err.endswith(f"hub: {name} is no name of a repository; give org/name\n")


# The table


def test_lines_may_hold_other_line_ends_and_begin_with_a_byte_order_mark() -> None:
    standing = '\ufeff{"case": "a", "attribution": "Ada\u2028Bob\x85"}\r\n\n{"case": "b"}'
    assert without_row("b")(standing) == '{"case": "a", "attribution": "Ada\u2028Bob\x85"}\n'


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "5", '{"image": "cat"}', '{"case": 5}', '{"case": "a"}\n{"case": "a", "cat": 1}', "x"]
)
def test_a_table_of_something_else_is_not_touched(line: str) -> None:
    with pytest.raises(HubError, match="is no table of octseg results, so it is not touched"):
        with_row({"case": "b"})(line)


def test_a_frame_that_is_not_there_is_told(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (frames / f"{PATIENT}.png").unlink()
    with pytest.raises(HubError, match="is not among --frames"):
        list(predicted_cases(out, [frames]))


def test_a_frame_of_the_same_name_from_another_folder_is_not_taken_for_it(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    Image.fromarray(made(101).frame).save(frames / f"{PATIENT}.png")
    with pytest.raises(HubError, match="has changed since it was measured"):
        list(predicted_cases(out, [frames]))
    (frames / "b").mkdir()
    Image.fromarray(made(100).frame).save(frames / "b" / f"{PATIENT}.png")
    assert len(list(predicted_cases(out, [frames]))) == 1


def test_a_mask_of_the_same_name_is_passed_over(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    (frames / "a_mask").mkdir()
    made(100).palette_mask().save(frames / "a_mask" / f"{PATIENT}.png")
    assert len(list(predicted_cases(out, [tmp_path / "frames"]))) == 1


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("measures.json", "has no measures.json"), (f"{PATIENT}_mask.png", "missing or cannot be read")],
)
def test_a_file_that_is_missing_is_told_in_one_sentence(tmp_path: Path, missing: str, reason: str) -> None:
    out, frames = predict(tmp_path, made(100))
    (out / missing).unlink()
    with pytest.raises(HubError, match=reason):
        list(predicted_cases(out, [frames]))


def test_a_frame_that_bears_the_mark_of_private_data_is_refused(tmp_path: Path) -> None:
    out, frames = predict(tmp_path, made(100))
    mark = PngImagePlugin.PngInfo()
    mark.add_text(PRIVATE_KEYWORD, PRIVATE_TEXT)
    Image.fromarray(made(100).frame).save(frames / f"{PATIENT}.png", pnginfo=mark)
    with pytest.raises(PublishingError, match="mark of private frames"):
        list(predicted_cases(out, [frames]))


# What the Hub holds afterwards


@dataclass(frozen=True)
class Done:
    """One command: its exit status, its words, and the link that it printed last."""

    status: int
    stdout: str
    stderr: str

    @property
    def link(self) -> str:
        return self.stdout.split()[-1]


def push(hub: HubServer, home: Path, token: str, *commands: Sequence[str | Path]) -> list[Done]:
    """`push-results` with each list of flags, one after the other in one process, which takes seconds to start.

    LINK among the flags stands for the link that was printed last.
    """
    code = f"""
        import contextlib, io, json
        from hub.__main__ import main
        link = ""
        for flags in json.loads({json.dumps([[str(flag) for flag in flags] for flags in commands])!r}):
            words = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(words[0]), contextlib.redirect_stderr(words[1]):
                status = main(["push-results", *(link if flag == {LINK!r} else flag for flag in flags)])
            link = (words[0].getvalue().split() or [link])[-1]
            print(json.dumps([status, *(each.getvalue() for each in words)]))
    """
    done = run_client(hub, home, code, token)
    assert token not in done.stdout + done.stderr
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


def table(hub: HubServer, repository: str) -> list[str]:
    """The cases in the table of a repository."""
    lines = hub.files("dataset", repository).get("metadata.jsonl", b"").splitlines()
    return [json.loads(line)["case"] for line in lines]


def case_of(level: int) -> str:
    return frame_sha256(made(level).frame)[:16]


def test_results_go_to_a_private_repository_in_a_commit_a_case_and_only_once(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("ada")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    command = [out, "ada/results", "--frames", frames, "--yes"]
    first, again = push(hub, tmp_path / "home", token, command, command)
    assert (first.status, again.status) == (0, 0), first.stderr + again.stderr
    assert hub.is_private("dataset", "ada/results")
    assert hub.commits("dataset", "ada/results")[:2] == [f"Share result {case_of(150)}", f"Share result {case_of(100)}"]
    assert hub.commits("dataset", "ada/results")[2:] == ["initial commit"]
    assert first.link == f"{hub.url}/datasets/ada/results/commit/{hub.head('dataset', 'ada/results')}"
    files = hub.files("dataset", "ada/results")
    assert table(hub, "ada/results") == [case_of(100), case_of(150)]
    assert files[f"cases/{case_of(100)}/frame.png"].startswith(b"\x89PNG")
    assert b"Research use only" in files["README.md"]


def test_what_goes_where_is_listed_before_anything_is_sent(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("bob")
    out, frames = predict(tmp_path, made(100))
    hub.clear_requests()
    where = [out, "bob/results", "--frames", frames]
    dry, unasked = push(hub, tmp_path / "home", token, [*where, "--dry-run"], where)
    assert "1 frame(s), 6 files, go to bob/results, a new private dataset repository:" in dry.stderr
    assert f"cases/{case_of(100)}/overlay.png" in dry.stderr
    assert "the pixels of every frame are shared as they are" in dry.stderr
    assert (dry.status, unasked.status) == (0, 1)
    assert "nothing was sent: nobody can be asked here; say --yes if it may be" in unasked.stderr
    assert {request.method for request in hub.requests} == {"GET"}
    assert not hub.repo_exists("dataset", "bob/results")


@pytest.mark.parametrize(("answers", "public"), [("y no", None), ("y no personal data", True)])
def test_on_a_terminal_each_step_is_typed(hub: HubServer, tmp_path: Path, answers: str, public: bool | None) -> None:
    user = f"cyd-{len(answers)}"
    token = hub.add_user(user)
    out, frames = predict(tmp_path, made(100))
    ours, theirs = pty.openpty()
    os.write(ours, (answers.replace(" ", "\n", 1) + "\n").encode())
    flags = [str(out), f"{user}/results", "--frames", str(frames), "--public"]
    (tmp_path / "home").mkdir()
    done = python(["-m", "hub", "push-results", *flags], environment(hub, tmp_path / "home", token), os.ttyname(theirs))
    assert done.returncode == (0 if public else 1), done.stderr
    assert hub.repo_exists("dataset", f"{user}/results") == bool(public)
    if public:
        assert not hub.is_private("dataset", f"{user}/results")


def test_a_public_repository_is_refused_unless_it_is_agreed_to_twice(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("dan")
    hub.create_repo("dataset", "dan/open")
    out, frames = predict(tmp_path, made(100))
    where = [out, "dan/open", "--frames", frames, "--yes"]
    private, once, twice = push(
        hub, tmp_path / "home", token, where, [*where, "--public"], [*where, "--public", "--yes-no-personal-data"]
    )
    assert (private.status, once.status, twice.status) == (1, 1, 0), twice.stderr
    assert "dan/open is public, so everybody could see what is sent there" in private.stderr
    assert "say --yes-no-personal-data if it may be" in once.stderr
    assert table(hub, "dan/open") == [case_of(100)]


def test_undo_takes_out_what_its_commit_shared_and_no_more(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("eva")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    _, undone, second, unknown = push(
        hub,
        tmp_path / "home",
        token,
        [out, "eva/results", "--frames", frames, "--yes"],
        ["--undo", LINK, "eva/results"],
        ["--undo", LINK, "eva/results"],
        ["--undo", "0" * 40, "eva/results"],
    )
    assert undone.status == 0, undone.stderr
    assert "history still holds it" in undone.stderr
    assert "shared no result, so there is nothing to take back" in second.stderr
    assert (second.status, unknown.status) == (1, 1)
    assert table(hub, "eva/results") == [case_of(100)]
    folders = {path.split("/")[1] for path in hub.files("dataset", "eva/results") if path.startswith("cases/")}
    assert folders == {case_of(100)}
    assert hub.commits("dataset", "eva/results")[0] == f"Take back result {case_of(150)}"


def commit(title: str, message: str, name: str = "c" * 40) -> SimpleNamespace:
    return SimpleNamespace(commit_id=name, title=title, message=message)


def history_of(monkeypatch: pytest.MonkeyPatch, *commits: SimpleNamespace) -> list[str]:
    """The Hub's answer to what commits there are; the list holds the revisions that it is asked for."""
    asked: list[str] = []

    def answer(_api: HfApi, _repository: str, *, revision: str, repo_type: str) -> list[SimpleNamespace]:
        asked.append(revision)
        return list(commits)

    monkeypatch.setattr(HfApi, "list_repo_commits", answer)
    return asked


@pytest.mark.parametrize("pasted", ["{}", " {} ", "{}/", "https://hf.co/datasets/a/b/commit/{}?x=1", "x/commit/{}#a"])
def test_a_pasted_link_is_a_commit(monkeypatch: pytest.MonkeyPatch, pasted: str) -> None:
    asked = history_of(monkeypatch)
    with pytest.raises(HubError, match="shared no result"):
        take_back(pasted.format("d0bb" * 10), "ada/results", "hf_none")
    assert asked == ["d0bb" * 10]


@pytest.mark.parametrize(
    "title", ["Add scans", "Share result", "Take back result 0123456789abcdef", "Share 2 resultss"]
)
def test_a_commit_of_somebody_elses_is_not_taken_back(monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    history_of(monkeypatch, commit(title, "cases/0123456789abcdef"))
    with pytest.raises(HubError, match="commit ccccccc of ada/scans shared no result"):
        take_back("c" * 40, "ada/scans", "hf_none")


def test_what_was_shared_again_stays_when_the_older_commit_is_taken_back(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("kim")
    out, frames = predict(tmp_path, made(100))
    command = [out, "kim/results", "--frames", frames, "--yes"]
    first, again = push(hub, tmp_path / "home", token, command, [*command, "--attribution", "Ada, CC BY 4.0"])
    (refused,) = push(hub, tmp_path / "home2", token, ["--undo", first.link, "kim/results"])
    assert refused.status == 1
    assert f"was shared again by commit {again.link.rpartition('/')[2][:7]}; take that back" in refused.stderr
    assert table(hub, "kim/results") == [case_of(100)]


def test_a_line_that_somebody_adds_meanwhile_is_kept(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("fay")
    hub.create_repo("dataset", "fay/results", private=True)
    out, frames = predict(tmp_path, made(100))
    meanwhile = hub.fail(r"POST .*/fay/results/commit/", "delay", seconds=1.5)
    adding = threading.Thread(target=add_line_while, args=(hub, meanwhile))
    adding.start()
    (done,) = push(hub, tmp_path / "home", token, [out, "fay/results", "--frames", frames, "--yes"])
    adding.join()
    assert done.status == 0, done.stderr
    assert table(hub, "fay/results") == ["theirs", case_of(100)]


def add_line_while(hub: HubServer, fault: Fault) -> None:
    """Commit a line of somebody else's while the request that `fault` holds up waits."""
    until = time.monotonic() + 60
    while not fault.met and time.monotonic() < until:
        time.sleep(0.02)
    hub.put_commit("dataset", "fay/results", {"metadata.jsonl": b'{"case": "theirs"}\n'})


def test_who_may_not_write_opens_a_pull_request_with_all_cases(hub: HubServer, tmp_path: Path) -> None:
    hub.add_user("gus", orgs={"lab": "write"})
    token = hub.add_user("hal", orgs={"lab": "read"})
    hub.create_repo("dataset", "lab/results", private=True)
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    where = [out, "lab/results", "--frames", frames, "--yes"]
    refused, opened = push(hub, tmp_path / "home", token, where, [*where, "--create-pr"])
    assert refused.status == 1
    assert "may not write to lab/results" in refused.stderr
    assert opened.status == 0, opened.stderr
    assert opened.link == f"{hub.url}/datasets/lab/results/discussions/1"
    assert table(hub, "lab/results") == []
    assert hub.commits("dataset", "lab/results", "refs/pr/1")[0] == "Share 2 results"


def test_a_repository_of_other_things_is_not_touched(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("ivy")
    hub.create_repo("dataset", "ivy/cats", private=True)
    hub.put_commit("dataset", "ivy/cats", {"cat.png": b"cat"})
    out, frames = predict(tmp_path, made(100))
    (done,) = push(hub, tmp_path / "home", token, [out, "ivy/cats", "--frames", frames, "--yes"])
    assert "ivy/cats holds other things than results already" in done.stderr
    assert hub.commits("dataset", "ivy/cats")[0] == "Add files"


@pytest.mark.slow
def test_the_viewer_sees_three_pictures_and_the_measures_of_each_case(hub: HubServer, tmp_path: Path) -> None:
    token = hub.add_user("joe")
    out, frames = predict(tmp_path, made(100, "a"), made(150, "b"))
    push(hub, tmp_path / "home", token, [out, "joe/results", "--frames", frames, "--yes"])
    code = """
        import numpy as np
        from datasets import load_dataset
        rows = load_dataset("joe/results", split="results")
        print(sorted(rows.features), [np.unique(np.array(row["mask"])).tolist() for row in rows])
        print([(row["image"].size, row["overlay"].size, row["lipid_core_area_mm2"]) for row in rows])
    """
    told = run_client(hub, tmp_path / "home", code, token).stdout
    assert "'image'" in told
    assert "'overlay'" in told
    assert "[[0, 1, 3], [0, 1, 3]]" in told
    assert "[((80, 60), (80, 60), 1.25), ((80, 60), (80, 60), 1.25)]" in told


# Tokens


class Echo(BaseHTTPRequestHandler):
    """A server that repeats what it is sent, as a proxy that explains itself might."""

    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        said = f"do not know {self.headers.get('Authorization')}"
        self.heard.append(said)
        body = json.dumps({"error": said}).encode()
        self.send_response(400)
        self.send_header("X-Error-Message", said)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def test_a_token_that_the_server_repeats_is_in_no_traceback_and_no_message(tmp_path: Path) -> None:
    token = "hf_" + "Secret7" * 5
    out, frames = predict(tmp_path, made(100))
    (tmp_path / "home").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = f"""
            from hub.__main__ import main
            main(["push-results", {str(out)!r}, "ada/results", "--frames", {str(frames)!r}, "--yes"])
            from hub.results import place
            place("ada/results", {token!r})
        """
        told = environment(f"http://127.0.0.1:{server.server_port}", tmp_path / "home", token)
        done = python(["-c", dedent(code)], told)
        server.shutdown()
    assert any(token in said for said in Echo.heard)
    assert "do not know Bearer hf_..." in done.stderr
    assert "hub: the Hub refuses ada/results (status 400)" in done.stderr
    assert "Secret7" not in done.stdout + done.stderr


@pytest.mark.parametrize("answer", [{}, [], None, {"name": None}, {"name": ""}, "ada"])
def test_an_account_without_a_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(HfApi, "whoami", lambda _api: answer)
    with pytest.raises(HubError, match="the Hub does not say whose token it is"):
        offer(as_page(tmp_path), "", "hf_none", public=False, attribution="")


def test_what_is_no_token_is_refused_before_it_is_sent_and_not_repeated() -> None:
    with pytest.raises(HubError, match="what was given as a token is none") as refused:
        place("ada/results", "hf_pass word")
    assert "pass" not in str(refused.value)
