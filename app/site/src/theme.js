/** The button that switches between light and dark. The choice is kept for all pages of the site. */

const KEY = "recursion-lens-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** `redraw` draws the player in the colours of the page. */
export function addThemeButton(redraw) {
  const page = document.documentElement;
  const button = document.getElementById("theme");
  const isDark = () => (page.dataset.theme ? page.dataset.theme === "dark" : dark.matches);
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
  };
  const chosen = stored();
  if (chosen) page.dataset.theme = chosen;
  button.addEventListener("click", () => {
    page.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem(KEY, page.dataset.theme);
    } catch {
      // a private window: the choice holds for this page
    }
    label();
    redraw();
  });
  dark.addEventListener("change", label);
  label();
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
