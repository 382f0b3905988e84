// The editor of a form's questions. The box of JSON in the form is what is saved; this draws it as a list, writes every
// change back into it, and lets the preview follow. Without scripts the box is there and says the same.
(() => {
  const make = (tag, set = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) name in node ? (node[name] = value) : node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const button = (label, text, onclick, set = {}) =>
    make("button", { type: "button", className: "block-tool", title: label, ariaLabel: label, onclick, ...set }, text);
  const WORDS = {
    text: "One line", textarea: "Several lines", email: "Email address", tel: "Phone", url: "Web address", number: "Number", date: "Date",
    select: "Choose one (list)", radio: "Choose one (buttons)", multiselect: "Choose several", checkbox: "Yes or no", hidden: "Hidden field",
  };
  const OPERATORS = { eq: "is", ne: "is not", in: "is one of", filled: "is filled in" };
  const LIMITS = { number: ["min", "max"], date: ["min", "max"] };

  class Editor {
    constructor(box, known) {
      Object.assign(this, { box, known, open: new WeakSet() });
      this.list = make("ol", { className: "block-list" });
      this.note = make("p", { className: "block-note", role: "status" });
      this.raw = button("Show what is stored", "Raw", () => this.toggle(), { className: "block-tool raw" });
      this.root = make("div", { className: "blocks" }, make("div", { className: "block-bar" }, this.adder(), this.raw), this.note, this.list);
      box.before(this.root);
      this.read() ? this.show() : this.toggle();
    }

    read() {
      try {
        const rows = JSON.parse(this.box.value.trim() || "[]");
        if (!Array.isArray(rows) || !rows.every((row) => row && typeof row === "object" && !Array.isArray(row))) throw new Error("A list of questions is expected.");
        this.rows = rows;
        this.note.replaceChildren();
        return true;
      } catch (error) {
        this.note.replaceChildren(`This does not read: ${error.message}`);
        return false;
      }
    }

    write() {
      const { keys } = this.known;
      const inOrder = (row) => Object.fromEntries(Object.entries(row).sort(([a], [b]) => keys.indexOf(a) - keys.indexOf(b)));
      this.box.value = JSON.stringify(this.rows.map(inOrder), null, 2);
      this.box.dispatchEvent(new Event("input", { bubbles: true })); // the preview listens to the form
    }

    toggle() {
      const isRaw = this.root.classList.contains("is-raw");
      if (isRaw && !this.read()) return;
      this.root.classList.toggle("is-raw", !isRaw);
      this.box.hidden = isRaw;
      this.raw.textContent = isRaw ? "Raw" : "List";
      isRaw ? this.show() : this.box.focus();
    }

    adder() {
      const menu = make("div", { className: "block-menu" });
      const adder = make("details", { className: "block-adder" }, make("summary", { className: "desk-button" }, "Add a question"), menu);
      for (const type of this.known.types)
        menu.append(make("button", { type: "button", onclick: () => { adder.open = false; this.insert(type); } }, make("b", {}, WORDS[type] ?? type)));
      document.addEventListener("click", (event) => { if (!adder.contains(event.target)) adder.open = false; });
      adder.addEventListener("keydown", (event) => { if (event.key === "Escape") { adder.open = false; adder.firstChild.focus(); } });
      return adder;
    }

    show() {
      this.box.hidden = true;
      this.list.replaceChildren(...this.rows.map((row, at) => this.card(row, at)));
      if (!this.rows.length) this.list.append(make("li", { className: "block-none" }, "Only the address is asked so far. Each further question costs sign-ups."));
    }

    insert(type) {
      const row = { name: this.free(type === "email" ? "email" : "question"), label: "", type };
      if (this.known.choices.includes(type)) row.options = ["First", "Second"];
      if (type === "hidden") delete row.label;
      this.rows.push(row);
      this.open.add(row);
      this.show();
      this.write();
      this.list.lastChild.querySelector("input")?.focus();
    }

    free(wish, self) {
      const taken = this.rows.filter((row) => row !== self).map((row) => row.name);
      let name = wish;
      for (let n = 2; taken.includes(name); n++) name = `${wish}_${n}`;
      return name;
    }

    move(at, to) {
      this.rows.splice(to, 0, ...this.rows.splice(at, 1));
      this.show();
      this.write();
      this.list.children[to]?.querySelector(to < at ? ".up-tool" : ".down-tool").focus();
    }

    remove(at) {
      const [gone] = this.rows.splice(at, 1);
      const undo = () => { this.note.replaceChildren(); this.rows.splice(at, 0, gone); this.show(); this.write(); };
      this.show();
      this.write();
      this.note.replaceChildren(`“${gone.label || gone.name}” removed. `, button("Put it back", "Undo", undo, { className: "block-undo" }));
    }

    card(row, at) {
      const gist = make("span", { className: "block-summary" }), title = make("b");
      const body = make("div", { className: "block-fields" });
      const card = make("details", { className: "block-card", open: this.open.has(row) }, make("summary", {}, title, gist), body);
      const tell = () => {
        title.textContent = `${at + 1}. ${row.label || row.name || "?"}`;
        const when = row.show_if ? ` · only if ${row.show_if.field} ${OPERATORS[row.show_if.op ?? "eq"] ?? ""} ${[].concat(row.show_if.value ?? []).join(", ")}` : "";
        gist.textContent = `${WORDS[row.type ?? "text"] ?? row.type}${row.required ? ", needed" : ""}${when}`;
      };
      const change = () => { tell(); this.write(); };
      const draw = () => body.replaceChildren(...this.fields(row, at, change, draw));
      card.addEventListener("toggle", () => this.open[card.open ? "add" : "delete"](row));
      tell();
      draw();
      const tools = make("div", { className: "block-tools" },
        button("Move up", "↑", () => this.move(at, at - 1), { disabled: at === 0, className: "block-tool up-tool" }),
        button("Move down", "↓", () => this.move(at, at + 1), { disabled: at === this.rows.length - 1, className: "block-tool down-tool" }),
        button("Remove", "Remove", () => this.remove(at), { className: "block-tool danger" }));
      return make("li", {}, card, tools);
    }

    fields(row, at, change, draw) {
      const type = row.type ?? "text", { texts, choices } = this.known;
      const isText = texts.includes(type), isLine = isText && type !== "textarea", isHidden = type === "hidden";
      const typed = (value) => (type === "number" && value !== "" && !isNaN(value) ? Number(value) : value);
      const found = [];
      if (!isHidden) found.push(this.input("Label", row, "label", { change: (value) => { this.name(row, value); change(); named?.(); } }));
      const nameField = this.input("Name in the data", row, "name", { change, hint: "Letters, digits and _. Rules and mails use it: do not change it later." });
      const named = () => { nameField.querySelector("input").value = row.name; };
      found.push(nameField, this.choice("Kind", type, Object.fromEntries(this.known.types.map((one) => [one, WORDS[one] ?? one])), (value) => { this.retype(row, value); change(); draw(); }));
      if (!isHidden) found.push(this.tick("Needed", row, "required", change));
      if (choices.includes(type)) found.push(this.options(row, change));
      if (!isHidden) found.push(this.input("Help below it", row, "help", { change, optional: true }));
      if (isText || type === "number") found.push(this.input("Example inside it", row, "placeholder", { change, optional: true }));
      if (type !== "multiselect") found.push(this.input("Filled in with", row, "default", { change, optional: true, read: type === "checkbox" ? (value) => value === "true" : typed }));
      found.push(this.tick("May come from the page's address (?name=…)", row, "prefill", change));
      for (const limit of LIMITS[type] ?? []) found.push(this.input(limit === "min" ? "At least" : "At most", row, limit, { change, optional: true, read: typed }));
      if (isText) for (const limit of ["min_length", "max_length"]) found.push(this.input(limit === "min_length" ? "Characters, at least" : "Characters, at most", row, limit, { change, optional: true, read: (value) => (value !== "" && !isNaN(value) ? Number(value) : value) }));
      if (isLine) found.push(this.input("Pattern", row, "pattern", { change, optional: true, hint: "[A-Z]{2}\\d+: two capitals, then digits." }), this.input("What to say if it does not fit", row, "message", { change, optional: true }));
      if (row.name !== "email" && at) found.push(this.condition(row, at, change, draw));
      return found;
    }

    // A new question takes its name from its label until somebody names it.
    name(row, label) {
      if (!/^question(_\d+)?$/.test(row.name ?? "question") && !row.named) return;
      Object.defineProperty(row, "named", { value: true, enumerable: false, configurable: true, writable: true });
      const wish = label.normalize("NFKD").toLowerCase().replace(/[\u0300-\u036f]/g, "").replace(/[^a-z0-9]+/g, "_").replace(/^[_\d]+|_+$/g, "").slice(0, 40);
      row.name = this.free(wish || "question", row);
    }

    retype(row, type) {
      row.type = type;
      const { texts, choices } = this.known, isText = texts.includes(type), drop = ["default"];
      if (!choices.includes(type)) drop.push("options"); else row.options ??= ["First", "Second"];
      if (!LIMITS[type]) drop.push("min", "max");
      if (!isText) drop.push("min_length", "max_length");
      if (!isText || type === "textarea") drop.push("pattern", "message");
      if (!isText && type !== "number") drop.push("placeholder");
      if (type === "hidden") drop.push("required");
      for (const key of drop) delete row[key];
    }

    input(label, row, key, { change, optional, hint, read = (value) => value }) {
      const control = make("input", { className: "block-input", type: "text", value: String(row[key] ?? "") });
      control.addEventListener("input", () => {
        if (optional && control.value === "") delete row[key];
        else row[key] = read(control.value);
        change(control.value);
      });
      return this.labelled(label, control, optional, hint);
    }

    labelled(label, control, optional, hint) {
      return make("label", { className: "block-field" }, make("span", { className: "block-label" }, label, optional ? make("i", {}, " optional") : ""), control, ...(hint ? [make("small", {}, hint)] : []));
    }

    choice(label, value, words, change) {
      const control = make("select", { className: "block-input" }, ...Object.entries(words).map(([each, text]) => make("option", { value: each }, text)));
      control.value = value;
      control.addEventListener("change", () => change(control.value));
      return this.labelled(label, control);
    }

    tick(label, row, key, change) {
      const control = make("input", { type: "checkbox", checked: row[key] === true });
      control.addEventListener("change", () => {
        if (control.checked) row[key] = true; else delete row[key];
        change();
      });
      return make("label", { className: "block-tick" }, control, label);
    }

    options(row, change) {
      const written = (row.options ?? []).map((option) => (option && typeof option === "object" ? `${option.value} | ${option.label ?? option.value}` : String(option)));
      const control = make("textarea", { className: "block-input", rows: Math.min(12, written.length + 1), value: written.join("\n") });
      control.addEventListener("input", () => {
        row.options = control.value.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
          const [value, label] = line.split(" | ", 2);
          return label === undefined ? value : { value: value.trim(), label: label.trim() };
        });
        change();
      });
      return this.labelled("Choices, one a line", control, false, "“value | What people read” keeps a short value in the data.");
    }

    condition(row, at, change, draw) {
      const earlier = Object.fromEntries([["", "Always"], ...this.rows.slice(0, at).map((one) => [one.name, `If “${one.label || one.name}” …`])]);
      const now = row.show_if;
      if (now && !(now.field in earlier)) earlier[now.field] = `If “${now.field}” (not above this one)`;
      const group = make("div", { className: "block-condition" });
      group.append(this.choice("Ask it", now?.field ?? "", earlier, (field) => {
        if (field) row.show_if = { op: "eq", value: "", ...now, field }; else delete row.show_if;
        change();
        draw();
      }));
      if (!now) return group;
      group.append(this.choice("How", now.op ?? "eq", OPERATORS, (op) => {
        now.op = op;
        if (op === "filled") delete now.value; else now.value = op === "in" ? [].concat(now.value ?? []) : String([].concat(now.value ?? "")[0] ?? "");
        change();
        draw();
      }));
      if (now.op !== "filled") {
        const control = make("input", { className: "block-input", type: "text", value: [].concat(now.value ?? "").join(", ") });
        const options = this.rows.find((one) => one.name === now.field)?.options ?? [];
        const id = `values-${at}`;
        control.setAttribute("list", id);
        control.addEventListener("input", () => {
          now.value = now.op === "in" ? control.value.split(",").map((each) => each.trim()).filter(Boolean) : control.value;
          change();
        });
        group.append(this.labelled(now.op === "in" ? "Values, with commas" : "Value", control, false), make("datalist", { id }, ...options.map((option) => make("option", { value: option.value ?? option }))));
      }
      return group;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.querySelector("textarea[data-questions]");
    if (!box) return;
    const editor = new Editor(box, JSON.parse(document.getElementById(box.dataset.questions).textContent));
    const preview = document.querySelector("[data-preview]");
    if (!preview) return;
    const desk = make("div", { className: "block-desk" }); // what is written and how it looks, side by side
    editor.root.before(desk);
    preview.classList.add("page-preview");
    desk.append(make("div", { className: "block-side" }, editor.root, box), preview);
  });

  document.addEventListener("click", async (event) => {
    const choice = event.target.closest("[data-copy]");
    if (!choice) return;
    await navigator.clipboard.writeText(choice.dataset.copy);
    choice.textContent = "Copied";
  });
})();
