// A click, or Enter on the focused heading, sorts; a second one reverses the order. Empty cells stay last.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const column = [...head.parentNode.children].indexOf(head);
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const key = row => row.children[column].dataset.key ?? row.children[column].textContent;
    const order = (a, b) => head.classList.contains("n") ? a - b : a.localeCompare(b, undefined, {numeric: true});
    const rows = [...body.rows].map(row => [key(row), row]);
    rows.sort(([a], [b]) => a === "" || b === "" ? (a === "") - (b === "") : sign * order(a, b));
    for (const other of head.parentNode.children) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    body.append(...rows.map(([, row]) => row));
  });
}
// Says so where a table is wider than its box.
const watcher = new ResizeObserver(entries => {
  for (const {target} of entries) target.parentNode.classList.toggle("more", target.scrollWidth > target.clientWidth + 1);
});
for (const box of document.querySelectorAll(".scroll")) watcher.observe(box);
