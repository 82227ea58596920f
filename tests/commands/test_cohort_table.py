"""The table of a cohort's cases, as spreadsheets write it."""

import re
from pathlib import Path

import pytest

from octseg.commands.cohort_table import cases_of
from octseg.errors import ConfigError
from octseg.reading.cells import why_no_name
from tests.fakes.pullbacks import zipped


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("path;patient;frame_spacing_mm\r\na.dcm;007;0,2\r\n", "utf-8-sig"),
        ("path\tpatient\tframe_spacing_mm\na.dcm\t007\t0.2\n", "utf-16"),
        ("path\tpatient\tframe_spacing_mm\na.dcm\t007\t0.2\n", "utf-16-le"),
        ("path,patient,frame_spacing_mm\n“a.dcm”,'007,0.2,,,\n  ,,\n", "utf-8"),
        ("sep=;\r\npath;patient;frame_spacing_mm\r\na.dcm;007;0,2\r\n", "utf-8-sig"),
        ("Pullbacks, of Bern, of 2024\n\nFile ;patient;frame_spacing\na.dcm;007;0,2\n", "utf-8"),
        ("Pullback\n\npath;patient;frame_spacing_mm\na.dcm;007;0,2\n", "utf-8"),
        ("Case,Patient,Group\npath,patient,frame_spacing\na.dcm,007,0.2\n", "utf-8"),
        ("BMC study\npath,patient,frame_spacing\na.dcm,007,0.2\n", "utf-8"),
        ("File,,\nInput,,\npath,patient,frame_spacing_mm\na.dcm,007,0.2\n", "utf-8"),
        ('path,patient,frame_spacing_mm\na.dcm,"=""007""",0.2\npath,patient,frame_spacing_mm\n', "utf-8"),
        ("path,patient,frame_spacing_mm\ra.dcm, 007, 0.2\r", "utf-8"),
    ],
)
def test_a_table_is_read_as_a_spreadsheet_writes_it(tmp_path: Path, text: str, encoding: str) -> None:
    [case] = cases_of(table(tmp_path, text, encoding))
    assert (case.path, case.patient, case.frame_spacing_mm) == (tmp_path / "a.dcm", "007", 0.2)


@pytest.mark.parametrize(("frames", "read"), [("3.0", "3"), ("3,0", "3"), ("2 - 4", "2-4"), ("-", None), ("3.5", None)])
def test_frames_are_read_as_a_spreadsheet_writes_them(tmp_path: Path, frames: str, read: str | None) -> None:
    text = f"path;frames\na.dcm;{frames}\n"
    if read is not None:
        assert [case.frames for case in cases_of(table(tmp_path, text))] == [read]
        return
    with pytest.raises(ConfigError, match=f"row 2 of list.csv: {frames} is no range of frames"):
        cases_of(table(tmp_path, text))


def test_a_workbook_is_told_to_be_saved_as_csv(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"list\.csv is an Excel or OpenDocument file, not a CSV file: save the sheet"
    ):
        cases_of(table(tmp_path, "PK\x03\x04rest"))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("frame.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "a picture"),
        ("IMG001", bytes(128) + b"DICM" + bytes(40), "a DICOM file"),
        ("vessel.zip", zipped({"frame_1.png": b"-"}), "a ZIP archive"),
    ],
)
def test_a_pullback_in_place_of_a_list_is_called_what_it_is(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        ConfigError, match=f"{name} is {kind}, not a CSV file: give a list that names it, or the folder"
    ):
        cases_of(tmp_path / name)


@pytest.mark.parametrize("member", ["xl/workbook.xml", "content.xml", "Index/Document.iwa"])
def test_a_whole_spreadsheet_in_place_of_a_list_is_called_so(tmp_path: Path, member: str) -> None:
    (tmp_path / "list.csv").write_bytes(zipped({"mimetype": b"-", member: b"-"}))
    with pytest.raises(ConfigError, match="is an Excel or OpenDocument file"):
        cases_of(tmp_path / "list.csv")


def test_paths_as_a_mac_stores_them_are_found_as_they_are(tmp_path: Path) -> None:
    [case] = cases_of(table(tmp_path, "path\nA\u030a.dcm\n"))
    assert case.path.name == "A\u030a.dcm"


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["p1/IMG001", "p2/IMG001", "p2/IMG002"], ["p1_IMG001", "p2_IMG001", "IMG002"]),
        (["ph/a/images", "ph/b/images"], ["a", "b"]),
        (["D:\\oct\\p1\\run.dcm", "D:\\oct\\p2\\run.dcm"], ["p1_run", "p2_run"]),
    ],
)
def test_cases_without_a_name_are_told_apart_by_their_paths(tmp_path: Path, paths: list[str], ids: list[str]) -> None:
    cases = cases_of(table(tmp_path, "\n".join(["path", *paths])))
    assert [case.id for case in cases] == [case.name for case in cases] == ids


