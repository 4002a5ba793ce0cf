/**
 * The room that a lecturer leads. The tab remembers it, so that the class is not lost on a reload.
 */

const STORAGE_KEY = "recursion-lens-room";

/** {code, key} as Python sent it to this tab earlier, or null. */
export function rememberedRoom() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY));
  } catch {
    return null; // storage is blocked
  }
}

export function rememberRoom(lead) {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(lead));
  } catch {
    // storage is blocked: a reload opens a new room
  }
}
