/** Helpers for elements of the page. Strings are inserted as text, never as HTML. */

const SVG = "http://www.w3.org/2000/svg";

export function make(tag, attributes = {}, children = []) {
  const node = ["svg", "path"].includes(tag)
    ? document.createElementNS(SVG, tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value != null && value !== false) node.setAttribute(name, value === true ? "" : value);
  node.append(...[children].flat());
  return node;
}

export const icon = (path) =>
  make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, make("path", { d: path }));
export const write = (node, text) => {
  if (node.firstChild?.data !== text) node.textContent = text;
};

/** Sets a canvas to the screen's resolution at its displayed size. */
export function fitCanvas(canvas) {
  const scale = globalThis.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [
    Math.round(canvas.clientWidth * scale),
    Math.round(canvas.clientHeight * scale),
  ];
}

/** The distance of an element from the top of its page, whatever the scroll position. */
export function topOf(node) {
  let top = node.getBoundingClientRect().top;
  for (let each = node; each; each = each.parentElement ?? each.getRootNode().host) top += each.scrollTop;
  return top;
}
