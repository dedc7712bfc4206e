// Keeps the page on the device. The build writes name and SHA-256 of every file in here, so a new build is a new worker.
const FILES = /* FILES */ {};
// Models stay away until a visitor chooses them; what the other page needs, until it is opened.
const LATER = /^(models\/|bench)/;
const CACHE = `sentipress-${hashOf(JSON.stringify(FILES))}`;

// A module with one instruction of relaxed SIMD: a browser that accepts it runs the one wasm, any other the other.
const RELAXED_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
]);

self.addEventListener("install", (event) => event.waitUntil(keepAll()));

// The page names the files of the models that it has loaded, and hears when they are kept.
self.addEventListener("message", (event) => {
  const [port] = event.ports;
  const kept = keep(event.data).then(
    () => port.postMessage(""),
    (error) => port.postMessage(error.message),
  );
  event.waitUntil(kept);
});

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && new URL(event.request.url).origin === location.origin) event.respondWith(answer(event.request));
});

async function keepAll() {
  const other = WebAssembly.validate(RELAXED_SIMD) ? "litert/litert_wasm_compat_internal." : "litert/litert_wasm_internal.";
  await keep(Object.keys(FILES).filter((name) => !name.startsWith(other) && !LATER.test(name)));
}

async function keep(names) {
  const cache = await caches.open(CACHE);
  for (const name of names) {
    if (!(await cache.match(name))) await cache.put(name, await fetched(name, FILES[name]));
  }
}

/** A file with the hash of this build: a copy that a cache on the way still has of an older build is asked for again. */
async function fetched(name, hash) {
  for (const cache of ["default", "reload"]) {
    const response = await fetch(name, { cache });
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer()));
    if (Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === hash) return response;
  }
  throw new Error(`${name} is not the file of this build`);
}

async function takeOver() {
  for (const name of await caches.keys()) {
    if (name.startsWith("sentipress-") && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const folder = request.mode === "navigate" && new URL(request.url).pathname.endsWith("/");
  return (folder ? await cache.match("index.html") : undefined) ?? (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

/** A short name for a text, not for security. */
function hashOf(text) {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return (hash >>> 0).toString(16);
}
