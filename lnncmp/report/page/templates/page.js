(() => {
  "use strict";
  const status = document.getElementById("sort-status");

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
    status.textContent = `${table.caption.textContent}: sorted by ${head.textContent.trim()}, ${direction}`;
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

  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.querySelector("details");
    if (details && target.id.startsWith("claim-")) details.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();

  const opened = [];
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.print:not([open])")) {
      details.open = true;
      opened.push(details);
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened.splice(0)) details.open = false;
  });
})();
