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
