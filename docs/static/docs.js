// Code and tables that scroll sideways can be reached and scrolled with the keyboard.
addEventListener("DOMContentLoaded", () => {
  for (const node of document.querySelectorAll("article pre, article table"))
    if (node.scrollWidth > node.clientWidth) node.tabIndex = 0;
});
