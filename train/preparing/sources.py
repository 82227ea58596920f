"""Which mask belongs to which frame, and which frame it is.

Frames lie in a folder img/ or images/, masks beside it in mask/ or masks/, at any depth: the record's fold_k/train/img,
or a lab's own two folders, with a folder for each patient in both where there are such. mask_color/ and all else is
passed over, as is what lies beside the pictures and is none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from octseg.drawing.own import kind_of_content
from octseg.errors import DatasetError
from octseg.reading.formats import HEAD_BYTES, kind_of
from octseg.reading.own import OwnKind
from train.preparing.names import (
    FrameName,
    NameRule,
    Parts,
    completed,
    composed,
    refuse_two_spellings,
    said_of_many,
    stem_of,
)
from train.preparing.stored import IMAGE_FOLDERS, StoredFile, folder_files, kind_at
from train.preparing.zipped import zip_files

_OF_MASKS = r"(mask|seg|label|segmentation|annotation|roi|gt|ground[_ -]?truth)s?"
MASK_AFFIX = re.compile(rf"[_ .-]{_OF_MASKS}$|^{_OF_MASKS}[_ .-]", re.IGNORECASE)
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".btf", ".bmp", ".dib", ".webp"})
ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
# Of what editors, cameras and people put beside pictures.
BESIDE = frozenset(
    {
        *(".json", ".xml", ".txt", ".csv", ".tsv", ".yaml", ".yml", ".html", ".htm", ".md", ".log", ".roi", ".zip"),
        *(".db", ".ini", ".lnk", ".url", ".bak", ".tmp", ".part", ".py", ".m", ".ijm", ".xls", ".xlsx", ".ods"),
        *(".npy", ".npz", ".mat", ".h5", ".hdf5", ".nrrd", ".mha", ".mhd", ".raw", ".pkl", ".eps"),
        *(".doc", ".docx", ".odt", ".pdf", ".ppt", ".pptx", ".svg", ".xmp", ".pts", ".geojson", ".md5", ".sha256"),
    }
)
NO_MASK = "it has no mask"
ZIP_MAGIC = b"PK"


@dataclass(frozen=True)
class Item:
    """A frame with its mask, not read yet."""

    name: FrameName
    image: StoredFile
    mask: StoredFile

    @property
    def stamp(self) -> str:
        """Changes when either file does."""
        return f"{self.image.stamp} {self.mask.stamp}"


@dataclass(frozen=True)
class Problem:
    """A file that is left out, by its path in the source, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The frames of a source in order, and the files that cannot be paired."""

    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


def files_of(path: Path) -> list[StoredFile]:
    """All files of a folder or a ZIP file; DatasetError where `path` is neither."""
    if path.is_dir():
        return folder_files(path)
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if head.startswith(ZIP_MAGIC):
            return zip_files(path)
        kind = kind_of(head) if head else "empty"
        advice = "unpack it, and give the folder" if "archive" in kind else "give what holds img/ and mask/"
        raise DatasetError(f"{path.name} is {kind}, neither a folder nor a ZIP file; {advice}")
    raise DatasetError(f"there is no {path.name}; give the folder or the ZIP file that holds frames and masks")


@dataclass
class _Kinds:
    """Files by the folder that holds frames and masks and by their stem; what is left out, and what lies beside."""

    images: dict["Key", StoredFile] = field(default_factory=dict)
    masks: dict["Key", StoredFile] = field(default_factory=dict)
    beside: dict["Key", StoredFile] = field(default_factory=dict)  # masks that are no pictures
    problems: list[Problem] = field(default_factory=list)


Key = tuple[str, str, str]  # folder that holds both, folder in each of the two, stem
_Placed = tuple[bool, Key, StoredFile]  # whether a frame


def paired(files: Iterable[StoredFile], rule: NameRule, *, private: bool = False) -> Listing:
    """Each frame with its mask, in the order of studies, series and frames. Of `private` files no reason tells a name.

    Raises DatasetError where there is no frame, or where one study is spelt in two ways.
    """
    files = list(files)
    kinds = _by_kind(files, private)
    _refuse_no_masks(kinds, files, private)
    problems, parts = kinds.problems, dict[str, Parts]()
    unpaired: list[tuple[StoredFile, Problem]] = []  # frames
    masks = _masks_of(kinds)
    said = {image.path: _parts_of(image.path, rule) for image in kinds.images.values()}
    said |= said_of_many({file: found for file, found in said.items() if isinstance(found, Parts)}, private=private)
    for key, image in kinds.images.items():
        found = said[image.path]
        if isinstance(found, Parts):
            parts[image.path] = found
        else:
            unpaired.append((image, Problem(image.path, found)))
            masks.pop(key, None)
    refuse_two_spellings(parts, private=private)
    names = completed(parts)
    items: dict[FrameName, Item] = {}
    for key, image in kinds.images.items():
        if image.path not in names:
            continue
        name, mask = names[image.path], masks.pop(key, None)
        if mask is None:
            unpaired.append((image, Problem(image.path, _without_mask(kinds.beside.get(key), private))))
        elif name in items:
            other = items[name].image.path
            problems.append(Problem(image.path, _same_frame(name, other, (parts[other], parts[image.path]), private)))
        else:
            items[name] = Item(name, image, mask)
    without = NO_MASK if items or private else _called_otherwise(kinds, masks)
    problems += _of_frames(unpaired, without)
    problems += [Problem(mask.path, "it has no frame") for mask in masks.values() if _own_kind(mask) != "overlay"]
    if not items and not problems:
        raise _nothing_found(files)
    return Listing(tuple(items[name] for name in sorted(items)), tuple(problems))


def _parts_of(file: str, rule: NameRule) -> Parts | str:
    """What is said of a file, or why nothing is."""
    try:
        return rule.parts_of(file)
    except DatasetError as error:
        return str(error)


def _by_kind(files: Iterable[StoredFile], private: bool) -> _Kinds:
    """Frames, masks, and what is left out because another file has its name."""
    kinds, placed = _Kinds(), list[_Placed]()
    for is_image, key, file in _placed(files):
        if PurePosixPath(file.path).suffix.casefold() in BESIDE:
            kinds.beside.setdefault((*key[:2], MASK_AFFIX.sub("", PurePosixPath(key[2]).stem)), file)
        else:
            placed.append((is_image, key, file))
    both = {key[:2] for is_image, key, _ in placed if is_image} & {
        key[:2] for is_image, key, _ in placed if not is_image
    }
    if not both:
        _refuse_other_folders(placed, private)
    by_folders = any(inside for _, inside in both)
    placed.sort(key=lambda each: not _is_named_as_picture(each[2]))  # what else there may be of a frame goes behind
    for is_image, key, file in placed:
        if key[1] and not by_folders:
            continue  # folders below, of which none has frames and masks
        of_kind = kinds.images if is_image else kinds.masks
        other = of_kind.get(key)
        if other is None and (_is_named_as_picture(file) or not _is_text(file)):
            of_kind[key] = file
        elif other is not None and _is_named_as_picture(file):
            told = "another file" if private else PurePosixPath(other.path).name
            kinds.problems.append(Problem(file.path, f"{told} stands for the same frame"))
    return kinds


def _refuse_other_folders(placed: Iterable[_Placed], private: bool) -> None:
    """DatasetError where masks lie in folders in which no frames lie, as where two readers have outlined each frame."""
    frames = {(key[0], key[2]): file.path for is_image, key, file in placed if is_image}
    masks: dict[tuple[str, str], list[str]] = {}
    for is_image, key, file in placed:
        if not is_image and (key[0], key[2]) in frames:
            masks.setdefault((key[0], key[2]), []).append(file.path)
    if not masks:
        return
    of = max(masks, key=lambda each: len(masks[each]))
    one, *others = masks[of]
    if others:
        told = "" if private else f" ({one} and {others[0]}, of {frames[of]})"
        raise DatasetError(
            f"there are {len(masks[of])} masks of one frame{told}, as of {len(masks[of])} readers, and which of them "
            "counts is not told: leave out all folders but one, and give frames and that one by --images and --masks"
        )
    told = (
        "masks do not lie in the folders that frames lie in"
        if private
        else f"{one} lies in another folder than {frames[of]}"
    )
    raise DatasetError(f"{told}: give the two folders whose files have one name by --images and --masks")


def _placed(files: Iterable[StoredFile]) -> Iterator[_Placed]:
    """Each file that lies in a folder of frames or of masks: whether of frames, and which frame it is of.

    What a mask's name has more than its frame's is left out, unless a frame is called so too.
    """
    placed: list[_Placed] = []
    for file in files:
        parts = PurePosixPath(composed(file.path)).parts
        place = kind_at(parts[:-1])
        if place is not None:
            is_image, inside = parts[place].casefold() in IMAGE_FOLDERS, parts[place + 1 : -1]
            placed.append((is_image, ("/".join(parts[:place]), "/".join(inside), stem_of(parts[-1])), file))
    frames = {key for is_image, key, _ in placed if is_image}
    for is_image, key, file in placed:
        if is_image or key in frames:
            yield is_image, key, file
        else:
            yield is_image, (*key[:2], MASK_AFFIX.sub("", key[2]) or key[2]), file


def _is_named_as_picture(file: StoredFile) -> bool:
    return PurePosixPath(file.path).suffix.casefold() in PICTURES


def _is_text(file: StoredFile) -> bool:
    """Whether a file is a note of somebody's; one that cannot be read is told when it is to be."""
    try:
        return kind_of(file.head()).startswith("text")
    except DatasetError:
        return False


