// Draws the rates of the last hour, and goes on while the page is open. The overview has the newest of them in figures.
"use strict";

(() => {
  const EVERY = 5000;
  const place = document.getElementById("charts");

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);

  function axis(more) {
    return { stroke: colour("--ink"), grid: { stroke: colour("--soft"), width: 1 }, ticks: { stroke: colour("--line") }, ...more };
  }

  function chart(title, series) {
    const lines = series.map(([label, ink, dash]) => ({ label, stroke: colour(ink), width: 2, dash, points: { show: false } }));
    const box = document.createElement("div");
    place.append(box);
    const options = {
      title,
      width: box.clientWidth || 300,
      height: 220,
      series: [{ label: "UTC", value: (_, at) => (at === null ? "--" : clock(at)) }, ...lines],
      axes: [axis({ space: 80, values: (_, marks) => marks.map(clock) }), axis()],
      scales: { y: { range: (_, low, high) => [0, Math.max(high || 0, 1)] } },
      cursor: { drag: { x: false, y: false } },
    };
    const made = new uPlot(options, [[], ...series.map(() => [])], box);
    new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: 220 })).observe(box);
    return made;
  }

  const live = chart("Live calls", [["live", "--link"]]);
  const rates = chart("A second", [["set-ups", "--good"], ["ends", "--link", [8, 4]], ["failed", "--bad", [2, 3]]]);

  async function look() {
    try {
      const answer = await fetch("/rates.json");
      if (answer.ok) {
        const seen = await answer.json();
        live.setData([seen.at, seen.live]);
        rates.setData([seen.at, seen.begun, seen.ended, seen.failed]);
      }
    } catch {
      // The page is away; the next look may find it again.
    }
  }

  look();
  setInterval(look, EVERY);
})();
