/**
 * Reports the page's text size to Python, in multiples of the default 16 pixels, so that charts, which are drawn in
 * pixels, grow with it. Invisible.
 */
export default function mount({ data, setStateValue }) {
  const report = () => {
    const { fontSize } = getComputedStyle(document.documentElement);
    const scale = Math.round(Number.parseFloat(fontSize) / 1.6) / 10;
    if (scale !== data.scale) setStateValue("scale", scale);
  };
  const listening = new AbortController();
  addEventListener("resize", report, { signal: listening.signal });
  report();
  return () => listening.abort();
}
