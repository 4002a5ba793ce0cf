// The service worker. build.py writes VERSION, a hash of all files, and FILES above this line.

const CACHE = `recursion-lens-${VERSION}`;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  const forget = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("message", (event) => {
  if (event.data === "keep") event.waitUntil(keep(event.source));
});

/** Fetches the files that are missing, one after the other, so that the page's own requests come first. */
async function keep(page) {
  const cache = await caches.open(CACHE);
  for (const file of FILES) if (!(await cache.match(file))) await cache.add(file);
  page.postMessage("complete");
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(answer(request));
});

/** The kept file, whatever the query; a folder is its index.html. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const address = new URL(request.url);
  if (address.pathname.endsWith("/")) address.pathname += "index.html";
  return (await cache.match(address, { ignoreSearch: true })) ?? fetch(request);
}
