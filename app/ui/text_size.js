/**
 * Tells Python how large the page's text is, in multiples of a browser's usual 16 pixels: what is drawn there in
 * pixels, as charts are, grows with it. Nothing is seen of this.
 */
export default function mount({ data, setStateValue }) {
  const tell = () => {
    const { fontSize } = getComputedStyle(document.documentElement);
    const scale = Math.round(Number.parseFloat(fontSize) / 1.6) / 10;
    if (scale !== data.scale) setStateValue("scale", scale);
  };
  const listening = new AbortController();
  addEventListener("resize", tell, { signal: listening.signal });
  tell();
  return () => listening.abort();
}
