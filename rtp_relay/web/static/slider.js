// Shows a call as it was at the version that the slider is at. Without this file, the form's button does the same.
"use strict";

(() => {
  const slider = document.getElementById("version");
  const place = document.getElementById("then");
  let waiting = 0;

  async function show() {
    const wanted = slider.value;
    const answer = await fetch(`${slider.dataset.state}&version=${wanted}`, { headers: { "HX-Request": "true" } });
    if (answer.ok && slider.value === wanted) {
      place.innerHTML = await answer.text();
    }
  }

  slider.setAttribute("aria-valuetext", `version ${slider.value}`);
  slider.addEventListener("input", () => {
    slider.setAttribute("aria-valuetext", `version ${slider.value}`);
    clearTimeout(waiting);
    waiting = setTimeout(show, 100);
  });
})();
