// For pages that show a form of ours in a frame: the frame gets the height it asks for, and the form learns where the
// visitor came from. <iframe data-lifecycle-frame src="https://…/forms/contact?embed=1"></iframe>
(() => {
  const frames = () => [...document.querySelectorAll("iframe[data-lifecycle-frame]")];
  const saved = (store, name) => { try { return store()[name]; } catch { return undefined; } };

  // What this page knows; t.js, if it is here, remembers where the visit began.
  function from() {
    const said = { page_url: location.href.split("#")[0], referrer: document.referrer };
    for (const [name, value] of new URLSearchParams(location.search)) said[name] = value;
    try { Object.assign(said, Object.fromEntries(JSON.parse(saved(() => sessionStorage, "lc_from") || "[]"))); } catch { /* not ours */ }
    const browser = saved(() => localStorage, "lc_id");
    return browser ? { ...said, anonymous_id: browser } : said;
  }

  addEventListener("message", ({ source, origin, data }) => {
    const frame = data?.lifecycle && frames().find((each) => each.contentWindow === source);
    if (!frame || origin !== new URL(frame.src, location.href).origin) return;
    if (data.height > 0 && data.height < 20000) frame.style.height = `${data.height}px`;
    if (data.ready) source.postMessage({ lifecycleFrom: from() }, origin);
    if (data.done) {
      const event = new CustomEvent("lifecycle:done", { bubbles: true, cancelable: true, detail: { form: data.done } });
      const goesOn = frame.dispatchEvent(event);
      if (goesOn && /^https?:\/\//.test(data.next)) location.assign(data.next);
    }
  });
})();
