// The page follows the server's events and takes over what has changed, without losing the
// reader's place, order of rows or focus.
(() => {
  let shown = made;
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  status.className = "following";
  document.querySelector("main").after(status);
  const key = (table) => [...document.querySelectorAll("table.sorts")].indexOf(table);
  const remember = () => {
    const sorted = [...document.querySelectorAll("th[aria-sort]")].map((h) => [key(h.closest("table")), h.cellIndex, h.getAttribute("aria-sort")]);
    const head = document.activeElement?.closest("table.sorts th");
    const at = head && [key(head.closest("table")), head.cellIndex];
    const link = document.activeElement?.getAttribute?.("href");
    const open = [...document.querySelectorAll("details[open] > summary")].map((s) => s.textContent);
    return () => {
      const tables = document.querySelectorAll("table.sorts");
      for (const [table, column, order] of sorted) {
        const head = tables[table]?.tHead.rows[0].cells[column];
        for (let i = 0; head && i < 2 && head.getAttribute("aria-sort") !== order; i++) head.querySelector("button")?.click();
      }
      for (const s of document.querySelectorAll("details > summary")) if (open.includes(s.textContent)) s.parentElement.open = true;
      if (at) tables[at[0]]?.tHead.rows[0].cells[at[1]]?.querySelector("button")?.focus();
      if (link) document.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus();
    };
  };
  const late = () => { status.textContent = "Not up to date: the server does not answer."; };
  const pause = () => 3000 + 3000 * Math.random();
  let busy = false, next;
  const update = async (state) => {
    next = state;
    if (busy || document.querySelector("main form")?.contains(document.activeElement)) return;
    busy = true;
    try {
      while (next !== shown) {
        const want = next;
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok) throw new Error(answer.statusText);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const restore = remember();
        document.title = page.title;
        document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
        document.dispatchEvent(new Event("content"));
        restore();
        shown = want;
      }
      status.textContent = "";
    } catch (fault) {
      late();
      setTimeout(() => next && next !== shown && update(next), pause());
    } finally {
      busy = false;
    }
  };
  // A browser gives up for good where the answer is no stream, as a proxy's is while the server
  // restarts; and it has few connections to a host, so that a page in the background has none.
  let events, again;
  const follow = () => {
    clearTimeout(again);
    if (document.hidden || events && events.readyState !== EventSource.CLOSED) return;
    events = new EventSource("/events");
    events.addEventListener("state", (event) => update(event.data));
    events.addEventListener("open", () => { status.textContent = ""; });
    events.addEventListener("error", () => {
      late();
      if (events.readyState === EventSource.CLOSED) again = setTimeout(follow, pause());
    });
  };
  document.addEventListener("visibilitychange", () => document.hidden ? events?.close() : follow());
  follow();
  addEventListener("focusout", () => setTimeout(() => next && next !== shown && update(next)));
})();
