// Keeps the page on the device, and each model that was loaded; no other one is fetched.
import { $ } from "./dom.js";
import { explained, t } from "./language.js";

let kept = ["offlineNotYet", {}];
let worker; // the active service worker, once there is one

/** Install the service worker. @param {string[]} files of the models that are loaded already */
export async function keepPage(files) {
  if (!("serviceWorker" in navigator)) {
    say("offlineImpossible");
    return;
  }
  try {
    await navigator.serviceWorker.register("./sw.js");
    worker = (await navigator.serviceWorker.ready).active;
    await keep(files);
    document.documentElement.dataset.offline = "true";
    say("offlineKept");
  } catch (error) {
    say("offlineFailed", { reason: explained(error) });
  }
}

/** Keep a model that was loaded later. @param {string[]} files */
export function keepLoaded(files) {
  if (worker) keep(files).catch((error) => say("offlineFailed", { reason: explained(error) }));
}

/** Say again how far this is, in another language. */
export function showKept() {
  say(...kept);
}

function say(key, values = {}) {
  kept = [key, values];
  $("offline").textContent = t(key, values);
}

/** Ask the service worker to keep files; it answers when it has. */
function keep(files) {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => (data ? reject(new Error(data)) : resolve());
    worker.postMessage(files, [port2]);
  });
}
