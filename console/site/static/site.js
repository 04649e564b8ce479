// What a browser alone can do: hear of changes, send a person's word with the session's token, open and close, draw the bars.
"use strict";
(() => {
  const one = (id) => document.getElementById(id);
  const csrf = document.querySelector('meta[name="csrf"]').content;
  const logIn = () => location.assign(`/login?onward=${encodeURIComponent(location.pathname + location.search)}`);

  // Changes come in crowds: one look at the parts for all of a moment's.
  let waiting = null;
  const changed = () => {
    if (waiting) return;
    waiting = setTimeout(() => { waiting = null; htmx.trigger(document.body, "changed"); }, 120);
  };
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") event.detail.headers["x-csrf-token"] = csrf;
    if (event.detail.triggeringEvent && event.detail.triggeringEvent.type === "changed") event.detail.headers["x-unattended"] = "1";
  });
  // Who is about to say something in a part does not have it taken away by a change.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target, requestConfig } = event.detail, typing = document.activeElement;
    const isChange = requestConfig.triggeringEvent && requestConfig.triggeringEvent.type === "changed";
    if (isChange && elt === target && elt.contains(typing) && typing.matches("input, textarea, select")) event.preventDefault();
  });
  const refusal = (told) => `${told.title}: ${told.detail}. ${told.next}`;
  document.addEventListener("htmx:responseError", (event) => {
    try { one("said").textContent = refusal(JSON.parse(event.detail.xhr.responseText)); } catch { one("said").textContent = "No answer"; }
  });
  const listen = () => {
    const events = new EventSource("/events");
    for (const name of ["incident", "control", "model", "circuit", "audit", "reset"]) events.addEventListener(name, changed);
    events.addEventListener("ended", () => { events.close(); logIn(); });
    events.addEventListener("hello", () => { document.body.dataset.live = "yes"; });
    events.addEventListener("error", () => { document.body.dataset.live = "no"; });
  };
  // What runs out does so without an event.
  setInterval(changed, 15000);

  const send = async (path, word, place = one("said")) => {
    const answer = await fetch(path, {
      method: "POST", credentials: "same-origin",
      headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify(word),
    });
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401) { logIn(); return false; }
    place.textContent = answer.ok ? told.said : refusal(told);
    changed();
    return answer.ok;
  };

  document.addEventListener("click", (event) => {
    const found = event.target.closest("[data-approve], [data-incident], [data-close], [data-open], [data-copy]");
    if (!found) return;
    const told = found.dataset;
    if (told.approve) {
      found.disabled = true;
      send(`/api/v1/approvals/${encodeURIComponent(told.approve)}`, { approve: "yes" in told, plan_hash: told.plan })
        .finally(() => { found.disabled = false; });
    } else if (told.incident) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      look(told.incident);
    } else if (told.open) one(told.open).showModal();
    else if ("copy" in told) {
      navigator.clipboard.writeText(found.parentElement.querySelector("code").textContent).then(() => { found.textContent = "Copied"; });
    }
    else found.closest("dialog").close();
  });
  // A form says to which address its fields go as one word; a button's own name and value are among them.
  document.addEventListener("submit", (event) => {
    const form = event.target, path = form.dataset.send;
    if (!path) return;
    event.preventDefault();
    const word = Object.fromEntries(new FormData(form, event.submitter));
    if (one("stop").open) one("stop").close();
    // What is behind an open dialog is neither seen nor heard: a form in one has a place of its own for the answer.
    send(path, word, form.querySelector("output") || one("said")).then((went) => { if (went) form.reset(); });
  });

  const address = (change) => {
    const url = new URL(location.href);
    change(url.searchParams);
    history.replaceState(history.state, "", url);
  };
  const look = async (incident) => {
    await htmx.ajax("GET", `/incidents/${encodeURIComponent(incident)}`, { target: "#drawer-body", swap: "innerHTML" });
    if (!one("drawer").open) one("drawer").showModal();
    one("drawer").scrollTop = 0;
    address((words) => words.set("incident", incident));
  };
  one("drawer").addEventListener("close", () => address((words) => words.delete("incident")));

  // The filters stand in the address, so that it can be sent to somebody.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id !== "filters") return;
    address((words) => {
      for (const [name, value] of new FormData(one("filters"))) {
        if (value) words.set(name, value); else words.delete(name);
      }
      words.delete("after");
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const found = document.querySelector({ "/": "[data-search]", n: "#needs" }[event.key] || "none");
    if (found) { event.preventDefault(); found.focus(); found.scrollIntoView(); }
  });

  const TICKS = { switch: "--bad", release: "--good", freeze: "--warn", deployment: "--busy" };
  const COLOURS = { healed: "--good", self_healed: "--good", escalated: "--bad", rollback_failed: "--bad", rolled_back: "--warn" };
  let chart = null;
  const draw = () => {
    const place = document.querySelector("#day .chart");
    if (!place) return;
    const rows = JSON.parse(place.dataset.bars), ticks = JSON.parse(place.dataset.ticks);
    const ends = [...new Set(rows.flatMap((row) => Object.keys(row.ends)))].sort();
    const look = getComputedStyle(document.documentElement);
    const sums = rows.map(() => 0);
    // Each layer stands on the ones before it; the tallest is drawn first.
    const layers = ends.map((end) => ({ end, values: rows.map((row, n) => (sums[n] += row.ends[end] || 0)) })).reverse();
    const colour = (end) => look.getPropertyValue(COLOURS[end] || "--calm").trim();
    const axis = { stroke: look.getPropertyValue("--quiet").trim(), grid: { stroke: look.getPropertyValue("--rule").trim(), width: 1 } };
    const hour = 3600, first = Date.parse(rows[0].at) / 1000;
    const mark = (plot) => {
      const { top, height } = plot.bbox;
      plot.ctx.save();
      for (const { at, what } of ticks) {
        plot.ctx.fillStyle = look.getPropertyValue(TICKS[what]).trim();
        plot.ctx.fillRect(plot.valToPos(Date.parse(at) / 1000, "x", true), top, 2 * devicePixelRatio, height);
      }
      plot.ctx.restore();
    };
    if (chart) chart.destroy();
    chart = new uPlot({
      hooks: { draw: [mark] },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      width: place.clientWidth, height: 148, legend: { show: false }, cursor: { show: false },
      scales: { x: { range: [first - hour / 2, first + (rows.length - 0.5) * hour] }, y: { range: (_, low, high) => [0, Math.max(high, 4)] } },
      axes: [{ ...axis, grid: { show: false }, values: (_, moments) => moments.map((at) => new Date(at * 1000).toISOString().slice(11, 16)) }, { ...axis, size: 40 }],
      series: [{}, ...layers.map(({ end }) => ({ label: end, fill: colour(end), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7] }) }))],
    }, [rows.map((row) => Date.parse(row.at) / 1000), ...layers.map((layer) => layer.values)], place);
  };
  document.addEventListener("htmx:afterSwap", (event) => { if (["day", "tab"].includes(event.detail.target.id)) draw(); });
  document.addEventListener("htmx:historyRestore", draw);
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  listen();
  draw();
  const asked = new URL(location.href).searchParams.get("incident");
  if (asked) look(asked);
})();
