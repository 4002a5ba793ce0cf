/** A page of text: only the theme, and the site without a network. */

import { keepOffline } from "./keep.js";
import { addThemeButton } from "./theme.js";

addThemeButton(() => {});
keepOffline();
