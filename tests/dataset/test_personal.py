"""Names that may tell who a patient is are noticed, in the spellings of many countries, and ordinary ones are not."""

import random

import pytest

from octseg.dataset.personal import DATE, NAME, NUMBER, Suspicion, suspicions

DATES = [
    *("MUELLER_HANS_19540312", "HM_19540312", "H.M._1954-03-12", "1961-03-04", "04.03.1961", "19610304", "04-03-1961"),
    *(
        "1961_03_04",
        "1961.03.04",
        "12061954",
        "03121954_KL",
        "04.03.61",
        "5.11.61",
        "P_5.11.61",
        "11.5.61",
        "4-MAR-1961",
        "04mar1961",
        "Mar 4 1961",
    ),
    *("P01_19540312", "20240131120001", "12. Mai 1958", "HM_610304"),
    *("1961-3-4", "13th March 1954", "1954March13", "MAR-13-1954", "DOB19610304", "19540312-MH"),
    *("dob1954", "P3_born_540312", "geb. 54"),
]
NAMES = [
    *("Mueller_Hans", "DOE^JANE", "Doe, Jane", "Müller", "Smith", "KIM_MINHO", "LI_XIAOMING", "김민호", "王伟"),
    *("Иванов_Иван", "MuellerHans", "hans.mueller", "mueller-hans", "O'Brien_Pat", "García", "Jean-Luc Picard"),
    *("MUELLER_1954", "Pat_Schmidt", "Lee_Ann", "Kim", "Smith01", "Hans1954", "patient Mueller", "Doe_J"),
    *("doe_jane", "Marie", "Junker_02", "SMITH^JOHN^^", "M. Schmidt", "van der Berg", "Nguyễn_Văn", "محمد", "Meier54"),
    *("01MUELLER", "02smith", "P01Mueller", "P01Mueller_3"),
]
NUMBERS = [
    *("610304-1234", "131052-308T", "580930-1234567", "MRN12345678", "mrn_0012345", "PID0012345", "12345678"),
    *("0012345678", "H1234567", "123-45-6789", "943 476 5919", "RSSNNA61S45H501X", "1.2.840.113619.2.1.3"),
    *("jane@clinic.org",),
]
ORDINARY = [
    *("P01", "study-12", "ZEN_001", "oct_2024_07", "001", "patient_003", "LAD_pre_02", "Case 7", "A12", "subj-AB12"),
    *("fold_1", "DE_BER_001", "US_NYC_002", "control_03", "phantom_12", "Site3-P07", "OCT2024-12", "lab7_run3"),
    *("P-0001", "X12B", "pat0012", "Donor 4", "baseline_5", "RCA_prox_3", "test", "C3PO", "ID_0042", "pig_12"),
    *("ABC_003", "HX12", "2024_03", "2024", "sub-01_ses-02", "0001234", "rabbit_left_7", "P01_baseline", "1_2_3"),
    *("control_group_a", "CN-SH-012", "a3f5c2d1", "00012", "week_12", "V1.2.3", "frame_000123"),
    *("pilot_03", "swine_3", "aorta_2", "prospective_004", "P001_LAD_BL", "NCT01234567-003", "s01e02", "mini_pig_2"),
    *("oct_2024_07_1", "R2D2_4", "CASE-2023-11", "cohort2_subject17"),
    *("ABCD1234EF", "000101", "240131", "oct-2024-07_pre"),
    *("01ABC", "7LAD", "P01Left", "12XZ9Q", "01-02-07", "P01Baseline2"),
]


@pytest.mark.parametrize(
    ("study", "kind"), [*((t, DATE) for t in DATES), *((t, NAME) for t in NAMES), *((t, NUMBER) for t in NUMBERS)]
)
def test_a_study_that_may_tell_who_a_patient_is_is_noticed(study: str, kind: str) -> None:
    assert [(each.text, each.kind) for each in suspicions([study])] == [(study, kind)]


@pytest.mark.parametrize("study", ORDINARY)
def test_an_ordinary_study_is_not_noticed(study: str) -> None:
    assert suspicions([study]) == []


def test_a_word_that_many_studies_share_is_a_site_and_no_patient() -> None:
    assert suspicions([f"{site}_{number:02d}" for site in ("BERN", "BASEL") for number in range(5)]) == []


