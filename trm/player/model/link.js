/**
 * A view is a link: the address of the page with the place, mode and cell that it shows, written as
 * app/state/links.py reads them.
 */
export function linkTo(address, { supervision_step, cycle, call, mode, cell, align = null, lead = null }) {
  const at = `${supervision_step}.${cycle}.${call}`;
  return addressWith(address, { at, mode, cell: cell?.join(), align, lead });
}

/**
 * The address with these parameters, without those that have no value. It is spelled as Python spells it:
 * Streamlit takes any other spelling for another address.
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
 * Puts an address in the place of the page's own, before Python does: that would be one more step of the
 * browser's way back for everything that is looked at.
 */
export function replaceAddress(link) {
  try {
    history.replaceState(history.state, "", link);
  } catch {
    // too many within a short time, or a page that may not: Python's word stands there then
  }
}
