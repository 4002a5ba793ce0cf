/**
 * A view is a link: the address of the page with the place, mode and cell that it shows, written as
 * app/state/links.py reads them.
 */
export function linkTo(address, { supervision_step, cycle, call, mode, cell, align = null, lead = null }) {
  const link = new URL(address);
  link.searchParams.set("at", `${supervision_step}.${cycle}.${call}`);
  link.searchParams.set("mode", mode);
  for (const [name, value] of Object.entries({ cell: cell?.join(), align, lead })) {
    if (value) link.searchParams.set(name, value);
    else link.searchParams.delete(name);
  }
  return link.href;
}
