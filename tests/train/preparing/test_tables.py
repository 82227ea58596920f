"""Which frame a file is by a CSV file, as spreadsheets of many countries and machines write it."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest

from octseg.errors import ConfigError, DatasetError
from train.preparing.names import FrameName
from train.preparing.tables import by_csv


def csv_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "names.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_csv_file_names_frames_with_or_without_their_ending(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study,series,frame\na.png,Bern 7,2,13\nb,Bern 8,1,4\n"))
    assert rule("images/a.png") == FrameName("Bern 7", "2", 13)
    assert rule("images/b.png") == FrameName("Bern 8", "1", 4)
    assert rule("images/c.png") is None


def test_a_csv_file_names_frames_without_their_ending_where_names_hold_dots(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study\na.1.12,P1\na.2.12,P2\n"))
    assert (rule("images/a.1.12.png"), rule("a.2.12.ome.tif")) == (FrameName("P1", "1", 12), FrameName("P2", "1", 12))


PLAIN = "file,study,frame\nx_1.png,Å7,4\nx_2.png,Å8,5\n"
WRITTEN = {
    "with a byte order mark": PLAIN.encode("utf-8-sig"),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs in UTF-16": PLAIN.replace(",", "\t").encode("utf-16"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"),
    "Excel's line": b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
    "Excel's line, quoted": b'"sep=|"\r\n' + PLAIN.replace(",", "|").encode(),
    "header in capitals and spaces": PLAIN.replace("file,study,frame", "File , STUDY, Frame").encode(),
    "spaces": PLAIN.replace(",", ", ").encode(),
    "lines of an old Mac": PLAIN.replace("\n", "\r").encode(),
    "quoted": b'"file","study","frame"\r\n"x_1.png","\xc3\x857","4"\r\n"x_2.png","\xc3\x858","5"\r\n',
    "blank lines and rows": ("\n" + PLAIN + "\n,,\n  \n").encode(),
    "the header twice": (PLAIN + PLAIN).replace("x_1.png,Å7,4\nx_2.png,Å8,5\nfile", "file", 1).encode(),
    "12.0": PLAIN.replace(",4", ",4.0").replace(",5", ",5.0").encode(),
    "12,0": b"file;study;frame\nx_1.png;\xc3\x857;4,0\nx_2.png;\xc3\x858;5,0\n",
    "guarded texts": 'file,study,frame\nx_1.png,"=""Å7""",4\nx_2.png,"=""Å8""",5\n'.encode(),
    "decomposed letters": PLAIN.replace("Å", "A\u030a").encode(),
    "a remark of two lines": 'file,study,frame,note\nx_1.png,Å7,4,"a\nb"\nx_2.png,Å8,5,\n'.encode(),
    "UTF-32": PLAIN.encode("utf-32"),
    "printed quotation marks": PLAIN.replace("x_1.png", "“x_1.png”").replace("x_2.png", "'x_2.png'").encode(),
    "an apostrophe before a text": PLAIN.replace("Å", "'Å").encode(),
    "marks of no width": PLAIN.replace("Å7", "Å7\u200b").replace("x_2", "\ufeffx_2").encode(),
    "a title that names columns": ("File,Study\n" + PLAIN).encode(),
    "commas at the end": PLAIN.replace("4\n", "4,,\n").encode(),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_csv_file_is_read_however_it_is_written(tmp_path: Path, how: str) -> None:
    rule = by_csv(csv_file(tmp_path, WRITTEN[how]))
    assert (rule("x_1.png"), rule("x_2.png")) == (FrameName("Å7", "1", 4), FrameName("Å8", "1", 5))


def test_a_study_that_became_a_number_with_decimals_is_itself_again(tmp_path: Path) -> None:
    assert by_csv(csv_file(tmp_path, "file,study\nx_1.png,7.0\nx_2.png,8.0\n"))("x_1.png") == FrameName("7", "1", 1)
    assert by_csv(csv_file(tmp_path, "file,study\nx_1.png,7.0\nx_2.png,7.1\n"))("x_1.png") == FrameName("7.0", "1", 1)


@pytest.mark.parametrize("frame", ["12.5", "1.012", "1,000", "twelve", "-3", "2E+13", "１２"])
def test_a_frame_that_is_no_whole_number_is_told_with_its_row(tmp_path: Path, frame: str) -> None:
    rule = by_csv(csv_file(tmp_path, f"file;study;frame\nx_1.png;1;1\nx_2.png;1;{frame}\n"))
    with pytest.raises(DatasetError, match=r"in row 3 of names\.csv is no whole number"):
        rule.parts_of("x_2.png")


