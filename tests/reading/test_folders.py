"""What of a folder is looked at: links followed once, leftovers of systems passed over."""

from pathlib import Path

from octseg.reading.folders import walk


def refuse(error: OSError) -> None:
    raise error


def test_each_folder_is_looked_into_once_however_many_links_lead_there(tmp_path: Path) -> None:
    for folder in ("a/frames", "b"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a" / "frames" / "1.png").touch()
    (tmp_path / "b" / "again").symlink_to(tmp_path / "a" / "frames")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    found = [(folder.relative_to(tmp_path).as_posix(), files) for folder, files in walk(tmp_path, refuse)]
    assert found == [(".", []), ("a", []), ("a/frames", [tmp_path / "a" / "frames" / "1.png"]), ("b", [])]


def below(root: Path) -> list[str]:
    """The folders that are looked into, from `root`."""
    return [folder.relative_to(root).as_posix() for folder, _ in walk(root, refuse)]


def test_a_folder_keeps_its_own_path_where_a_link_to_it_comes_first(tmp_path: Path) -> None:
    (tmp_path / "P02" / "pre").mkdir(parents=True)
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "case7").symlink_to("../P02/pre")
    (tmp_path / "a").symlink_to("best")
    assert below(tmp_path) == [".", "best", "P02", "P02/pre"]


def test_of_links_to_another_disk_one_to_a_folder_comes_before_one_into_it(tmp_path: Path) -> None:
    root, disk = tmp_path / "root", tmp_path / "disk"
    for folder in (root / "best", disk / "P02" / "pre", disk / "P02" / "a"):
        folder.mkdir(parents=True)
    (root / "best" / "case7").symlink_to(disk / "P02" / "pre")
    (root / "P02").symlink_to(disk / "P02")
    (root / "P03").symlink_to(disk / "P02")
    (disk / "P02" / "a" / "again").symlink_to("../pre")
    (disk / "P02" / "up").symlink_to(root)
    assert below(root) == [".", "best", "P02", "P02/a", "P02/pre"]


def test_a_folder_that_only_a_link_of_a_link_leads_to_is_looked_into(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for folder in (root, tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
    (root / "a").symlink_to(tmp_path / "one")
    (tmp_path / "one" / "b").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "self").symlink_to("self")
    assert below(root) == [".", "a", "a/b"]


def test_a_folder_that_is_not_gone_into_is_not_looked_into(tmp_path: Path) -> None:
    for folder in ("kept", "results/below"):
        (tmp_path / folder).mkdir(parents=True)
    seen = [folder.name for folder, _ in walk(tmp_path, refuse, goes_into=lambda below: below.name != "results")]
    assert seen == [tmp_path.name, "kept"]


def test_thumbnails_of_a_nas_and_files_of_systems_are_passed_over(tmp_path: Path) -> None:
    thumbnail = tmp_path / "@eaDir" / "1.png" / "SYNOFILE_THUMB_M.png"
    thumbnail.parent.mkdir(parents=True)
    for path in (thumbnail, *(tmp_path / name for name in ("1.png", "Thumbs.db", ".DS_Store", "._1.png", "1.png~"))):
        path.touch()
    assert list(walk(tmp_path, refuse)) == [(tmp_path, [tmp_path / "1.png"])]
