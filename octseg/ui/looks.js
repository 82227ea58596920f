// What a page does without asking the server: the gate, light and dark, how the picture is drawn, and what is told of it.
// Every setting is an attribute of <body> that app.css reads, so it outlives the next result; agreement lasts for this
// tab, light or dark for this browser.
(() => {
  const body = () => document.body;
  const AGREED = "oct-agreed", THEME = "oct-theme";

  // A browser may refuse to keep anything, as in another site's frame: then nothing outlives a reload.
  function kept(store, key) {
    try { return window[store].getItem(key); } catch { return null; }
  }

  function keep(store, key, value) {
    try { window[store].setItem(key, value); } catch { /* said above */ }
  }

  function applyTheme() {
    const dark = kept("localStorage", THEME);
    if (dark !== null && body().classList.contains("dark") !== (dark === "dark")) body().classList.toggle("dark");
  }

  function begin() {
    if (kept("sessionStorage", AGREED)) body().dataset.octAgreed = "yes";
    applyTheme();
    // Gradio sets the theme of the system when it starts, and again when that changes.
    new MutationObserver(applyTheme).observe(body(), { attributes: true, attributeFilter: ["class"] });
  }

  function applyView(controls) {
    const hidden = [...controls.querySelectorAll("[data-tissue-switch]")].filter((box) => !box.checked);
    body().dataset.octHide = hidden.map((box) => box.dataset.tissueSwitch).join(" ");
    const opacity = controls.querySelector("#oct-opacity");
    body().style.setProperty("--oct-opacity", opacity.value / 100);
    controls.querySelector("#oct-opacity-value").textContent = `${opacity.value} %`;
    body().dataset.octStyle = controls.querySelector("[name=oct-style]:checked").value;
    body().dataset.octGrey = controls.querySelector("#oct-grey").checked ? "yes" : "no";
    body().dataset.octDoubt = controls.querySelector("#oct-doubt-shown").checked ? "yes" : "no";
    body().dataset.octPlaces = controls.querySelector("#oct-places").checked ? "yes" : "no";
  }

  // Where a number was measured: it stands out in the picture until it is clicked again.
  function showPlace(name) {
    if (body().dataset.octPlace === name) delete body().dataset.octPlace;
    else body().dataset.octPlace = name;
    window.octCore();
    document.dispatchEvent(new Event("oct-place"));
  }

  // One lipid core by itself, in the picture and in the table of cores.
  window.octCore = () => {
    const place = body().dataset.octPlace;
    for (const each of document.querySelectorAll("[data-core]")) {
      each.classList.toggle("oct-here", place === `core-${each.dataset.core}`);
    }
  };

  document.addEventListener("input", (event) => {
    const controls = event.target.closest(".oct-controls");
    if (controls) applyView(controls);
  });

  // H shows where variants of a frame disagree, and hides it again; not while something is typed.
  document.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.altKey || event.metaKey, on = event.target;
    if (event.key.toLowerCase() !== "h" || held || on.matches("textarea, input:not([type=range], [type=checkbox], [type=radio])")) return;
    const page = on.closest(".oct-pullback, .oct-figure, #oct-controls, .oct-review-page");
    const box = document.querySelector("#oct-doubt-shown");
    if (page && box?.checkVisibility()) box.click();
  });

  // Enter that is held down clicks once, and not also on what the focus goes to from the button that it clicked.
  document.addEventListener("keydown", (event) => {
    if (event.repeat && event.key === "Enter" && !event.target.matches("textarea")) event.preventDefault();
  }, true);

  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-place]");
    if (place) {
      showPlace(place.dataset.place);
      document.querySelector(".oct-stage, svg.oct-picture")?.scrollIntoView({ block: "nearest" });
    }
    if (event.target.closest("#oct-agree")) {
      keep("sessionStorage", AGREED, "yes");
      body().dataset.octAgreed = "yes";
      window.scrollTo(0, 0);
      window.octToUploader();
    }
    if (event.target.closest("#oct-theme")) {
      keep("localStorage", THEME, body().classList.contains("dark") ? "light" : "dark");
      applyTheme();
      if (kept("localStorage", THEME) === null) body().classList.toggle("dark");
    }
  });

  // What is told to those who do not see the screen, once it has come to rest.
  let saying = null;
  window.octSay = (words) => {
    clearTimeout(saying);
    saying = setTimeout(() => { document.querySelector("#oct-live").textContent = words; }, 600);
  };

  // The leading numbers below a part of the page, in words.
  window.octTold = (part) => [...part.querySelectorAll(".oct-tile")].map((tile) => {
    const label = (tile.querySelector(".oct-tile-label summary") ?? tile.querySelector(".oct-tile-label")).textContent;
    const value = tile.querySelector(".oct-tile-value").textContent;
    return `${label} ${value === "–" ? "not measured" : value}`;
  }).join(", ");

  // The focus goes to a result unless somebody is busy elsewhere: with a scale, a switch, a download.
  window.octFocus = (result) => {
    const at = document.activeElement;
    if (!at || at === body() || at.closest("#oct-upload, #oct-examples")) result.focus({ preventScroll: true });
  };

  // Where the focus goes from a button that is gone with the click: never to the one that takes the file away.
  window.octToUploader = () => {
    const empty = document.querySelector("#oct-upload .upload-container");
    (empty ?? document.querySelector(".oct-stage, .oct-figure"))?.focus({ preventScroll: true });
  };

  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
