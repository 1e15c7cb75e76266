// A check-in on a phone: a tap on an answer goes on, and an answer that cannot be sent waits here until it can.
(() => {
  const A_DAY = 24 * 3600 * 1000, PATIENCE = 20_000, kept = `waits:${location.pathname}`, draft = `draft:${location.pathname}`;
  const find = (selector) => document.querySelector(selector);
  const form = () => find("form[data-waits]");
  const fields = () => new URLSearchParams(new FormData(form())).toString();
  const attempt = (work) => { try { return work(); } catch { return null; } }; // a browser may allow no storage

  // A tap goes on by itself. Keys do not: with the arrows people look through the answers.
  const next = (inside) => [...inside.querySelectorAll("[data-next]")].find((link) => link.offsetParent);
  const step = (screen) => {
    const link = next(screen), screens = screen.closest(".screens");
    if (!link) return;
    screens.classList.add("moved"); // the second half of a double tap finds nothing here to press
    setTimeout(() => screens.classList.remove("moved"), 400);
    link.click();
  };
  document.addEventListener("click", (event) => {
    const screen = event.detail && event.target.closest(".choice")?.closest(".screen");
    if (screen) setTimeout(step, 150, screen);
    if (event.target.closest("[data-again]")) again();
    if (event.target.closest("[data-forget]")) { forget(); tell(); find("#main").focus(); }
    if (event.target.closest("[data-leave]")) attempt(() => sessionStorage.removeItem(draft));
  });
  document.addEventListener("submit", (event) => {
    const on = event.target, button = event.submitter;
    if (event.defaultPrevented || !on.matches(".screens") || button?.name) return;
    const onward = button?.matches("[data-default]") && next(on);
    if (!onward && !on.matches("[data-waits]")) return;
    event.preventDefault();
    delete on.dataset.sending;
    if (onward) onward.click(); else send(fields());
  });

  // ---- the answer waits: sent once, forgotten then or after a day ----
  let unsent = null, is_sending = false;
  const forget = () => { unsent = null; attempt(() => { localStorage.removeItem(kept); sessionStorage.removeItem(draft); }); };
  const waiting = () => unsent ?? attempt(() => JSON.parse(localStorage.getItem(kept)));
  const send = async (body, at = Date.now()) => {
    if (is_sending) return;
    is_sending = true;
    try {
      const answer = await fetch(location.pathname + location.search, { method: "POST", body: new URLSearchParams(body), signal: AbortSignal.timeout?.(PATIENCE) });
      if (answer.status >= 500) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.querySelector(".stop:not([data-done])")) forget(); // closed for now: what has waited goes on waiting, and what was written stays
      else if (!find("#not-kept")?.checked) attempt(() => sessionStorage.setItem(draft, body));
      document.title = page.title;
      document.body.replaceWith(page.body);
      tell();
      scrollTo(0, 0);
      find("#main").focus(); // whoever does not see it is told that there is something new
      document.dispatchEvent(new Event("htmx:afterSettle")); // what is to be corrected takes the focus
    } catch {
      if (!form()) return; // a page that asks nothing: what waits goes on waiting for the next time it is opened
      unsent = [at, body];
      const keeps = !find("#not-kept").checked && attempt(() => { localStorage.setItem(kept, JSON.stringify(unsent)); return true; });
      find("#waits [data-if=kept]").hidden = !keeps;
      find("#waits [data-if=open]").hidden = keeps;
      form().hidden = true;
      if (find("#waits").hidden) { find("#waits").hidden = false; find("#waits").tabIndex = -1; find("#waits").focus(); }
      setTimeout(again, PATIENCE);
    } finally { is_sending = false; }
  };
  const tell = () => { // a page that asks nothing now says what waits here
    if (!find("#kept")) return;
    const waits = !!attempt(() => localStorage.getItem(kept));
    find("#kept").hidden = !waits;
    if (find("#alone")) find("#alone").hidden = waits;
  };
  const again = () => {
    const [at, body] = waiting() ?? [];
    if (!body || !(form() || find("[data-done]"))) return;
    if (Date.now() - at < A_DAY) { send(body, at); return; }
    forget();
    if (form()) { find("#waits").hidden = true; form().hidden = false; }
  };
  addEventListener("online", again);

  // ---- what was answered so far outlives a look at another page, in this window alone ----
  const keep = () => { if (form() && !unsent && !find("#not-kept")?.checked) attempt(() => sessionStorage.setItem(draft, fields())); };
  addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", () => { // behind another app a page may end without being told
    if (document.hidden) keep(); else if (form()) attempt(() => sessionStorage.removeItem(draft));
  });
  attempt(() => {
    for (const name of Object.keys(localStorage)) if (name.startsWith("waits:") && Date.now() - JSON.parse(localStorage.getItem(name))[0] > A_DAY) localStorage.removeItem(name);
    if (find("[data-done]") && !waiting()) forget(); // what waits is sent first: the reply says whether it is kept
    if (!form()) return; // a page that says why there are no questions now
    for (const [name, value] of new URLSearchParams(sessionStorage.getItem(draft) ?? "")) {
      const field = form().elements.namedItem(name);
      if (field?.type === "checkbox") field.checked = true; else if (field) field.value = value;
    }
    sessionStorage.removeItem(draft);
  });
  tell();
  again();

  // ---- on a tablet that goes from hand to hand: whatever the browser remembers is emptied, and asked of the server anew ----
  if (find("[data-kiosk]")) {
    const over = find("[data-over]"), still = find("#still"), leave = (event) => { event?.preventDefault(); location.replace(over.href); };
    const empty = () => [...document.forms].forEach((one) => one.reset());
    addEventListener("pagehide", empty);
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    over?.addEventListener("click", leave);
    let idle = over && setTimeout(leave, 30_000);
    const ask = () => { still.hidden = false; idle = setTimeout(() => find("#stop").submit(), 30_000); };
    const touched = () => { clearTimeout(idle); if (still) still.hidden = true; idle = setTimeout(still ? ask : empty, still ? 120_000 : 60_000); };
    if (!over) { ["pointerdown", "keydown"].forEach((kind) => addEventListener(kind, touched)); touched(); }
  }
})();
