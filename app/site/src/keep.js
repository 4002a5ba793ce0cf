/** Makes the site work without a network, once all its files have arrived. */

export function keepOffline() {
  if (!navigator.serviceWorker) return; // an old browser, or a page that is not served by https or localhost
  navigator.serviceWorker
    .register("offline.js")
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => {
      navigator.serviceWorker.addEventListener("message", ({ data }) => {
        if (data === "complete") document.documentElement.dataset.offline = "ready";
      });
      active.postMessage("keep");
    })
    .catch(() => {}); // without it the site works as long as there is a network
}