def _masks_of(kinds: _Kinds) -> dict[Key, StoredFile]:
    """Masks by the key of their frames, also where the case of letters differs and no other mask fits."""
    masks = dict(kinds.masks)
    folded = {tuple(map(str.casefold, key)): key for key in masks if key not in kinds.images}
    for key in kinds.images.keys() - masks.keys():
        if (other := folded.pop(tuple(map(str.casefold, key)), None)) is not None:
            masks[key] = masks.pop(other)
    return masks


def _without_mask(beside: StoredFile | None, private: bool) -> str:
    if beside is None:
        return NO_MASK
    told = "what lies there in its place" if private else PurePosixPath(beside.path).name
    return f"it has no mask: {told} is no picture; export the masks as PNG or TIFF"


def _of_frames(unpaired: Iterable[tuple[StoredFile, Problem]], without: str) -> list[Problem]:
    """What is told of frames that have no partner; without: why they have no mask."""
    return [
        replace(problem, reason=without) if problem.reason == NO_MASK else problem
        for file, problem in unpaired
        if _own_kind(file) is None
    ]


def _called_otherwise(kinds: _Kinds, masks: Mapping[Key, StoredFile]) -> str:
    """Why no frame has a mask, with the name of one that is called unlike all frames where there is such."""
    stems = {key[2] for key in kinds.images}
    other = next((mask.path for key, mask in masks.items() if key[2] not in stems), None)
    return NO_MASK if other is None else f"{NO_MASK}: masks are called as their frames, and not as {other}"


