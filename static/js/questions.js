// Which questions of a form are asked, given the answers so far. The server says the same (leads/questions/conditions.py);
// tests/leads/show_if.json holds both to it. questions: [{name, type, show_if}], answers: name → list of texts as sent.
window.LifecycleQuestions = (() => {
  const YES = ["true", "on", "yes", "1"];
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

  function canonical(type, values) {
    const trimmed = values.map((value) => value.replace(/\r\n/g, "\n").replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ""));
    if (type === "checkbox") return [String(trimmed.some((value) => YES.includes(value.toLowerCase())))];
    if (type === "number")
      return trimmed.map((value) => value.replaceAll(",", ".")).filter((value) => NUMBER.test(value)).map((value) => String(Number(value)));
    return trimmed.filter((value) => value !== "");
  }

  function holds(condition, trigger, answers) {
    const given = canonical(trigger.type, answers[trigger.name] || []);
    const op = condition.op || "eq";
    if (op === "filled") return trigger.type === "checkbox" ? given[0] === "true" : given.length > 0;
    const wanted = canonical(trigger.type, [].concat(condition.value ?? []).map(String));
    const meets = given.some((value) => wanted.includes(value));
    return op === "ne" ? !meets : meets;
  }

  function hidden(questions, answers) {
    const known = new Map(), absent = new Set();
    for (const question of questions) {
      const condition = question.show_if, trigger = condition && known.get(condition.field);
      if (trigger && (absent.has(trigger.name) || !holds(condition, trigger, answers))) absent.add(question.name);
      known.set(question.name, question);
    }
    return [...absent];
  }

  return { hidden };
})();
