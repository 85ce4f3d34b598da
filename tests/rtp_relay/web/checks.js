// What a page has to be for everybody (WCAG 2.2 AA), as far as a program can tell: returns what is wrong with it.
const wrong = [];
const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const name = (element) => `${element.tagName.toLowerCase()} ${(element.textContent || element.id || "").trim().slice(0, 40)}`;

for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea, progress")) {
  if (!field.labels?.length && !field.getAttribute("aria-label")) wrong.push(`no label: ${name(field)}`);
}
for (const table of document.querySelectorAll("main table:not(.u-legend)")) {
  if ([...table.querySelectorAll("th")].some((cell) => !cell.scope)) wrong.push(`a heading without scope: ${name(table)}`);
  if (!table.querySelector("th")) wrong.push(`a table without headings: ${name(table)}`);
}
for (const link of document.querySelectorAll("a, button")) {
  if (!link.textContent.trim()) wrong.push(`nothing to read: ${link.outerHTML.slice(0, 80)}`);
}
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
if (new Set(ids).size !== ids.length) wrong.push("an id stands twice");
if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
if (!document.documentElement.lang) wrong.push("no language");

const light = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const luminance = ([red, green, blue]) => 0.2126 * light(red / 255) + 0.7152 * light(green / 255) + 0.0722 * light(blue / 255);
const colour = (text) => (text.match(/[\d.]+/g) || []).map(Number);

function paper(element) {
  for (let at = element; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found;
  }
  return [255, 255, 255];
}

for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (!own || !shown(element) || element.closest("svg, .u-legend, .skip, option")) continue;
  const [one, other] = [luminance(colour(getComputedStyle(element).color)), luminance(paper(element))];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(1)}: ${name(element)}`);
}
for (const target of document.querySelectorAll("button, select, input:not([type=hidden])")) {
  const box = target.getBoundingClientRect();
  if (shown(target) && (box.height < 19 || box.width < 19)) wrong.push(`small: ${name(target)} ${box.width} by ${box.height}`);
}
return wrong;