def test_the_folder_of_the_table_is_a_case_of_its_own_name(tmp_path: Path) -> None:
    [case] = cases_of(table(tmp_path, "path\n.\n"))
    assert (case.path, case.id) == (tmp_path, tmp_path.name)


def test_pictures_of_one_name_are_cases_of_two_names(tmp_path: Path) -> None:
    first, second = cases_of(table(tmp_path, "path\nrun.dcm\nrun.tif"))
    assert first.id != second.id
    assert first.name != second.name


@pytest.mark.parametrize("patient", ["#N/A", "nan", "?", "1.2E+05"])
def test_pullbacks_of_unknown_patients_are_not_those_of_one(tmp_path: Path, patient: str) -> None:
    with pytest.raises(ConfigError, match=f"row 3 of list.csv gives the patient '{re.escape(patient)}', .*leave it"):
        cases_of(table(tmp_path, f"path,patient\na.dcm,7\nb.dcm,{patient}\n"))


def test_a_group_may_be_that_of_none() -> None:
    """As of patients without a drug."""
    assert [why_no_name(group, "group") for group in ("none", "Unknown")] == [None, None]
    assert why_no_name("none") is not None


@pytest.mark.parametrize("group", ["#N/A", "nan", "-", "=A1", "1.2E+05"])
def test_pullbacks_of_no_group_are_not_one_group(tmp_path: Path, group: str) -> None:
    told = f"row 3 of list.csv gives the group '{re.escape(group)}', .*; write there which group it is of, or leave it"
    with pytest.raises(ConfigError, match=told):
        cases_of(table(tmp_path, f"path,group\na.dcm,statin\nb.dcm,{group}\n"))


@pytest.mark.parametrize("column", ["patient", "group"])
def test_a_patient_or_group_that_became_a_number_with_decimals_is_itself_again(tmp_path: Path, column: str) -> None:
    read = [
        [getattr(case, column) for case in cases_of(table(tmp_path, f"path;{column}\na.dcm;1\nb.dcm;{other}\n"))]
        for other in ("1.0", "1,00", "2.0", "1.5")
    ]
    assert read == [["1", "1"], ["1", "1"], ["1", "2"], ["1", "1.5"]]
    with pytest.raises(ConfigError, match=f"one {column} is spelt in two ways: '1' in row 2 .* and '1.0' in row 3"):
        cases_of(table(tmp_path, f"path,{column}\na.dcm,1\nb.dcm,1.0\nc.dcm,1.5\n"))


@pytest.mark.parametrize("column", ["patient", "group"])
def test_names_that_look_alike_are_one(tmp_path: Path, column: str) -> None:
    cases = cases_of(table(tmp_path, f"path,{column}\na.dcm,\u00c5 7\nb.dcm,A\u030a  7\n"))
    assert {getattr(case, column) for case in cases} == {"\u00c5 7"}


@pytest.mark.parametrize("other", ["p07", "P–07", "P 7", "P07\u00a0", "Р07"])
def test_a_patient_spelt_in_two_ways_is_told(tmp_path: Path, other: str) -> None:
    text = f"path,patient\na.dcm,P07\nb.dcm,{other}\nc.dcm,P08\n"
    if other.strip() == "P07":
        assert [case.patient for case in cases_of(table(tmp_path, text))] == ["P07", "P07", "P08"]
        return
    with pytest.raises(ConfigError, match=f"spelt in two ways: 'P07' in row 2 of list.csv, and '{other}' in row 3"):
        cases_of(table(tmp_path, text))


@pytest.mark.parametrize("other", ["G1", "g1\u200b", "g1"])
def test_a_group_spelt_in_two_ways_is_told(tmp_path: Path, other: str) -> None:
    text = f"path,group\na.dcm,g1\nb.dcm,{other}\nc.dcm,g-1\nd.dcm,\n"
    if other != "G1":
        assert [case.group for case in cases_of(table(tmp_path, text))] == ["g1", "g1", "g-1", ""]
        return
    with pytest.raises(ConfigError, match=r"group is spelt in two ways: 'g1' in row 2 of list.csv, and 'G1' in row 3"):
        cases_of(table(tmp_path, text))


