// The editor of a landing page. The box of JSON in the form is what is saved; this draws it as a list of blocks with
// their fields, writes every change back into it, and shows the unsaved page in a sandboxed frame beside it.
(() => {
  const make = (tag, set = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) {
      if (name in node && name !== "list") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const button = (label, text, onclick, set = {}) =>
    make("button", { type: "button", className: "block-tool", title: label, ariaLabel: label, onclick, ...set }, text);
  const icon = (name) => make("span", { className: "material-symbols-outlined", ariaHidden: "true" }, name);
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const later = (ms, run) => { let timer; return () => { clearTimeout(timer); timer = setTimeout(run, ms); }; };

  class Editor {
    constructor(box, kinds, changed) {
      this.box = box;
      this.kinds = new Map(kinds.map((kind) => [kind.type, kind]));
      this.changed = changed;
      this.open = new WeakSet();
      this.list = make("ol", { className: "block-list" });
      this.note = make("p", { className: "block-note", role: "status" });
      this.raw = button("Show what is stored", "Raw", () => this.toggle(), { className: "block-tool raw" });
      this.root = make("div", { className: "blocks" },
        make("div", { className: "block-bar" }, this.adder(), this.raw), this.note, this.list);
      box.before(this.root);
      box.addEventListener("input", () => this.changed());
      this.read() ? this.show() : this.toggle();
    }

    // The box's JSON as blocks; false if it does not read.
    read() {
      try {
        const blocks = JSON.parse(this.box.value.trim() || "[]");
        if (!Array.isArray(blocks) || !blocks.every((block) => block && typeof block === "object" && !Array.isArray(block))) throw new Error("A list of blocks is expected.");
        this.blocks = blocks;
        this.say("");
        return true;
      } catch (error) {
        this.say(`This does not read: ${error.message}`);
        return false;
      }
    }

    write() {
      this.box.value = JSON.stringify(this.blocks, null, 2);
      this.box.dispatchEvent(new Event("change", { bubbles: true }));
      this.changed();
    }

    say(...words) { this.note.replaceChildren(...words); }

    toggle() {
      const shown = this.root.classList.contains("is-raw");
      if (shown && !this.read()) return;
      this.root.classList.toggle("is-raw", !shown);
      this.box.hidden = shown;
      this.raw.textContent = shown ? "Raw" : "Blocks";
      if (shown) this.show();
      else this.box.focus();
    }

    adder() {
      const menu = make("div", { className: "block-menu" });
      const adder = make("details", { className: "block-adder" },
        make("summary", { className: "desk-button" }, "Add a block"), menu);
      for (const kind of this.kinds.values()) {
        const pick = () => { adder.open = false; this.insert(this.blocks.length, { type: kind.type }); };
        menu.append(make("button", { type: "button", onclick: pick }, make("b", {}, kind.label), make("span", {}, kind.help)));
      }
      document.addEventListener("click", (event) => { if (!adder.contains(event.target)) adder.open = false; });
      adder.addEventListener("keydown", (event) => { if (event.key === "Escape") { adder.open = false; adder.firstChild.focus(); } });
      return adder;
    }

    show() {
      this.box.hidden = true;
      this.list.replaceChildren(...this.blocks.map((block, at) => this.card(block, at)));
      if (!this.blocks.length) this.list.append(make("li", { className: "block-none" }, "No blocks yet. Begin with an opening."));
    }

    insert(at, block) {
      this.blocks.splice(at, 0, block);
      this.open.add(block);
      this.show();
      this.write();
      const card = this.list.children[at];
      card.scrollIntoView({ block: "nearest" });
      card.querySelector("input, textarea, select")?.focus();
    }

    move(at, to) {
      if (to < 0 || to >= this.blocks.length) return;
      this.blocks.splice(to, 0, ...this.blocks.splice(at, 1));
      this.show();
      this.write();
      this.list.children[to].querySelector(to < at ? ".up-tool" : ".down-tool").focus();
    }

    remove(at) {
      const [gone] = this.blocks.splice(at, 1);
      this.show();
      this.write();
      const undo = () => { this.say(""); this.insert(Math.min(at, this.blocks.length), gone); };
      this.say(`${this.kinds.get(gone.type)?.label ?? "Block"} removed. `, button("Put it back", "Undo", undo, { className: "block-undo" }));
    }

    card(block, at) {
      const kind = this.kinds.get(block.type);
      const summary = make("span", { className: "block-summary" });
      const retell = () => { summary.textContent = gist(block); };
      const head = make("summary", {}, make("b", {}, `${at + 1}. ${kind?.label ?? block.type ?? "?"}`), summary);
      const body = make("div", { className: "block-fields" });
      const card = make("details", { className: "block-card", open: this.open.has(block) }, head, body);
      card.addEventListener("toggle", () => { this.open[card.open ? "add" : "delete"](block); });
      const tell = () => { retell(); this.write(); };
      if (kind) body.append(...kind.fields.map((field) => this.field(field, block, tell)));
      else body.append(make("p", { className: "block-note" }, "There is no such block. Remove it, or mend it in the raw view."));
      retell();
      const tools = make("div", { className: "block-tools" },
        button("Move up", "↑", () => this.move(at, at - 1), { disabled: at === 0, className: "block-tool up-tool" }),
        button("Move down", "↓", () => this.move(at, at + 1), { disabled: at === this.blocks.length - 1, className: "block-tool down-tool" }),
        button("Duplicate", icon("content_copy"), () => this.insert(at + 1, copy(block))),
        button("Remove", icon("delete"), () => this.remove(at), { className: "block-tool danger" }));
      return make("li", {}, card, tools);
    }

    field(field, row, tell) {
      return field.control === "items" ? this.items(field, row, tell) : this.control(field, row, tell);
    }

    control(field, row, tell) {
      const set = { value: row[field.name] ?? "", className: "block-input" };
      const input = field.control === "choice"
        ? make("select", { className: "block-input" }, ...field.options.map(([value, label]) => make("option", { value }, label)))
        : field.control === "text" || field.control === "prose"
          ? make("textarea", { ...set, rows: field.control === "prose" ? 6 : 2, maxLength: field.most })
          : make("input", { ...set, type: "text", maxLength: field.most, inputMode: field.control === "image" || field.control === "link" ? "url" : "text" });
      if (field.control === "choice") input.value = row[field.name] ?? field.options[0][0];
      const count = make("span", { className: "block-count" });
      const update = () => { count.textContent = input.value.length > field.most * 0.8 ? `${input.value.length} of ${field.most}` : ""; };
      input.addEventListener("input", () => {
        const empty = input.value === (field.control === "choice" ? field.options[0][0] : "");
        if (empty) delete row[field.name];
        else row[field.name] = input.value;
        update();
        tell();
      });
      update();
      const title = make("span", { className: "block-label" }, field.label, field.required ? "" : make("i", {}, " optional"), count);
      return make("label", { className: "block-field", "data-field": field.name }, title, input,
        ...(field.hint ? [make("small", {}, field.hint)] : []));
    }

    items(field, row, tell) {
      const holder = make("div", { className: "block-items", role: "group", ariaLabel: field.label });
      const draw = (focus) => {
        const items = row[field.name] ?? [];
        const change = (edit, focusAt) => () => {
          row[field.name] = items;
          edit(items);
          if (!items.length) delete row[field.name];
          tell();
          draw(focusAt);
        };
        holder.replaceChildren(make("span", { className: "block-label" }, field.label, field.required ? "" : make("i", {}, " optional")),
          ...items.map((item, at) => make("div", { className: "block-item" },
            make("div", { className: "block-item-fields" }, ...field.of.map((each) => this.field(each, item, tell))),
            make("div", { className: "block-tools" },
              button(`Move ${field.label} ${at + 1} up`, "↑", change((all) => all.splice(at - 1, 0, ...all.splice(at, 1)), at - 1), { disabled: at === 0 }),
              button(`Move ${field.label} ${at + 1} down`, "↓", change((all) => all.splice(at + 1, 0, ...all.splice(at, 1)), at + 1), { disabled: at === items.length - 1 }),
              button(`Remove ${field.label} ${at + 1}`, "×", change((all) => all.splice(at, 1)), { className: "block-tool danger" })))),
          button(`Add to ${field.label}`, "Add", change((all) => all.push({}), items.length), { className: "block-tool add" }));
        if (focus !== undefined) holder.querySelectorAll(":scope > .block-item")[focus]?.querySelector("input, textarea")?.focus();
      };
      draw();
      return holder;
    }

    // What the preview found: block (from 0, or null) and the sentence.
    mark(problems) {
      const cards = [...this.list.querySelectorAll(".block-card")];
      cards.forEach((card) => { card.classList.remove("has-problem"); card.querySelector(".block-problem")?.remove(); });
      for (const [at, words] of problems) {
        const card = cards[at];
        if (!card) continue;
        card.classList.add("has-problem");
        const list = card.querySelector(".block-problem") ?? make("ul", { className: "block-problem" });
        list.append(make("li", {}, words));
        card.querySelector(".block-fields").prepend(list);
      }
    }
  }

  const gist = (block) => {
    const named = ["headline", "heading", "text", "body", "question"].map((name) => block[name]).find((value) => typeof value === "string" && value);
    const text = named ?? (Array.isArray(block.items) ? block.items.map((item) => item?.title ?? item?.question ?? item?.name ?? "").filter(Boolean).join(", ") : "");
    return text.length > 70 ? `${text.slice(0, 70)}…` : text;
  };

  // A fresh frame for every look: no entry in the history, no flash, and the place that was read stays.
  class Preview {
    constructor(section, box, seen) {
      this.url = section.dataset.pagePreview;
      this.holder = section.querySelector(".page-frames");
      this.state = section.querySelector("[data-preview-state]");
      this.box = box;
      this.seen = seen;
      this.number = 0;
      this.width = 1280;
      section.querySelectorAll("[data-page-width]").forEach((choice) =>
        choice.addEventListener("click", () => { this.width = Number(choice.dataset.pageWidth); this.fit(); }));
      new ResizeObserver(() => this.fit()).observe(this.holder);
    }

    fit() {
      const room = this.holder.clientWidth;
      const width = this.width < 600 ? Math.min(this.width, room) : Math.max(this.width, room);
      const scale = Math.min(1, room / width);
      for (const frame of this.holder.children) {
        frame.style.width = `${width}px`;
        frame.style.height = `${this.holder.clientHeight / scale}px`;
        frame.style.transform = `scale(${scale})`;
        frame.style.left = `${Math.max(0, (room - width * scale) / 2)}px`;
      }
    }

    refresh() {
      const number = ++this.number;
      const old = this.holder.querySelector("iframe.shown");
      const frame = make("iframe", { name: `page-preview-${number}`, title: "The page as it looks now", sandbox: "allow-same-origin" });
      this.holder.append(frame);
      this.fit();
      this.state.textContent = "…";
      const form = make("form", { method: "post", action: this.url, target: frame.name, hidden: true },
        make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: document.querySelector("[name=csrfmiddlewaretoken]").value }),
        make("input", { type: "hidden", name: "blocks", value: this.box.value }));
      document.body.append(form);
      frame.addEventListener("load", () => {
        if (number !== this.number) return frame.remove();
        frame.contentWindow.scrollTo(0, old?.contentWindow.scrollY ?? 0);
        frame.classList.add("shown");
        for (const other of [...this.holder.children]) if (other !== frame) other.remove();
        this.state.textContent = "";
        this.seen([...frame.contentDocument.querySelectorAll("[data-block]")].map((row) => [row.dataset.block, row.textContent]));
      });
      form.submit();
      form.remove();
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.querySelector("textarea[data-blocks]");
    if (!box) return;
    const kinds = JSON.parse(document.getElementById(box.dataset.blocks).textContent);
    const section = document.querySelector("[data-page-preview]");
    let editor;
    const preview = section && new Preview(section, box, (problems) => editor.mark(problems));
    const refresh = later(450, () => preview?.refresh());
    editor = new Editor(box, kinds, refresh);
    if (section) {
      const desk = make("div", { className: "block-desk" });
      editor.root.before(desk);
      desk.append(make("div", { className: "block-side" }, editor.root, box), section);
      preview.refresh();
    }
  });

  document.addEventListener("click", async (event) => {
    const choice = event.target.closest("[data-copy]");
    if (!choice) return;
    await navigator.clipboard.writeText(choice.dataset.copy);
    choice.textContent = "Copied";
  });
})();
