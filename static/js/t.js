// Tracking snippet, see docs/snippet.md: under 5 KB as it stands.
(() => {
const { dataset: set, src } = document.currentScript, url = (set.host || new URL(src).origin) + "/v1/batch";
const nav = navigator, refused = nav.doNotTrack == 1 || nav.globalPrivacyControl;
const NAMED = /^(utm_\w+|\w*clk?id|[gw]braid|li_fat_id)$/;
let allowed = !refused && set.consent != "wait", held = [], tries = 0, busy, timer, last, before;

const safe = (run) => (...given) => { try { return run(...given) } catch {} };
const [store, tab] = safe(() => [localStorage, sessionStorage])() || [];
const text = JSON.stringify, list = (value) => safe(JSON.parse)(value) || [];
const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const here = () => location.href.split("#")[0];

// On the widest domain that takes it: www. and docs. are one browser
function cookie(value, age) {
	const parts = location.hostname.split(".");
	for (let n = parts.length; n-- && !(age && document.cookie.includes(value));) {
		const domain = n ? parts.slice(n - 1).join(".") : "";
		document.cookie = `lc_id=${value};path=/;max-age=${age};samesite=lax;domain=${domain}`;
	}
}
function anonymous() {
	cookie(store.lc_id = document.cookie.match(/lc_id=([\w-]+)/)?.[1] || store.lc_id || random(), 34e6);
	return store.lc_id;
}
function forget() {
	for (const key of ["id", "user", "queue"]) delete store["lc_" + key];
	delete tab.lc_from;
	cookie("", 0);
}

// What the address tells of the way here
const named = () => [...new URLSearchParams(location.search)].filter(([name]) => NAMED.test(name));
const page = () => ({ url: here(), path: location.pathname, title: document.title, referrer: before });
function add(type, said) {
	const campaign = {};
	for (const [name, value] of named())
		if (name[3] == "_") campaign[name.slice(4).replace("campaign", "name")] = value;
	const context = { page: page(), campaign, userAgent: nav.userAgent };
	const call = { type, ...said, messageId: random(), timestamp: new Date(), context };
	allowed ? put(call) : refused || held.push(call);
}
function put(call) {
	call = { ...call, anonymousId: anonymous(), userId: store.lc_user };
	store.lc_queue = text([...list(store.lc_queue), call].slice(-99));
	soon(20);
}
function soon(ms) {
	clearTimeout(timer);
	timer = setTimeout(() => send().catch(() => 0), ms);
}
function lot(size = 0) { // 64 KB outlive a page
	return list(store.lc_queue).filter((call, n) => (size += text(call).length) < 2e4 || !n);
}
const body = (batch) => text({ batch, writeKey: set.key, sentAt: new Date() });

// A call leaves the queue once it is answered; sent twice it counts once, by its messageId
async function send() {
	const batch = lot(), sent = text(batch);
	if (busy || !allowed || !batch[0]) return;
	busy = 1;
	const { status = 500 } = await fetch(url, { method: "POST", body: body(batch), keepalive: true }).catch(() => 0);
	busy = 0;
	if (status == 429 || status > 499) return soon(Math.min(2 ** tries++, 300) * 500 * (1 + Math.random()));
	tries = 0;
	store.lc_queue = text(list(store.lc_queue).filter((call) => !sent.includes(call.messageId)));
	soon(0);
}

function view() {
	if (here() == last) return;
	before = last || document.referrer;
	last = here();
	api.page();
}
function submitted({ target: form }) {
	const mark = form.dataset.lifecycle, email = form.querySelector("[type=email],[name=email]")?.value;
	if (!allowed || mark == "off") return;
	if (mark != null || url.startsWith(new URL(form.getAttribute("action"), here()).origin + "/"))
		for (const [name, value] of [...list(tab.lc_from), ["anonymous_id", anonymous()], ["page_url", last]]) {
			const hidden = Object.assign(document.createElement("input"), { type: "hidden", name });
			(form.elements[name] || form.appendChild(hidden)).value ||= value;
		}
	else if (/.@./.test(email) && !form.querySelector("[type=password]")) api.identify({ email });
}

const api = {
	track: (event, properties) => add("track", { event, properties }),
	page(name, properties) {
		const from = named();
		if (allowed && (from[0] || !tab.lc_from)) tab.lc_from = text([...from, ["referrer", before]]);
		add("page", { name, properties: { ...page(), ...properties } });
	},
	identify(user, traits) {
		if (typeof user == "object") traits = user;
		else if (allowed) store.lc_user = user;
		add("identify", { traits });
	},
	reset: forget,
	consent(given) {
		allowed = given && !refused;
		allowed ? held.splice(0).map(put) : held = forget() || [];
	},
};
const { q = [] } = window.lifecycle || {}, shown = window.lifecycle = {}, push = history.pushState;
for (const name in api) shown[name] = safe(api[name]);
if (refused) return;
const on = (name, run) => addEventListener(name, safe(run), true);
history.pushState = (...given) => push.apply(history, given, setTimeout(safe(view)));
on("popstate", view);
on("submit", submitted);
on("pagehide", () => allowed && lot()[0] && nav.sendBeacon(url, body(lot())));
safe(view)();
for (const [name, given] of q) shown[name]?.(...given);
})();
