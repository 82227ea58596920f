"""The CLIMA study's limits of high risk (Prati et al. 2020, Eur Heart J 41:383), and how a plaque stands to them."""

from dataclasses import dataclass

CLIMA_LUMEN_MM2, CLIMA_CAP_UM, CLIMA_ARC_DEG = 3.5, 75.0, 180.0


@dataclass(frozen=True, kw_only=True)
class Clima:
    """Three of the four criteria of the CLIMA study, of one plaque; None what cannot be judged.

    The fourth, macrophages, is not measured here. met_count: how many of the three are met; None where one of them
    cannot be judged.
    """

    lumen_under_3_5_mm2: bool | None
    cap_under_75_um: bool | None
    arc_over_180_deg: bool | None
    met_count: int | None
    lumen_margin_mm2: float | None
    cap_margin_um: float | None
    arc_margin_deg: float | None

    @classmethod
    def of(cls, lumen_mm2: float | None, cap_um: float | None, arc_deg: float | None) -> "Clima":
        """Of the smallest lumen, the thinnest cap and the widest arc of a plaque."""
        lumen = None if lumen_mm2 is None else lumen_mm2 - CLIMA_LUMEN_MM2
        cap = None if cap_um is None else cap_um - CLIMA_CAP_UM
        arc = None if arc_deg is None else arc_deg - CLIMA_ARC_DEG
        met = (*(None if off is None else off < 0 for off in (lumen, cap)), None if arc is None else arc > 0)
        return cls(
            lumen_under_3_5_mm2=met[0],
            cap_under_75_um=met[1],
            arc_over_180_deg=met[2],
            met_count=None if None in met else sum(map(bool, met)),
            lumen_margin_mm2=lumen,
            cap_margin_um=cap,
            arc_margin_deg=arc,
        )
