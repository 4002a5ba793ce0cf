/** The link to a view: coordinates, mode and cell in the query, as app/state/links.py reads them. */
export function linkTo(address, { supervision_step, cycle, call, mode, cell, ...others }) {
  const { align = null, lead = null, why = null, map = null } = others;
  const at = `${supervision_step}.${cycle}.${call}`;
  return addressWith(address, { at, mode, cell: cell?.join(), align, lead, why, map });
}

/**
 * The address with these query parameters; those without a value are removed. Characters are escaped as
 * Python does it, since Streamlit would take another spelling for another address.
 */
export function addressWith(address, values) {
  const link = new URL(address);
  for (const [name, value] of Object.entries(values)) {
    if (value) link.searchParams.set(name, value);
    else link.searchParams.delete(name);
  }
  link.search = link.search.replaceAll("%7E", "~").replaceAll("*", "%2A");
  return link.href;
}

/**
 * Replaces the page's address before Python changes it. A change by Python would add an entry to the
 * browser's history for every view.
 */
export function replaceAddress(link) {
  if (link === location.href) return;
  try {
    history.replaceState(history.state, "", link);
  } catch {
    // too many calls, or not allowed on this page: Python's address is used
  }
}

/** The view that the address asks for, in the form of the player; null without one. */
export function readView(query = new URLSearchParams(location.search)) {
  const numbers = (name, separator, length) => {
    const parts = (query.get(name) ?? "").split(separator);
    return parts.length === length && parts.every((part) => /^\d{1,3}$/.test(part))
      ? parts.map(Number)
      : null;
  };
  const at = numbers("at", ".", 3);
  if (!at) return null;
  const [supervision_step, cycle, call] = at;
  const others = ["mode", "align", "lead", "why", "map"].map((name) => [name, query.get(name)]);
  return { supervision_step, cycle, call, cell: numbers("cell", ",", 2), ...Object.fromEntries(others) };
}
