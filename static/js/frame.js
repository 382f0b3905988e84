// The inside of a frame on somebody's page: tells its height, and takes from that page where the visitor came from.
(() => {
  if (parent === window) return;
  const tell = (said) => parent.postMessage({ lifecycle: 1, ...said }, "*"); // nothing here is a secret
  const NAMES = /^(utm_(source|medium|campaign|term|content)|[gw]braid|(g|d|fb|tt|tw)clid|msclkid|li_fat_id|referrer|page_url|anonymous_id)$/;

  addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form[data-lifecycle-form]"), done = document.querySelector("[data-lifecycle-done]");
    new ResizeObserver(() => tell({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) })).observe(document.body);
    tell(done ? { done: done.dataset.lifecycleDone, next: done.dataset.next || "" } : { ready: form?.dataset.lifecycleForm });
    if (!form) return;
    addEventListener("message", ({ source, data }) => {
      if (source !== parent || typeof data?.lifecycleFrom !== "object") return;
      for (const [name, value] of Object.entries(data.lifecycleFrom || {})) {
        if (!NAMES.test(name) || typeof value !== "string") continue;
        let hidden = form.querySelector(`input[type=hidden][name="${name}"]`);
        hidden ||= form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
        hidden.value = value.slice(0, 2000);
      }
    });
  });
})();
