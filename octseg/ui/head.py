"""The head that every page has: name, purpose, the research-use notice, and the switch for light and dark."""

RESEARCH_USE = "Research use only, not a medical device"
PURPOSE = "Lipid-rich plaque in intravascular OCT, outlined and measured"


def head_html(purpose: str = PURPOSE) -> str:
    """Name, purpose, the research-use notice that always stands there, and the switch for light and dark."""
    return (
        '<header class="oct-head"><svg viewBox="0 0 34 34" aria-hidden="true"><circle cx="17" cy="17" r="16" '
        'fill="#2b1605"/><circle cx="17" cy="17" r="11.5" fill="none" stroke="#e0a92e" stroke-width="5"/>'
        '<path d="M25.1 8.9A11.5 11.5 0 0 1 27 22.7" fill="none" stroke="#56b4e9" stroke-width="5"/>'
        '<circle cx="17" cy="17" r="2.6" fill="#e0a92e"/></svg><h1>octseg</h1>'
        f"<p>{purpose}</p>"
        f'<span class="oct-research">{RESEARCH_USE}</span>'
        '<button type="button" id="oct-theme" aria-label="Light or dark" title="Light or dark">◐</button>'
        '<p class="oct-unseen-said" id="oct-live" role="status" aria-live="polite"></p></header>'
    )
