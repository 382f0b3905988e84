// The preview of a mail follows what is typed, a moment later. Everything else on the page works without scripts.
document.addEventListener("DOMContentLoaded", () => {
  const preview = document.querySelector("[data-preview]");
  if (!preview) return;
  const button = preview.querySelector("[data-preview-button]");
  const frame = preview.querySelector("iframe");
  let timer;
  button.form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => button.form.requestSubmit(button), 700);
  });
  preview.querySelectorAll("[data-width]").forEach((choice) =>
    choice.addEventListener("click", () => { frame.style.maxWidth = choice.dataset.width; }),
  );
});
