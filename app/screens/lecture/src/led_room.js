/**
 * The room that a lecturer leads: the tab remembers it, so that the class is not lost when the page is loaded
 * anew.
 */

const STORAGE_KEY = "recursion-lens-room";

/** {code, key} as Python sent it to this tab before; null where nothing is known of a room. */
export function rememberedRoom() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY));
  } catch {
    return null; // the browser keeps nothing here
  }
}

export function rememberRoom(lead) {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(lead));
  } catch {
    // then a new room is opened next time
  }
}
