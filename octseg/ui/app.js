// What the page does without asking the server: the gate, light and dark, and how the picture is drawn.
// Every setting is an attribute of <body> that app.css reads, so it outlives the next result.
(() => {
  const body = () => document.body;

  function applyView(controls) {
    const hidden = [...controls.querySelectorAll("[data-tissue-switch]")].filter((box) => !box.checked);
    body().dataset.octHide = hidden.map((box) => box.dataset.tissueSwitch).join(" ");
    const opacity = controls.querySelector("#oct-opacity");
    body().style.setProperty("--oct-opacity", opacity.value / 100);
    controls.querySelector("#oct-opacity-value").textContent = `${opacity.value} %`;
    body().dataset.octStyle = controls.querySelector("[name=oct-style]:checked").value;
    body().dataset.octGrey = controls.querySelector("#oct-grey").checked ? "yes" : "no";
  }

  document.addEventListener("input", (event) => {
    const controls = event.target.closest(".oct-controls");
    if (controls) applyView(controls);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#oct-agree")) {
      body().dataset.octAgreed = "yes";
      window.scrollTo(0, 0);
    }
    if (event.target.closest("#oct-theme")) body().classList.toggle("dark");
  });
})();
