// Whom the rule would hold for, asked a moment after it was typed. Without scripts the form works all the same.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("[data-rule-preview]");
  const rule = document.querySelector("textarea[name=rule]");
  if (!box) return;
  if (!rule) return box.replaceChildren();
  const form = rule.form;
  let timer;
  let asked = 0;

  const make = (tag, text = "", className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
  const row = (cells) => { const line = make("tr"); line.append(...cells); return line; };

  const people = (found) => {
    const table = make("table", "", "plain-table");
    const head = document.createElement("thead");
    head.append(row(["For example", "Stage", "Score", "Because"].map((name) => make("th", name))));
    const body = document.createElement("tbody");
    for (const person of found) {
      const who = make("td");
      who.append(Object.assign(make("a", person.name || person.email, "text-link"), { href: person.url }));
      if (person.name) who.append(make("div", person.email, "quiet"));
      const why = make("td");
      why.append(...person.why.map((reason) => make("div", reason)));
      body.append(row([who, make("td", person.stage), make("td", String(person.score)), why]));
    }
    table.append(head, body);
    const scroll = make("div", "", "table-scroll");
    scroll.append(table);
    return scroll;
  };

  const problems = (found) => {
    const list = make("ul", "", "rule-problems");
    for (const { path, message } of found) {
      const line = make("li");
      if (path) line.append(make("code", path), " ");
      line.append(message);
      list.append(line);
    }
    return list;
  };

  const show = (answer) => {
    if (answer.problems.length) return box.replaceChildren(problems(answer.problems));
    const number = `${answer.is_exact ? "" : "≈ "}${answer.count.toLocaleString("en")}`;
    const count = make("p", "", "rule-count");
    count.append(make("b", number), ` ${answer.count === 1 ? "lead" : "leads"}`);
    if (!answer.is_exact) count.append(make("span", " by a sample, as counting them takes a while", "quiet"));
    box.replaceChildren(make("p", answer.sentence, "rule-sentence"), count, ...(answer.people.length ? [people(answer.people)] : []));
  };

  const ask = async () => {
    const number = ++asked;
    box.classList.add("is-asking");
    const body = new URLSearchParams({ rule: rule.value, csrfmiddlewaretoken: form.csrfmiddlewaretoken.value });
    const answer = await fetch(box.dataset.rulePreview, { method: "POST", body })
      .then((response) => (response.ok ? response.json() : null), () => null);
    if (number !== asked) return;
    box.classList.remove("is-asking");
    show(answer ?? { problems: [{ path: "", message: "The preview did not answer. Saving works without it." }] });
  };

  rule.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 500); });
  ask();
});
