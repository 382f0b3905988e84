// Forms follow what is answered in them, and are sent once. Without this script all questions show, and the server says
// which of the answers count.
addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-lifecycle-form]")) follow(form);

  function follow(form) {
    const places = [...form.querySelectorAll("[data-question]")];
    const questions = places.map((place) => ({
      name: place.dataset.question,
      type: place.dataset.type,
      show_if: place.dataset.showIf && JSON.parse(place.dataset.showIf),
    }));

    function show() {
      const answers = {};
      for (const place of places)
        for (const control of place.querySelectorAll("input, select, textarea"))
          if (control.value && (control.checked || !/^(checkbox|radio)$/.test(control.type))) (answers[control.name] ||= []).push(control.value);
      const hidden = LifecycleQuestions.hidden(questions, answers);
      for (const place of places) {
        const isHidden = hidden.includes(place.dataset.question);
        place.hidden = isHidden;
        for (const control of place.querySelectorAll("input, select, textarea")) {
          control.disabled = isHidden; // neither sent nor checked
          if ("required" in control.dataset) control.required = !isHidden;
        }
        some(place, isHidden);
      }
    }

    // “Choose at least one” has no attribute of its own.
    function some(place, isHidden) {
      if (!("some" in place.dataset)) return;
      const boxes = [...place.querySelectorAll("input[type=checkbox]")];
      const missing = !isHidden && !boxes.some((box) => box.checked);
      boxes[0]?.setCustomValidity(missing ? "Please choose at least one." : "");
    }

    form.addEventListener("input", show);
    form.addEventListener("reset", () => setTimeout(show));
    form.addEventListener("submit", () => setTimeout(() => press(true)));
    addEventListener("pageshow", () => { press(false); show(); });
    const press = (isPressed) => { for (const button of form.querySelectorAll("button")) button.disabled = isPressed; };
    show();
    form.querySelector("[aria-invalid]:not(fieldset)")?.focus();
  }
});