def _refuse_no_masks(kinds: _Kinds, files: Iterable[StoredFile], private: bool) -> None:
    """DatasetError where frames are there and no mask of any, with where masks may lie."""
    if not kinds.images or kinds.masks or not kinds.beside.keys().isdisjoint(kinds.images):
        return
    stems, advice = {key[2] for key in kinds.images}, "give them by --images and --masks"
    for file in [] if private else files:
        parts = PurePosixPath(composed(file.path)).parts
        place = kind_at(parts[:-1])
        if place is not None and parts[place].casefold() not in IMAGE_FOLDERS:
            advice = f"{file.path} is no picture: export the masks as PNG or TIFF, one a frame"
        elif place is None and len(parts) > 1 and MASK_AFFIX.sub("", stem_of(parts[-1])) in stems:
            advice = (
                f"the folder {parts[-2]} has files of their names: call it masks, or give both by --images, --masks"
            )
            break
    raise DatasetError(f"{len(stems)} frames are there, and no mask in mask/ or masks/ beside their folder; {advice}")


def _same_frame(name: FrameName, other: str, parts: tuple[Parts, Parts], private: bool) -> str:
    """Why a file is left out that stands for the frame `name` as `other` does."""
    if private:
        return "it is the same frame as another file"
    said = f"study {name.study}, series {name.series}, frame {name.frame}"
    where = " and ".join(sorted({each.where for each in parts}))
    return f"it is the same frame as {other}: {said}, by {where}"


def _nothing_found(files: Iterable[StoredFile]) -> DatasetError:
    lost = [file.path for file in files if kind_at((PurePosixPath(file.path).name,)) is not None]
    if lost:
        return DatasetError(f"{lost[0]} is no folder: a file, or a link to a place that is not there")
    packed = next((file.path for file in files if PurePosixPath(file.path).suffix.casefold() in ARCHIVES), None)
    if packed is not None:
        return DatasetError(f"no frames found, and {packed} may hold them: unpack it, and give the folder")
    return DatasetError(
        "no frames found: expected a folder img/ or images/ with frames and mask/ or masks/ beside it, "
        "or --images and --masks"
    )


def chosen(
    names: Iterable[FrameName], studies: frozenset[str] | None, per_study: int | None, *, private: bool = False
) -> set[FrameName]:
    """Names of the wanted studies; of each at most `per_study`, spread evenly over its frames.

    Raises DatasetError naming the studies that are not there, and where they are not `private` those that are.
    """
    by_study: dict[str, list[FrameName]] = {}
    for name in sorted(names):
        by_study.setdefault(name.study, []).append(name)
    if studies is not None:
        if absent := sorted(studies - by_study.keys()):
            there = f"{len(by_study)} others" if private else ", ".join(sorted(by_study))
            raise DatasetError(f"there is no study {', '.join(absent)}; there are {there}")
        by_study = {study: by_study[study] for study in sorted(studies)}
    kept: set[FrameName] = set()
    for of_study in by_study.values():
        count = len(of_study) if per_study is None else min(per_study, len(of_study))
        kept.update(of_study[(place * len(of_study)) // count] for place in range(count))
    return kept


def _own_kind(file: StoredFile) -> OwnKind | None:
    """What of this program's a file is, as `octseg predict` leaves it beside its frame; None for all else."""
    try:
        return kind_of_content(file.read())
    except DatasetError:
        return None
