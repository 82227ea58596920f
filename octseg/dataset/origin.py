"""Where frames come from and on what terms: what a licence asks to be told wherever they go."""

from collections.abc import Sequence
from dataclasses import dataclass

CC_BY = "cc-by-4.0"
LICENCE_LINKS = {
    CC_BY: ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "apache-2.0": ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "cc0-1.0": ("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "cc-by-sa-4.0": ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    "cc-by-nc-4.0": ("CC BY-NC 4.0", "https://creativecommons.org/licenses/by-nc/4.0/"),
    "cc-by-nc-sa-4.0": ("CC BY-NC-SA 4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The material that a dataset is made from; what is not known is empty or None."""

    title: str
    creators: str = ""
    publisher: str = ""
    version: str = ""
    year: str = ""
    doi: str | None = None
    licence: str | None = None
    earlier_changes: str = ""

    @property
    def url(self) -> str | None:
        """The link to the material."""
        return None if self.doi is None else f"https://doi.org/{self.doi}"

    def attribution(self, changes: Sequence[str], *, opening: str = "Derived from", thing: str = "derivative") -> str:
        """What CC BY 4.0 section 3(a) asks for: creators, title, link, licence, changes, disclaimer of warranties."""
        credit = ", ".join(
            part for part in (self.publisher, self.version and f"version {self.version}", self.year, self.url) if part
        )
        told = f"{opening} **{self.title}**" + (f" by {self.creators}" if self.creators else "")
        told += f", {credit}" if credit else ""
        if self.licence is not None:
            name, link = LICENCE_LINKS.get(self.licence, (self.licence, ""))
            told += f", licensed under [{name}]({link})" if link else f", licensed under {name}"
        disclaimer = "Provided as is, without warranty" + (
            " (section 5 of the licence)" if self.licence == CC_BY else ""
        )
        earlier = f" **Earlier changes:** {self.earlier_changes}" if self.earlier_changes else ""
        changed = "; ".join(change.rstrip(".") for change in changes)
        return (
            f"{told}.{earlier} **Changes:** {changed}. {disclaimer}. "
            f"{'The authors do' if self.creators else 'Its source does'} not endorse this {thing}."
        )


ZENODO_RECORD = Origin(
    title="OCT Dataset for Segmentation of Atherosclerotic Plaque Morphological Features",
    creators="Danilov, V.; Laptev, V.; Klyshnikov, K.; Ovcharenko, E.; Kochergin, N.",
    publisher="Zenodo",
    version="1.0",
    year="2025",
    doi="10.5281/zenodo.14478210",
    licence=CC_BY,
)

# Its studies of RadialMamba's and Swin-UMamba's published figures: unseen there, so comparable when held out here.
RADIALMAMBA = ("008", "009", "017", "028", "029", "057", "072", "077", "086", "087")

# md5 of the record's folds, by which a file that was downloaded by hand is known.
ZENODO_FOLDS = {
    "3bef0c0229de65a2cb618b18f97ac949": "fold_1.zip",
    "8aa65b0d2008c287ca80fc4b1a219722": "fold_2.zip",
    "c53045ee5dd0c3c243d95253bfd4d0ef": "fold_3.zip",
    "af7dd83a88af4f9034db0d6b11f4a4ff": "fold_4.zip",
    "8c998cdddb40861b788dd84986c08252": "fold_5.zip",
}
