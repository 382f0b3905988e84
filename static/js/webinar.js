// The date in the visitor's own zone, the time until the start, and a fresh look when the room opens. Without this
// script the page says the date in the webinar's zone, which is true everywhere.
addEventListener("DOMContentLoaded", () => {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

  for (const place of document.querySelectorAll("[data-starts]")) {
    const starts = new Date(place.dataset.starts), ends = new Date(place.dataset.ends);
    const isSame = clock(starts, place.dataset.zone) === clock(starts, here);
    if (isSame) {
      place.hidden = true;
      continue;
    }
    const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: here });
    place.textContent = `Your time: ${day.format(starts)}, ${clock(starts, here)}–${clock(ends, here)} (${here.replaceAll("_", " ")})`;
    place.hidden = false;
  }

  function clock(moment, timeZone) {
    return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(moment);
  }

  for (const place of document.querySelectorAll("[data-countdown]")) {
    const starts = Date.parse(place.dataset.countdown);
    const parts = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];
    const tick = () => {
      let left = Math.max(0, Math.round((starts - Date.now()) / 1000));
      const isOver = left === 0;
      for (const [name, seconds] of parts) {
        place.querySelector(`[data-part=${name}]`).textContent = Math.floor(left / seconds);
        left %= seconds;
      }
      place.hidden = isOver;
      if (isOver) clearInterval(timer);
    };
    const timer = setInterval(tick, 1000);
    tick();
  }

  // A timer of a browser is at most 24 days long, and a page that was asleep is late: so it looks each minute.
  for (const place of document.querySelectorAll("[data-reload]")) {
    const opens = Date.parse(place.dataset.reload);
    if (opens <= Date.now()) continue;
    const timer = setInterval(() => {
      if (Date.now() < opens) return;
      clearInterval(timer);
      location.reload();
    }, 5_000);
  }
});