@pytest.mark.parametrize(
    "path",
    [
        *("C:\\lab\\images\\{}", "c:/lab/images/{}", "\\\\nas\\share\\{}", "/home/ann/images/{}", "..\\images\\{}"),
        *("./images/{}", "images/{}", "../../{}", "C:{}"),
    ],
)
def test_paths_of_other_machines_name_their_files(tmp_path: Path, path: str) -> None:
    text = f"file,study\n{path.format('x_1.png')},P1\n{path.format('x_2.png')},P2\n"
    for files in (["images/x_1.png", "images/x_2.png"], ["run/images/x_1.png", "run/images/x_2.png"]):
        rule = by_csv(csv_file(tmp_path, text), files)
        assert [name and name.study for name in map(rule, files)] == ["P1", "P2"]


FOLDERS = ("P01", "P02", "P03")


@pytest.mark.parametrize(
    "path", ["{}/f_3.png", "D:\\lab\\images\\{}\\f_3.png", "images/{}/f_3", "/x/{}/images/f_3.png"]
)
@pytest.mark.parametrize("file", ["images/{}/f_3.png", "{}/images/f_3.png", "lab/{}/img/f_3.png"])
def test_one_name_in_the_folders_of_many_patients_is_told_by_its_path(tmp_path: Path, path: str, file: str) -> None:
    text = "file,study\n" + "".join(f"{path.format(folder)},study {folder}\n" for folder in FOLDERS)
    if "lab" in file:
        text = text.replace("lab", "other").replace("/x/", "/lab/")
    rule = by_csv(csv_file(tmp_path, text), [file.format(folder) for folder in FOLDERS])
    assert [getattr(rule(file.format(folder)), "study", None) for folder in FOLDERS] == [
        f"study {each}" for each in FOLDERS
    ]


