// Shows a call as it was at the version that the slider is at. Without this file, the form's button does the same.
"use strict";

(() => {
  const slider = document.getElementById("version");
  const against = document.getElementById("against");
  const place = document.getElementById("then");
  let waiting = 0;
  let asked = "";

  async function show() {
    const wanted = `version=${slider.value}&against=${encodeURIComponent(against.value)}`;
    asked = wanted;
    const answer = await fetch(`${slider.dataset.state}&${wanted}`, { headers: { "HX-Request": "true" } });
    if (answer.ok && asked === wanted) {
      place.innerHTML = await answer.text();
    }
  }

  slider.setAttribute("aria-valuetext", `version ${slider.value}`);
  for (const field of [slider, against]) {
    field.addEventListener("input", () => {
      slider.setAttribute("aria-valuetext", `version ${slider.value}`);
      clearTimeout(waiting);
      waiting = setTimeout(show, 100);
    });
  }
})();
