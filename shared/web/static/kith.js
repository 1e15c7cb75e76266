// The few things a page does better with a script; every one of them works without.
(() => {
  document.documentElement.classList.add("scripted");
  const find = (selector) => document.querySelector(selector);
  const say = (words) => { const place = find("#said"); if (place && words) place.textContent = words; };
  // Errors: whoever sent the form hears at once what to correct. Once, so that focus is not stolen later.
  const showErrors = () => {
    const summary = find(".error-summary:not([data-seen])");
    if (summary) { summary.dataset.seen = ""; summary.focus(); }
  };

  const actions = {
    setAll(button) { // "Everyone came": one tap sets all, each can still be changed
      for (const input of button.form.querySelectorAll("input[type=radio]"))
        if (input.value === button.dataset.setAll) input.checked = true;
      button.form.dispatchEvent(new Event("change", { bubbles: true }));
      say(button.dataset.said);
    },
    copy(button) {
      const words = button.dataset.words = button.dataset.words ?? button.textContent; // "Copied" is not to stay
      navigator.clipboard.writeText(button.dataset.copy).then(() => {
        say(button.textContent = button.dataset.said);
        setTimeout(() => { button.textContent = words; }, 2000);
      }, () => {});
    },
    leave(link) { // nothing of the page is left, and neither Back nor Forward leads here again
      document.body.textContent = "";
      document.title = "";
      const go = () => { history.replaceState(null, "", link.href); location.assign(`${link.href}?`); };
      if (!steps) return go();
      addEventListener("popstate", go, { once: true });
      history.go(-steps);
    },
  };
  let steps = history.state?.steps ?? 0; // how many places of this page, such as questions, Back would go through
  const note = () => history.replaceState({ steps }, "");
  note(); // the first place, too: Back leads there
  addEventListener("hashchange", () => {
    steps = history.state?.steps ?? steps + 1;
    note();
  });
  let escapes = [];
  addEventListener("keydown", (event) => { // Escape three times: away, as with the button
    escapes = event.key === "Escape" ? [...escapes, event.timeStamp].slice(-3) : [];
    if (escapes.length === 3 && event.timeStamp - escapes[0] < 3000) find("[data-leave]")?.click();
  });
  document.addEventListener("click", (event) => {
    const on = event.target.closest("[data-set-all], [data-copy], [data-leave]");
    if (event.target.closest(".skip")) { event.preventDefault(); find("main").focus(); } // the place in the page stays as it is
    if (!on) return;
    event.preventDefault();
    actions[Object.keys(actions).find((name) => name in on.dataset)](on);
  });

  // An impatient thumb: the second press is not sent. The button is not disabled, so its value goes along.
  const rest = (form) => {
    delete form.dataset.sending;
    form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[method=post i], [hx-post]")) return;
    if ("sending" in form.dataset) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sending = "";
    event.submitter?.setAttribute("aria-disabled", "true");
    setTimeout(rest, 5000, form);
  }, true);
  addEventListener("pageshow", () => [...document.forms].forEach(rest));

  document.addEventListener("htmx:afterSettle", showErrors);
  document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
    if (target.matches("form")) rest(target);
    // A part that was loaded with the page has its own words for when it did not come.
    if (detail.elt.matches("form, [hx-post]")) find("#trouble").hidden = detail.successful || /409|422/.test(detail.xhr.status);
  });
  showErrors();
})();
