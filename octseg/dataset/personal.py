"""What in the names of studies and files may tell who a patient is: names, dates, numbers of hospitals and states.

A question, not a verdict: it is asked before such names are published. What says the same in many studies, or is a word
of the field, is no name of a patient's.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from octseg.dataset.words import ORDINARY

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS_ELSEWHERE = {
    "mär": 3,
    "mrz": 3,
    "mai": 5,
    "okt": 10,
    "dez": 12,
    "fév": 2,
    "avr": 4,
    "aoû": 8,
    "déc": 12,
    "ene": 1,
}
MONTH_OF = {name: number for number, name in enumerate(MONTHS, 1)} | MONTHS_ELSEWHERE
NAME, DATE, NUMBER = "a person's name", "a date", "a number that a hospital or a state gives"
SHARED_BY = 3  # studies that have one word in common: it is no patient's
FEWEST_BIRTHS, SPREAD_OF_BIRTHS_YEARS = 3, 5  # from which numbers of six digits are dates
FIRST_BIRTH_APART = 1920  # of such numbers with signs between: 01-02-07 may be site, arm and patient
LEAST_LETTERS = 5  # of a word right behind a number that may be a name in capitals

MANY = 1 / 3  # of the studies, that have words of their own beside digits: they are names then, and no codes

_WORD = re.compile(r"[^\W\d_]+")
_CHUNK = re.compile(r"[^\W_]+")
_TITLE_BEHIND_DIGITS = re.compile(r"(?<=\d)[A-ZÀ-Þ][a-zß-ÿ]{3,}(?![^\W_])")
_BEHIND_A_CODE = re.compile(rf"(?<=\d)(?![a-f]+(?![^\W_]))[^\W\d_]{{{LEAST_LETTERS},}}(?![^\W_])", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")
# Letters before a number that are a code's; three and more as a name is written, as Kim07, are not.
_SHORT_CODE = re.compile(
    rf"(?<![^\W\d_])(?:[A-Z]{{1,{LEAST_LETTERS - 1}}}|[a-z]{{1,{LEAST_LETTERS - 1}}}|[A-Z][a-z])\d+"
)
_YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d\d)([-._ ]?)(\d\d)\2(\d\d)(?=(?:\d{4}|\d{6})?(?!\d))")
_YEAR_FIRST_SHORT = re.compile(r"(?<!\d)((?:19|20)\d\d)([-.])(\d\d?)\2(\d\d?)(?!\d)")
_YEAR_LAST = re.compile(
    r"(?<!\d)(\d\d?)([-._ ])(\d\d?)\2((?:19|20)\d\d)(?!\d)|(?<!\d)(\d\d)(\d\d)((?:19|20)\d\d)(?!\d)"
)
_SHORT_YEAR = re.compile(r"(?<!\d)(\d\d)\.(\d\d)\.([2-9]\d)(?!\d)")
# With a day or a month of one digit it is no version (v5.11.61) and no part of a longer number with points.
_SHORT_DATE = re.compile(
    r"(?<![\d.])(?<!\bv)(?<!_v)(?<!version)(?<!version[-._ ])(\d\d?)\.(\d\d?)\.([3-9]\d)(?![\d]|\.\d)", re.IGNORECASE
)
_YEAR_MARKED = re.compile(r"(?<!\d)((?:19|20)\d\d)[年년] ?(\d\d?)[月월] ?(\d\d?)[日일]")
_MONTH_NAMED = re.compile(r"(?<!\d)(\d\d?)(?:st|nd|rd|th)?[-._ ]*([^\W\d_]{3})[^\W\d_]*[-._ ]*((?:19|20)?\d\d)(?!\d)")
_MONTH_FIRST = re.compile(r"(?<![^\W\d_])([^\W\d_]{3})[^\W\d_]*[-._ ]*(\d\d?)[-._ ,]+((?:19|20)\d\d)(?!\d)")
_MONTH_MIDDLE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-._ ]*([^\W\d_]{3})[^\W\d_]*[-._ ]*(\d\d?)(?!\d)")
_SIX = re.compile(r"(?<!\d)(\d\d)(\d\d)(\d\d)(?!\d)")
_SIX_APART = re.compile(r"(?<![\d.])(?=(\d\d)([-._ ])(\d\d)\2(\d\d)(?![\d.]))")
_BORN = re.compile(r"(?<![^\W\d_])(?:dob|geb|born|birth(?:day|date)?)[\W_]*\d{2,}", re.IGNORECASE)
_OF_A_STATE = re.compile(r"(?<!\d)(\d{6})[-+A]\d{3}[\dA-Z](?!\w)|(?<!\d)(\d{6})-\d{7}(?!\d)")
_NUMBERS = (
    re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"),  # United States
    re.compile(r"(?<!\d)\d{3}[ -]\d{3}[ -]\d{4}(?!\d)"),  # United Kingdom
    re.compile(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d\d(?!\d)"),  # Brazil
    re.compile(r"(?<![^\W_])[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z](?![^\W_])"),  # Italy
    re.compile(r"(?<!\d)\d+(?:\.\d+){5,}(?!\d)"),  # a DICOM UID
    re.compile(
        r"(?<![^\W\d_])(?:mrn|mrno|pid|upn|nhs|ssn|cpr|bsn|cpf|kvnr|pnr|fnr|acc|accession|fallnr|patnr|patid|hn|ipp|nip)"
        r"[\W_]*\d{4,}",
        re.IGNORECASE,
    ),
    re.compile(r"[\w.+-]+@[\w-]+\.\w+"),
)
_DICOM_NAME = re.compile(r"[^\W\d_]\^[^\W\d_]|[^\W\d_]{2,}, ?(?:[^\W\d_]{2,}|[A-ZÀ-Þ](?![^\W\d_]))")


@dataclass(frozen=True)
class Suspicion:
    """A text, and what may stand in it, to go after "it reads like"."""

    text: str
    kind: str


def suspicions(studies: Collection[str], others: Iterable[str] = ()) -> list[Suspicion]:
    """What in the names of studies (patients), and in `others`, of series and files, may tell who a patient is."""
    studies = sorted(set(studies))
    others = sorted(set(others))
    shared = _shared(map(_names_in, studies), len(studies))
    alone = {study for study in studies if any(map(_may_be_alone, _own(study, shared)))}
    if len(alone) < MANY * len(studies):
        alone = {study for study in alone if any(map(_may_be_alone, _own(_SHORT_CODE.sub("", study), shared)))}
    found = [Suspicion(study, kind) for study in studies if (kind := _kind_of_study(study, shared)) is not None]
    known = {each.text for each in found}
    found += [Suspicion(study, NAME) for study in sorted(alone - known)]
    known |= alone
    found += [Suspicion(study, DATE) for study in _births(studies) if study not in known]
    found += [Suspicion(text, kind) for text in others if (kind := _kind_of_other(text)) is not None]
    told = {each.text for each in found}
    words = {word: text for text in others for word in _names_in(text) if _may_be_alone(word)}
    if len(words) >= max(2, len(studies) / 2):  # a word for each patient, or nearly
        found += [Suspicion(text, NAME) for text in dict.fromkeys(words.values()) if text not in told]
    return found


def _shared(words: Iterable[Iterable[str]], studies: int) -> set[str]:
    """Words, in lower case, that several studies have: of a site or a project."""
    counts = Counter(word for of_study in words for word in {each.casefold() for each in of_study})
    enough = min(SHARED_BY, max(2, studies / 2))
    return {word for word, count in counts.items() if count >= enough}


def _own(study: str, shared: Collection[str]) -> list[str]:
    return [word for word in _names_in(study) if word.casefold() not in shared]


def _kind_of_study(study: str, shared: Collection[str]) -> str | None:
    if (kind := _kind_of_other(study, shared)) is not None:
        return kind
    digits = re.fullmatch(r"[^\W\d_]?[-_ ]?0*([1-9]\d{5,})", study)
    return NUMBER if digits and len(re.sub(r"\D", "", study)) >= 7 else None


def _kind_of_other(text: str, shared: Collection[str] = ()) -> str | None:
    """What stands in a text whatever stands in its neighbours."""
    if any(number.search(text) for number in _NUMBERS) or any(_six_dates(text, _OF_A_STATE)):
        return NUMBER
    if _dates(text) or _BORN.search(text):
        return DATE
    return NAME if _DICOM_NAME.search(text) or _two_words(text, shared) else None


def _names_in(text: str) -> list[str]:
    """Its words that are no words of the field, in order. Letters between digits are a code's, and no words."""
    words = []
    for chunk in _CHUNK.findall(text):
        found = re.fullmatch(r"(\d*)([^\W\d_]+)(\d*)", chunk)
        if found is None:
            behind = _BEHIND_A_CODE.findall(chunk) or _TITLE_BEHIND_DIGITS.findall(chunk)
            words += [word for each in behind for word in _CAMEL.split(each)]
        elif not found[1] or found[2].istitle() or (not found[3] and len(found[2]) >= LEAST_LETTERS):
            words += _CAMEL.split(found[2])
    return [word for word in words if _plain(word) not in ORDINARY and word.casefold() not in MONTH_OF]


