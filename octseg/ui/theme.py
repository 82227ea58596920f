"""Looks of the page: system fonts, quiet greys around a sepia picture, one blue. Nothing is fetched from elsewhere."""

from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
STYLES = ("app.css", "pullback.css", "downloads.css", "phone.css", "forced.css")
SCRIPTS = (
    *("looks.js", "several.js", "frames.js", "view.js", "curves.js", "unrolled.js", "range.js"),
    *("awaiting.js", "formats.js", "downloads.js", "steps.js", "pullback.js", "corrected.js", "app.js", "away.js"),
)
HEAD = (  # Gradio's own `css=` puts a class before each selector, which then cannot begin at <body>
    "".join(f"<style>{(HERE / name).read_text(encoding='utf-8')}</style>" for name in STYLES)
    + "".join(f"<script>{(HERE / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)
)

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "Arial", "sans-serif")
FONT_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
BLUE = gr.themes.Color(
    c50="#eef6fb",
    c100="#d7eaf5",
    c200="#b0d5eb",
    c300="#7fbade",
    c400="#4a9bcb",
    c500="#1f7fb5",
    c600="#0072b2",
    c700="#075d90",
    c800="#0d4a70",
    c900="#0f3a57",
    c950="#0a2438",
)
INK = gr.themes.Color(
    c50="#f7f8fa",
    c100="#eef0f3",
    c200="#dfe3e8",
    c300="#c6ccd4",
    c400="#98a1ad",
    c500="#6b7582",
    c600="#4d5662",
    c700="#363d47",
    c800="#22272f",
    c900="#171b21",
    c950="#0e1115",
)


def theme() -> gr.themes.Base:
    """The theme in light and dark; fonts are names that the visitor's system resolves."""
    return gr.themes.Base(
        primary_hue=BLUE,
        secondary_hue=BLUE,
        neutral_hue=INK,
        radius_size=gr.themes.sizes.radius_md,
        font=[gr.themes.Font(name) for name in FONT],
        font_mono=[gr.themes.Font(name) for name in FONT_MONO],
    ).set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_border_width="0px",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_50",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        button_primary_border_color="transparent",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
    )
