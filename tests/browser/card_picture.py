"""Make the picture of the bundled weights' model card, docs/model_card.png: `python -m tests.browser.card_picture`."""

import io

from markdown_it import MarkdownIt
from PIL import Image
from playwright.sync_api import sync_playwright

from hub.cards.merging import split
from octseg.cards.model import model_card
from octseg.checkpoint import load_checkpoint
from octseg.pretrained import BUNDLED
from tests.browser.conftest import SWITCHES, find_chromium
from tests.fakes.app_server import ROOT

PICTURE = ROOT / "docs" / "model_card.png"
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 860px; margin: 24px auto; padding: 0 20px; }
pre code { padding: 0; }
code, pre { background: #f3f4f6; border-radius: 4px; padding: 1px 4px; } pre { padding: 12px; overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; } th, td { border: 1px solid #d5dae0; padding: 4px 8px; }"""
COLOURS = 32


def main() -> None:
    """Render the card as the Hub would, headings, tables and code, and keep what the screen shows."""
    _, text = split(model_card(load_checkpoint(BUNDLED).config, name="org/name"))
    html = MarkdownIt("commonmark").enable("table").render(text)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        page = browser.new_page(viewport={"width": 940, "height": 900})
        page.set_content(f"<style>{STYLE}</style>{html}")
        shown = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        browser.close()
    shown.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