def _plain(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))


def _can_be_spoken(word: str) -> bool:
    plain = _plain(word)
    return not plain.isascii() or any(sign in "aeiouy" for sign in plain)


def _may_be_alone(word: str) -> bool:
    """Whether a word may be a name though no other stands beside it."""
    if not _plain(word).isascii():
        return len(word) >= 2
    return _can_be_spoken(word) and (len(word) >= 4 or (len(word) == 3 and word.istitle()))


def _two_words(text: str, shared: Collection[str]) -> bool:
    """Whether two words that may be names follow each other, with nothing but a sign or two between them."""
    unusual = set(_names_in(text))
    words = [
        (part, part in unusual and part.casefold() not in shared)
        for chunk in re.split(r"[\d/]+", text)
        for part in [*(each for word in _WORD.findall(chunk) for each in _CAMEL.split(word)), ""]
    ]
    for (first, is_name), (second, is_too) in pairwise(words):
        if is_name and is_too and _can_be_spoken(first) and _can_be_spoken(second):
            letters, capitals = len(first) + len(second), (first + second).isupper()
            if min(len(first), len(second)) >= 2 and letters >= (7 if capitals else 6):
                return True
    return False


def _dates(text: str) -> list[date]:
    """Full dates in a text, however written."""
    both = _YEAR_FIRST.findall(text) + _YEAR_FIRST_SHORT.findall(text)
    found = [_date(year, month, day) for year, _, month, day in both]
    for day, _, month, year, *compact in _YEAR_LAST.findall(text):
        day, month, year = (day, month, year) if year else compact
        found += [_date(year, month, day), _date(year, day, month)]
    found += [_date(f"19{year}", month, day) for day, month, year in _SHORT_YEAR.findall(text)]
    short = [each for each in _SHORT_DATE.findall(text) if len(each[0] + each[1]) == 3]
    found += [_date(f"19{year}", *both) for day, month, year in short for both in ((month, day), (day, month))]
    found += [_date(year, month, day) for year, month, day in _YEAR_MARKED.findall(text)]
    found += _named_dates(text)
    return [each for each in found if each is not None]