def test_patients_with_two_examinations_are_still_people() -> None:
    studies = [f"{who}_{number}" for who in ("MUELLER_HANS", "SMITH_JANE", "KIM_MINHO") for number in (1, 2)]
    assert {each.text for each in suspicions(studies)} == set(studies)


def test_one_name_among_numbers_is_noticed() -> None:
    assert [each.text for each in suspicions(["P01", "P02", "P03", "P04", "Mueller"])] == ["Mueller"]


@pytest.mark.parametrize(
    ("study", "kind"),
    [
        *[(name, NAME) for name in ("Mueller07", "MUELLER_07", "Kim07", "P07meyer", "P07MEYER", "王伟07")],
        *[(birth, DATE) for birth in ("P07_120354", "12-03-54", "P07-12-03-54", "P07_12_03_54", "S01-54-03-12")],
    ],
)
def test_one_patient_among_many_codes_is_noticed(study: str, kind: str) -> None:
    codes = [f"P{number:02d}" for number in range(1, 31)]
    assert suspicions([*codes, study]) == [Suspicion(study, kind)]
    assert suspicions(codes) == []


def test_numbers_of_six_digits_are_dates_where_all_of_them_are() -> None:
    assert len(suspicions(["610304", "540312", "490721", "581105"])) == 4
    assert suspicions(["610304", "540312", "490721", "999999"]) == []
    assert suspicions(["000101", "000102", "000103"]) == []


@pytest.mark.parametrize("sign", "-_. ")
@pytest.mark.parametrize("born", [("12", "03", "54"), ("54", "03", "12")])
def test_so_are_they_with_signs_between(sign: str, born: tuple[str, str, str]) -> None:
    year = born.index("54")
    others = [("21", "07", "49"), ("05", "11", "61"), ("30", "09", "58")]
    studies = [sign.join(each if year == 2 else each[::-1]) for each in (("12", "03", "54"), *others)]
    assert {each.text for each in suspicions(studies)} == set(studies)


def test_a_site_an_arm_and_a_patient_with_signs_between_are_none() -> None:
    assert suspicions(["01-01-07", "01-02-12", "02-01-19", "02-02-03"]) == []
    assert suspicions(["10-20-30", "10-20-41", "11-21-52"]) == []


def test_codes_drawn_at_random_are_no_names() -> None:
    draw = random.Random(0)
    codes = ["".join(draw.choices("0123456789abcdef", k=12)) for _ in range(300)]
    assert [each for each in suspicions(codes) if each.kind == NAME] == []


def test_a_word_for_each_patient_in_the_names_of_files_is_noticed() -> None:
    files = ["Mueller_001", "Mueller_002", "Smith_001"]
    assert {each.text for each in suspicions(["P01", "P02"], files)} & {"Mueller_001", "Mueller_002"}
    assert suspicions(["P01", "P02"], ["frame_001", "Resliced_001", "lab export 2019", "reader1", "run3"]) == []


def test_a_date_or_a_whole_name_in_a_folder_is_noticed() -> None:
    found = suspicions(["P01"], ["Mueller_Hans", "frame_20240131_001", "frame_001"])
    assert {(each.text, each.kind) for each in found} == {("Mueller_Hans", NAME), ("frame_20240131_001", DATE)}


def test_a_surname_with_an_initial_in_a_file_name_is_noticed() -> None:
    assert [each.text for each in suspicions(["P01", "P02", "P03"], ["Doe, J 0, 1.png", "frame, a 1.png"])] == [
        "Doe, J 0, 1.png"
    ]


@pytest.mark.parametrize("name", ["P1_1954年3月12日", "1954年03月12日生", "1961년 11월 5일"])
def test_a_date_in_chinese_japanese_or_korean_is_one(name: str) -> None:
    assert [each.kind for each in suspicions([name])] == ["a date"]


@pytest.mark.parametrize(
    "name", ["v5.11.61", "version 5.11.61", "1.2.34", "1.5.11.61", "5.11.61.2", "1.10.12", "31.2.61"]
)
def test_versions_frame_numbers_and_longer_numbers_with_points_are_no_dates(name: str) -> None:
    assert DATE not in {each.kind for each in suspicions([name])}
