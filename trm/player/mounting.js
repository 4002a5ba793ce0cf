/** The views mounted in elements, while those are on the page. */

const mounted = new WeakMap(); // by element

export const mountedIn = (element) => mounted.get(element);

/**
 * Registers the view mounted in an element.
 * @returns a function that removes the view if its element has left the page. Streamlit also calls it when a
 * newer state replaces an older one; the view then stays.
 */
export function registerMounted(element, view) {
  mounted.set(element, view);
  return () => {
    if (element.isConnected) return;
    mounted.get(element)?.remove();
    mounted.delete(element);
  };
}