@pytest.mark.parametrize("other", ["./a/run.dcm", "b/../a/run.dcm", "a\\run.dcm", "link.dcm"])
def test_one_path_in_two_spellings_would_count_twice(tmp_path: Path, other: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.dcm").write_bytes(b"")
    (tmp_path / "link.dcm").symlink_to(tmp_path / "a" / "run.dcm")
    with pytest.raises(ConfigError, match=r"row 3 of list.csv names the path .* again, after row 2"):
        cases_of(table(tmp_path, f"path,case\na/run.dcm,A\n{other},B\n"))
    two = cases_of(table(tmp_path, f"path,case,frames\na/run.dcm,A,1-20\n{other},B,21-40\n"))
    assert [case.frames for case in two] == ["1-20", "21-40"]


@pytest.mark.parametrize(
    ("ranges", "frames"),
    [
        (("1-20", "15-40"), "15-20"),
        (("", "7"), "7"),
        (("-20", "15-"), "15-20"),
        (("", "30-"), None),
        (("1-20", "21-40"), None),
    ],
)
def test_frames_that_two_rows_have_are_told_or_refused_for_two_patients(
    tmp_path: Path, ranges: tuple[str, str], frames: str | None
) -> None:
    def told(*patients: str) -> list[str]:
        rows = [
            f"{path},{asked},{patient}"
            for path, asked, patient in zip(("a.tif", "./a.tif"), ranges, patients, strict=True)
        ]
        sentences: list[str] = []
        text = "\n".join(["path,frames,patient", *rows, "b.tif,1-20,P3"])
        cases_of(table(tmp_path, text), "1-20", sentences.append)
        return sentences

    if frames is None:
        assert told("P1", "P1") == told("P1", "") == told("", "") == []
        return
    both = f"rows 2 and 3 of list.csv both have frames {frames} of a.tif, which count twice"
    assert told("P1", "P1") == [both]
    assert told("P1", "") == told("", "") == [f"{both}, as of two patients: give both rows the patient"]
    with pytest.raises(
        ConfigError, match=f"rows 2 and 3 of list.csv give frames {frames} of a.tif to two patients, 'P"
    ):
        told("P1", "P2")


def test_a_file_is_of_one_patient_whichever_frames_of_it(tmp_path: Path) -> None:
    (tmp_path / "stills").mkdir()
    rows = "{0},1-20,P1\n{0},21-40,{1}\n"
    listed = "path,frames,patient\n" + rows
    with pytest.raises(
        ConfigError, match=r"rows 2 and 3 of list\.csv give a\.tif to two patients, 'P1' and 'P2'; a file is of one"
    ):
        cases_of(table(tmp_path, listed.format("a.tif", "P2")))
    assert len(cases_of(table(tmp_path, listed.format("a.tif", "P1")))) == 2
    assert len(cases_of(table(tmp_path, listed.format("stills", "P2")))) == 2


def test_a_row_without_frames_has_those_of_all_and_is_refused_where_another_has_them(tmp_path: Path) -> None:
    text = "path,frames\na.tif,1-20\na.tif,\n"
    assert [case.frames for case in cases_of(table(tmp_path, text))] == ["1-20", "-"]
    with pytest.raises(ConfigError, match=r"row 3 of list\.csv names the path a\.tif again, after row 2"):
        cases_of(table(tmp_path, text), "1-20")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("path,file", "two columns for path, path and file"),
        ("path,patient,patient_id", "two columns for patient, patient and patient_id"),
        ("path,id,Case", "two columns for case, id and case"),
        ("path,frames,range", "two columns for frames, frames and range"),
        ("path,arm,group", "two columns for group, arm and group"),
        ("path,pixel_spacing_mm,pixel_spacing", "two columns for pixel_spacing_mm, pixel_spacing_mm and pixel_spacing"),
        ("path,group, Group", "two columns group"),
        ("path,arm,group,cohort", "3 columns for group, arm and group and cohort"),
    ],
)
def test_two_columns_that_mean_one_thing_are_refused(tmp_path: Path, columns: str, words: str) -> None:
    """The last of them would win, also where it is empty."""
    with pytest.raises(ConfigError, match=f"^list.csv has {words}; keep one$"):
        cases_of(table(tmp_path, f"{columns}\na.dcm,b.dcm,\n"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.dcm,200,", "row 2 of list.csv: frame_spacing_mm is 200; frames lie 0.001 to 5 mm apart"),
        ("a.dcm,,9.96", "row 2 of list.csv: pixel_spacing_mm is 9.96; a frame has 0.0001 to 0.1 mm per pixel"),
        ("a.dcm,0,", "row 2 of list.csv: frame_spacing_mm is 0, which is no length in mm above 0"),
    ],
)
def test_a_spacing_that_no_pullback_has_is_told_with_its_row(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        cases_of(table(tmp_path, f"path,frame_spacing_mm,pixel_spacing_mm\n{row}\n"))


def test_a_path_that_leads_around_in_a_circle_is_a_case_like_any_other(tmp_path: Path) -> None:
    """What is wrong with it is said where it is looked at."""
    (tmp_path / "loop.dcm").symlink_to("loop.dcm")
    assert [case.path for case in cases_of(table(tmp_path, "path\nloop.dcm\n"))] == [tmp_path / "loop.dcm"]
    assert len(cases_of(table(tmp_path, f"path\n{'x' * 300}.dcm\n"))) == 1
    with pytest.raises(ConfigError, match="is no range of frames"):
        cases_of(table(tmp_path, f"path,frames\na.dcm,{'1' * 5000}\n"))
