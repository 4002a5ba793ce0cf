/** Bytes as text, and a hash. */

/** Encodes bytes, which any iterable may give. */
export function base64(bytes) {
  const array = Uint8Array.from(bytes);
  let text = "";
  for (let at = 0; at < array.length; at += 1 << 14)
    text += String.fromCharCode(...array.subarray(at, at + (1 << 14)));
  return btoa(text);
}

/** Returns 16 hexadecimal digits that differ for different values (two 32-bit FNV-1a hashes of their JSON). */
export function hashOf(value) {
  let [high, low] = [0x9747b28c, 0x811c9dc5];
  for (const character of JSON.stringify(value)) {
    high = Math.imul(high ^ character.charCodeAt(0), 0x5bd1e995);
    low = Math.imul(low ^ character.charCodeAt(0), 0x01000193);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
