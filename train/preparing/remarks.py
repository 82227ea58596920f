"""What frames show that a network had better not learn, told once the dataset is made.

Nothing of it can be undone without a guess, but for colours that were exchanged (processing.py), so all of it stays in
the pictures, and it is for whoever made them to export them anew.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from octseg.reading.names import listed
from octseg.view.altered import ALTERED
from octseg.view.balance import WARMED
from octseg.view.drawn_over import FOREIGN, PAINTED_OVER
from octseg.view.levels import unlike
from octseg.view.preprocessing import FrameView

if TYPE_CHECKING:
    from train.preparing.workshop import Made

PUT_BACK, DRAWN_OVER, CHANGED, UNLIKE = "put_back", "drawn_over", "changed", "unlike"
OF_VIEW = {PAINTED_OVER: DRAWN_OVER, FOREIGN: CHANGED, ALTERED: CHANGED, WARMED: CHANGED}
SENTENCES = {
    DRAWN_OVER: "lines or labels are drawn over tissue in {count} of the frames ({names}): where they tell what is to "
    "be found, a network learns them instead; export the frames without them",
    CHANGED: "colours or levels are not those of a console in {count} of the frames ({names}): export them unchanged",
    UNLIKE: "no imaged disc, more than a frame, or other grey levels than frames of intravascular OCT have, in {count} "
    "of the frames ({names}): look at them, and leave out what is no such frame",
}


def of_view(view: FrameView) -> tuple[str, ...]:
    """The remarks on a frame by its view, each once."""
    told = [OF_VIEW[each] for each in view.warnings if each in OF_VIEW]
    if view.disc is None or view.is_page or unlike(view.grey, view.disc.mask(*view.grey.shape)):
        told.append(UNLIKE)
    return tuple(dict.fromkeys(told))


def sentences(noted: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """One for each kind that was met; noted: of each frame its name and its remarks."""
    told = []
    for kind, sentence in SENTENCES.items():
        names = [name for name, remarks in noted if kind in remarks]
        if names:
            told.append(sentence.format(count=len(names), names=listed(names)))
    return told


def contradicting(made: Sequence["Made"]) -> list[str]:
    """A sentence where one picture, to the last pixel, is there with masks that differ."""
    of_picture: dict[str, list[Made]] = {}
    for one in made:
        of_picture.setdefault(one.sha256[0], []).append(one)
    names = [
        one.item.name.stem for same in of_picture.values() if len({one.sha256[1] for one in same}) > 1 for one in same
    ]
    if not names:
        return []
    return [
        f"{len(names)} of the frames are the very same pictures as others and have other masks ({listed(names)}): one "
        "of the masks is wrong, so keep each picture once"
    ]