def _named_dates(text: str) -> list[date | None]:
    """Full dates whose month is a word."""
    found: list[date | None] = []
    named = [(year, month, day) for day, month, year in _MONTH_NAMED.findall(text)]
    named += [(year, month, day) for month, day, year in _MONTH_FIRST.findall(text)]
    for year, month, day in named + _MONTH_MIDDLE.findall(text):
        number = MONTH_OF.get(month.casefold())
        if number is not None and (len(year) == 4 or int(year) > 20):
            found.append(_date(year if len(year) == 4 else f"19{year}", str(number), day))
    return found


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _six_dates(text: str, pattern: "re.Pattern[str]") -> Iterator[date]:
    """Dates that the numbers of six digits found by a pattern's groups are, year or day first."""
    for found in pattern.finditer(text):
        digits = next(group for group in found.groups() if group)
        first, middle, last = digits[:2], digits[2:4], digits[4:]
        both = _date(f"19{first}", middle, last), _date(f"19{last}", middle, first)
        yield from (each for each in both if each is not None)


def _births(studies: Collection[str]) -> list[str]:
    """Studies whose numbers of six digits are dates of birth: initials stand beside them, or all such are dates."""
    apart = {study: found[-1].group(1, 3, 4) for study in studies if (found := list(_SIX_APART.finditer(study)))}
    together = {study: match.groups() for study in studies if (match := _SIX.search(study))}
    return _births_of(apart, len(studies), FIRST_BIRTH_APART) or _births_of(together, len(studies))


def _births_of(sixes: Mapping[str, tuple[str, ...]], n_studies: int, first_year: int = 1900) -> list[str]:
    readings: tuple[Callable[[tuple[str, ...]], date | None], ...] = (
        lambda of: _date(f"19{of[0]}", of[1], of[2]),
        lambda of: _date(f"19{of[2]}", of[1], of[0]),
    )
    for reading in readings:
        dates = [reading(groups) for groups in sixes.values()]
        real = [each for each in dates if each is not None]
        if not real or len(real) < len(dates):
            continue
        years = [each.year for each in real]
        if min(years) < first_year:
            continue
        initials = all(any(len(word) in (2, 3) for word in _names_in(study)) for study in sixes)
        spread = len(real) >= FEWEST_BIRTHS and max(years) - min(years) >= SPREAD_OF_BIRTHS_YEARS
        if initials or spread or len(real) < MANY * n_studies:  # few among others, which have no such number
            return list(sixes)
    return []
