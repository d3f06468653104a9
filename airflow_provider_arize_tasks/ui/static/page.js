"use strict";
// Airflow shows this page in a frame that may neither leave itself nor open windows; its own document may do both.
(() => {
  let outside = null;
  try {
    outside = window.parent !== window && window.parent.document ? window.parent.document : null;
    const theme = outside && outside.documentElement.classList;
    if (theme && (theme.contains("dark") || theme.contains("light"))) {
      document.documentElement.dataset.theme = theme.contains("dark") ? "dark" : "light";
    }
  } catch {
    outside = null; // framed by another origin, which its own headers forbid
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-top], a[data-new]");
    if (!outside || !link || event.defaultPrevented || event.button !== 0) return;
    event.preventDefault();
    const twin = outside.createElement("a");
    twin.href = link.href;
    twin.target = link.hasAttribute("data-new") || event.ctrlKey || event.metaKey ? "_blank" : "_top";
    twin.rel = "noopener noreferrer";
    outside.body.append(twin);
    twin.click();
    twin.remove();
  });
  if (location.hash === "#day" || location.hash === "#look") {
    const target = document.getElementById(location.hash.slice(1));
    if (target) target.focus({ preventScroll: false });
  }
})();
