/** A view is a link: the address of the page with the place, mode and cell that it shows, written as app/links.py reads them. */
export function linkTo(address, { supervision_step, cycle, call, mode, cell }) {
  const link = new URL(address);
  link.searchParams.set("at", `${supervision_step}.${cycle}.${call}`);
  link.searchParams.set("mode", mode);
  if (cell) link.searchParams.set("cell", cell.join());
  else link.searchParams.delete("cell");
  return link.href;
}
