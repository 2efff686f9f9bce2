// What the portal adds where a browser runs scripts; every page works without. Keeps nothing in the browser.
"use strict";
(() => {
  // The library for live checks writes the path of the page when it starts: nothing of a search is to stay.
  const forget = () => { try { sessionStorage.clear(); } catch { /* storage is off: nothing to forget */ } };
  forget();
  addEventListener("pagehide", forget);

  // A page that comes back from memory may show a patient after the session ended: ask for it again.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  document.querySelector("[data-focus]")?.focus();

  // A second press of a button sends nothing; a form that opens another window can be sent again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.target === "_blank") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
  });

  // One open menu or help at most, closed by Escape or a press elsewhere.
  const closeOthers = (kept) => document.querySelectorAll("details.menu[open]").forEach((each) => {
    if (each !== kept) each.open = false;
  });
  document.addEventListener("click", (event) => closeOthers(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest("details[open].menu, details[open].help");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // Live checks: the field says that it is wrong, not only the text below. Waiting: each step is said once.
  document.addEventListener("htmx:afterSettle", () => {
    document.querySelectorAll(".problem-live").forEach((each) => {
      const field = document.getElementById(each.id.replace("problem-", "trait-"));
      if (each.textContent.trim()) field?.setAttribute("aria-invalid", "true");
      else { field?.removeAttribute("aria-invalid"); each.replaceChildren(); }
    });
    const said = document.getElementById("progress-said");
    const now = document.getElementById("progress")?.dataset.say;
    if (said && now && said.textContent !== now) said.textContent = now;
  });

  // The end of the session, announced two minutes before.
  const dialog = document.getElementById("session-end");
  if (!dialog) return;
  const given = dialog.dataset;
  const WARNING = Number(given.warning);
  const left = document.getElementById("session-end-left");
  const start = Date.now();
  let active = start;
  const tabs = "BroadcastChannel" in self ? new BroadcastChannel("session") : null;
  const others = () => { active = Date.now(); if (dialog.open) dialog.close(); };
  tabs?.addEventListener("message", others);
  tabs?.postMessage("active");

  const words = (seconds) => {
    if (seconds > 90) return given.minutes.replace("#", String(Math.round(seconds / 60)));
    if (seconds > 30) return given.minute;
    return given.seconds.replace("#", String(Math.max(10, Math.ceil(seconds / 10) * 10)));
  };
  let understood = false;
  const show = (why) => {
    dialog.querySelectorAll("[data-when]").forEach((each) => { each.hidden = each.dataset.when !== why; });
    if (!dialog.open) dialog.showModal();
  };
  const look = () => {
    const now = Date.now();
    const idle = Number(given.idle) - (now - active) / 1000;
    const ends = Number(given.ends) - (now - start) / 1000;
    const seconds = Math.min(idle, ends);
    if (seconds <= 0) { location.assign(given.ended); return; }
    if (seconds > WARNING) return;
    const why = ends <= idle ? "ends" : "idle";
    if (why === "ends" && understood && !dialog.open) return;
    const text = words(seconds);
    if (left.textContent !== text) left.textContent = text;
    show(why);
  };
  const keep = async () => {
    const answer = await fetch(given.keep, { method: "POST", body: new URLSearchParams({ csrf: given.csrf }) }).catch(() => null);
    if (answer && answer.ok && !answer.redirected) { others(); tabs?.postMessage("active"); }
    else if (answer) location.assign(given.ended);
  };
  dialog.querySelector("[data-keep-button]").addEventListener("click", keep);
  dialog.querySelector("[data-close-button]").addEventListener("click", () => { understood = true; dialog.close(); });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (dialog.querySelector("[data-keep-button]").hidden) { understood = true; dialog.close(); } else keep();
  });
  setInterval(look, 1000);
})();
