(() => {
  "use strict";
  const status = document.getElementById("status");

  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.value === undefined) return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };

  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);  // what is not known is last, both ways
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  };

  const reorder = (parent, parts, column, sign, rowOf) => {
    const keyed = parts.map((part) => ({ part, key: keyOf(rowOf(part), column) }));
    keyed.sort((a, b) => compare(a.key, b.key, sign));
    parent.append(...keyed.map((item) => item.part));
  };

  const sort = (table, heads, column) => {
    const head = heads[column];
    const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    if (table.dataset.unit === "tbody") {
      reorder(table, [...table.tBodies], column, sign, (body) => body.rows[0]);
    } else {
      for (const body of table.tBodies) reorder(body, [...body.rows], column, sign, (row) => row);
    }
    const name = table.caption.cloneNode(true);
    name.querySelector("small")?.remove();
    status.textContent = `${name.textContent.trim()}: sorted by ${head.textContent.trim()}, ${direction}`;
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.dataset.sort === "no") return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, heads, column));
      head.append(button);
    });
  }

  for (const group of document.querySelectorAll("[data-choose]")) {
    const figures = [...group.children];
    const label = document.createElement("label");
    label.className = "choose";
    label.textContent = "Shown: ";
    const select = document.createElement("select");
    figures.forEach((figure, n) => select.add(new Option(figure.querySelector(".title").textContent.replace(/\.$/, ""), n)));
    const show = () => figures.forEach((figure, n) => { figure.hidden = n !== Number(select.value); });
    select.addEventListener("change", show);
    figures.forEach((figure, n) => figure.addEventListener("choose", () => { select.value = n; show(); }));
    label.append(select);
    group.prepend(label);
    show();
  }

  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const own = target.id.startsWith("claim-") ? target.querySelector("details") : null;
    for (let one = own ?? target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    target.closest("figure")?.dispatchEvent(new Event("choose"));
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  const edges = (area) => area.classList.toggle("more", area.scrollLeft + area.clientWidth < area.scrollWidth - 4);
  const watch = new ResizeObserver((entries) => entries.forEach((entry) => edges(entry.target)));
  for (const area of document.querySelectorAll(".scroll")) {
    area.addEventListener("scroll", () => edges(area), { passive: true });
    watch.observe(area);
  }

  const tip = document.getElementById("tip");
  const tell = (text, box) => {
    tip.textContent = text;
    tip.hidden = !text;
    if (!text) return;
    tip.style.left = `${Math.max(4, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 4)) + scrollX}px`;
    tip.style.top = `${box.bottom + scrollY + 4}px`;
  };
  const said = (cell) => {
    const row = cell.parentElement.cells[0].textContent.trim();
    const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
    return cell.dataset.value ? `${row}, ${head.textContent.trim()}: ${cell.dataset.value}` : "";
  };
  document.addEventListener("pointerover", (event) => {
    const point = event.target.closest("[data-tip]");
    const cell = event.target.closest("table:not(.claims) > tbody > tr > td[data-value]");
    const over = point ?? cell;
    tell(point ? point.dataset.tip : cell ? said(cell) : "", over && over.getBoundingClientRect());
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tell(""); });

  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  for (const area of document.querySelectorAll(".points")) {
    const points = [...area.querySelectorAll("[data-tip]")];
    let now = -1;
    const mark = (n) => {
      points.forEach((point, m) => point.classList.toggle("now", m === n));
      if (n >= 0) points[n].scrollIntoView({ block: "nearest", inline: "nearest" });
      tell(n < 0 ? "" : points[n].dataset.tip, n < 0 ? null : points[n].getBoundingClientRect());
      if (n >= 0) status.textContent = points[n].dataset.tip;
    };
    area.addEventListener("keydown", (event) => {
      const sideways = event.key === "ArrowRight" || event.key === "ArrowLeft";
      if (!(event.key in steps) || (sideways && area.classList.contains("scroll"))) return;
      event.preventDefault();
      now = (Math.max(now, steps[event.key] > 0 ? -1 : 0) + steps[event.key] + points.length) % points.length;
      mark(now);
    });
    area.addEventListener("blur", () => mark((now = -1)));
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .reference)")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
})();
