/** The clock of a player that plays. */

/** Beats as often as the player's speed says, for as long as it plays; beats that were missed are caught up with. */
export function keepBeating(player) {
  let last = performance.now();
  const tick = (now) => {
    if (!player.playing) return;
    for (const beat = 1000 / player.speed; now - last >= beat && player.playing; last += beat) player.beat();
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
