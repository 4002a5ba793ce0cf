/**
 * Charts fit the paper: plotly draws them as wide as they are on the screen, and a narrower page cuts them
 * off. With a view box of that size they shrink with it. This stands in the page itself, once.
 */
(() => {
  const here = Symbol.for("recursion-lens.printing");
  if (window[here]) return;
  window[here] = true;
  const layers = () => document.querySelectorAll(".js-plotly-plot .main-svg");
  addEventListener("beforeprint", () => {
    for (const layer of layers())
      layer.setAttribute("viewBox", `0 0 ${layer.getAttribute("width")} ${layer.getAttribute("height")}`);
  });
  // plotly may draw at another size next
  addEventListener("afterprint", () => layers().forEach((layer) => layer.removeAttribute("viewBox")));
})();
