// Shows events of all calls as they are written, the newest first. What others have chosen is only ever set as text.
"use strict";

(() => {
  const MOST = 300;
  const rows = document.getElementById("events");
  const status = document.getElementById("connection");
  const pause = document.getElementById("pause");
  const waiting = [];
  let paused = false;

  function cell(row, text, kind = "td") {
    const made = document.createElement(kind);
    made.textContent = text;
    row.append(made);
    return made;
  }

  function put(row) {
    rows.prepend(row);
    while (rows.rows.length > MOST) {
      rows.deleteRow(-1);
    }
  }

  function show(row) {
    if (!paused) {
      put(row);
      return;
    }
    waiting.push(row);
    if (waiting.length > MOST) {
      waiting.shift();
    }
    status.textContent = `Paused, ${waiting.length} events wait.`;
  }

  function eventRow(told) {
    const row = document.createElement("tr");
    cell(row, told.at);
    const link = document.createElement("a");
    link.href = told.url;
    link.dir = "auto";
    link.textContent = told.call;
    cell(row, "").append(link);
    cell(row, told.version).className = "n";
    const name = cell(row, told.event, "th");
    name.scope = "row";
    if (told.failed) {
      row.className = "failed";
      const word = document.createElement("span");
      word.className = "state bad";
      word.textContent = "failed";
      name.append(" ", word);
    }
    cell(row, told.facts).dir = "auto";
    cell(row, told.by);
    return row;
  }

  function gapRow(told) {
    const row = document.createElement("tr");
    row.className = "failed";
    const how = told.missed === null ? "Events may be missing here." : `${told.missed} events are missing here.`;
    cell(row, how).colSpan = 6;
    return row;
  }

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    status.textContent = paused ? "Paused." : "Connected.";
    if (!paused) {
      waiting.splice(0).forEach(put);
    }
  });

  const source = new EventSource(rows.dataset.events);
  source.onopen = () => { status.textContent = "Connected."; };
  source.onerror = () => { status.textContent = "Not connected; it is tried again."; };
  source.onmessage = (event) => show(eventRow(JSON.parse(event.data)));
  source.addEventListener("gap", (event) => show(gapRow(JSON.parse(event.data))));
})();