def test_a_file_never_gets_the_row_of_another_folder(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study\nP01/f_3.png,P01\nP02/f_4.png,P02\n"))
    assert rule("images/P02/f_3.png") is None
    with pytest.raises(DatasetError, match=r"names\.csv has no row for it \(row 2 is for f_3\.png\)"):
        rule.parts_of("images/P02/f_3.png")


def test_the_place_of_the_source_tells_whose_rows_count(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "file,study\nP01/f_2.png,P01\nP01/f_3.png,P01\nP02/f_3.png,P02\n")
    rule = by_csv(path, ["images/f_2.png", "images/f_3.png"], PurePosixPath("/data/P02/images"))
    assert (rule("images/f_2.png"), rule("images/f_3.png")) == (None, FrameName("P02", "1", 3))
    copied_together = by_csv(path, ["images/f_2.png"], PurePosixPath("/data/all"))
    assert copied_together("images/f_2.png") == FrameName("P01", "1", 2)


def test_rows_that_a_name_alone_does_not_tell_apart_are_named(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study\nP01/f_3.png,P01\nP02/f_3.png,P02\n"))
    with pytest.raises(DatasetError, match=r"rows 2 and 3 of names\.csv both fit it, and give it different studies"):
        rule.parts_of("images/f_3.png")


def test_paths_in_letters_of_another_case_fit_where_nothing_fits_better(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study\nC:\\LAB\\P01\\F_3.PNG,P01\nA/x_1.png,P2\na/x_1.png,P3\n"))
    assert rule("p01/images/f_3.png") == FrameName("P01", "1", 3)
    assert [name and name.study for name in map(rule, ("A/img/x_1.png", "a/img/x_1.png"))] == ["P2", "P3"]


def test_a_file_named_twice_is_told_with_both_rows(tmp_path: Path) -> None:
    text = "file,study,series,frame\na.png,P01,1,1\nb.png,P01,1,2\n.\\a.png,P04,1,9\n"
    told = r"names\.csv names a\.png twice: row 2 says study P01, series 1, frame 1, and row 4 says study P04, series 1"
    with pytest.raises(ConfigError, match=told):
        by_csv(csv_file(tmp_path, text))
    with pytest.raises(
        ConfigError, match=r"rows 2 and 4 of names\.csv name one file and give it different studies and frames"
    ) as private:
        by_csv(csv_file(tmp_path, text), private=True)
    assert "P04" not in str(private.value)
    assert by_csv(csv_file(tmp_path, text.replace("P04,1,9", "P01,1,1")))("a.png") == FrameName("P01", "1", 1)


def test_a_name_with_a_comma_that_is_not_quoted_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"row 3 of names\.csv has 4 fields and the header 3"):
        by_csv(csv_file(tmp_path, "file,study,frame\na.png,P1,1\nb.png,Doe, Jane,2\n"))


@pytest.mark.parametrize(
    "text", ["", "\n\n", "name,patient\na.png,1\n", "file\na.png\n", "filename;study_id\na.png;1\n"]
)
def test_a_csv_file_without_its_columns_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"needs a header line with file,study .*call the column that tells patients"):
        by_csv(csv_file(tmp_path, text))


def test_a_csv_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has a header line, and no row that names a file"):
        by_csv(csv_file(tmp_path, "file,study\n,P1\n"))


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has two columns study"):
        by_csv(csv_file(tmp_path, "file,study,Study\na.png,1,2\n"))


@pytest.mark.parametrize("column", ["Patient", "Patient ID", "Pat-Nr", "patient_number", "SubjectID", "MRN"])
def test_a_patient_with_two_studies_is_told_for_both_would_leak(column: str, tmp_path: Path) -> None:
    text = f"file,study,{column}\na_1.png,exam 1,Doe\nb_1.png,exam 2,doe\n"
    with pytest.raises(ConfigError, match=r"rows 2 and 3 of names.csv give one patient two studies \(exam 1, exam 2\)"):
        by_csv(csv_file(tmp_path, text))
    assert by_csv(csv_file(tmp_path, text.replace("exam 2", "exam 1")))("a_1.png") == FrameName("exam 1", "1", 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest", "is an Excel or OpenDocument file, not a CSV file"),
        (b"<html><table>", "is a web page or XML, as some programs export tables, not a CSV file"),
        (b"file,study\na.png,M\xfcller\n", r"in UTF-8 \(line 2 has other letters\): save it as CSV UTF-8"),
    ],
)
def test_what_is_no_text_in_unicode_says_how_to_save_it(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        by_csv(csv_file(tmp_path, content))


def test_a_csv_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.csv cannot be read"):
        by_csv(tmp_path / "missing.csv")


def test_a_csv_row_without_a_study_names_nothing(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study\na_1.png,\nb_1.png,7\n"))
    assert rule("a_1.png") is None
    with pytest.raises(DatasetError, match=r"row 2 of names\.csv gives it no study"):
        rule.parts_of("a_1.png")


@pytest.mark.parametrize(
    "study", ["#N/A", "#REF!", "#DIV/0!", "####", "=A1", "nan", "NULL", "-", "?", "Unknown", "1E+05"]
)
def test_a_study_that_a_spreadsheet_left_empty_is_no_patient(tmp_path: Path, study: str) -> None:
    """All rows that have it would be one patient."""
    rule = by_csv(csv_file(tmp_path, f"file,study\na_1.png,{study}\nb_1.png,7\n"))
    with pytest.raises(DatasetError, match=f"row 2 of names.csv gives it the study '{re.escape(study)}', .*; write"):
        rule.parts_of("a_1.png")
    assert rule("b_1.png") == FrameName("7", "1", 1)


def test_patients_that_are_not_known_are_not_one_patient(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study,patient\na_1.png,A,NA\nb_1.png,B,NA\n"))
    assert rule("b_1.png") == FrameName("B", "1", 1)


def test_a_header_below_a_title_is_found_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "Our lab, Bern\n\nfile;study;frame\na.png;7;x\n"))
    with pytest.raises(DatasetError, match="the frame 'x' in row 4"):
        rule.parts_of("a.png")


def test_a_quotation_mark_that_is_not_closed_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"row 3 of names\.csv goes on over many lines: a quotation mark in it"):
        by_csv(csv_file(tmp_path, 'file,study\na.png,7\n"b.png,8\nc.png,9\n'))


def test_of_private_names_no_value_of_a_row_is_told(tmp_path: Path) -> None:
    rule = by_csv(csv_file(tmp_path, "file,study,frame\na_1.png,Doe,Jane\n"), private=True)
    with pytest.raises(DatasetError, match=r"the frame in row 2 of names\.csv is no whole number"):
        rule.parts_of("a_1.png")


def test_a_large_table_of_many_folders_is_looked_up_at_once(tmp_path: Path) -> None:
    """Every study has the same names: 100 rows fit each of them by its name alone."""
    files: Sequence[str] = [f"images/P{study:03d}/f_{frame}.png" for study in range(100) for frame in range(20)]
    text = "file,study\n" + "".join(f"{file.removeprefix('images/')},{file[7:11]}\n" for file in files)
    rule = by_csv(csv_file(tmp_path, text), files)
    assert all(rule.parts_of(file).study == file[7:11] for file in files)
