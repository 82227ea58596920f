// Formats to choose from, as check boxes: what each is for, or what keeps it from being made.
(() => {
  function line(offer, checked) {
    const label = document.createElement("label"), box = document.createElement("input");
    const name = document.createElement("b"), what = document.createElement("small");
    box.type = "checkbox";
    box.value = offer.name;
    box.disabled = offer.why_not !== "";
    box.checked = checked && !box.disabled;
    name.textContent = offer.label;
    what.textContent = offer.why_not || offer.what;
    label.append(box, name, what);
    return label;
  }

  // The fieldset of some offers. title: its legend, shown or not; isChecked(offer): whether one is chosen to begin with.
  window.octFormats = (offers, title, isShown, isChecked) => {
    const list = document.createElement("fieldset"), legend = document.createElement("legend");
    legend.textContent = title;
    if (!isShown) legend.className = "oct-unseen-label";
    list.append(legend, ...offers.map((offer) => line(offer, isChecked(offer))));
    return list;
  };
})();
